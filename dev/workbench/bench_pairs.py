"""How two ways to do the same are compared: by turns, on one machine, at one time."""

import time
from dataclasses import dataclass
from math import sqrt
from statistics import median

# of a normal distribution: of the deviation from the median, and of a median's error
DEVIATION, OF_MEDIAN = 1.4826, 1.2533
WARM_UP = 2  # rounds that do not count


@dataclass
class Effort:
    """How many rounds at least (and at most three times as many), the seconds after
    which no further one begins, and the error of the ratio that is good enough."""

    rounds: int
    seconds: float
    error: float

    @property
    def most(self):
        """The number of rounds to prepare, with the warm-up."""
        return WARM_UP + 3 * self.rounds

    def quick(self):
        """A third of the effort."""
        return Effort(self.rounds // 3, self.seconds / 3, self.error * 1.7)


@dataclass
class Pairs:
    """Seconds of two ways to do the same, measured by turns."""

    ours: list
    theirs: list

    @property
    def ratio(self):
        """Ours to theirs: the median, as the machine slows down both of a pair."""
        return median(self._ratios())

    @property
    def error(self):
        """The standard error of `ratio`, which a few wild pairs do not enlarge."""
        ratios, middle = self._ratios(), self.ratio
        distance = median(abs(ratio - middle) for ratio in ratios)
        return OF_MEDIAN * DEVIATION * distance / sqrt(len(ratios))

    def describe(self):
        """Both medians, for people."""
        times = [f"{median(of) * 1000:.0f} ms" for of in (self.ours, self.theirs)]
        return f"{' / '.join(times)}; {len(self.ours)} pairs, ±{self.error:.1%}"

    def _ratios(self):
        return [one / other for one, other in zip(self.ours, self.theirs, strict=True)]


def by_turns(ours, theirs, effort, renew=None):
    """Time two functions of the round's number; each begins every second round.

    What they return are the seconds to take, if not those on the clock. Every 20
    rounds `renew()` is called.
    """
    pairs = Pairs([], [])
    started = time.perf_counter()
    for number in range(effort.most):
        if renew and not number % 20:
            renew()
        work = [(ours, pairs.ours), (theirs, pairs.theirs)]
        for act, times in reversed(work) if number % 2 else work:
            times.append(timed(act, number))
        if number < WARM_UP:
            pairs = Pairs([], [])
            continue
        is_late = time.perf_counter() - started > effort.seconds
        is_enough = len(pairs.ours) >= effort.rounds
        if is_enough and (is_late or pairs.error <= effort.error):
            break
    return pairs


def timed(work, *arguments):
    """The seconds that a function takes, or that it returns."""
    started = time.perf_counter()
    seconds = work(*arguments)
    return time.perf_counter() - started if seconds is None else seconds
