"""How two ways to do the same are compared: by turns, on one machine, at one time."""

import time
from dataclasses import dataclass
from math import sqrt
from statistics import median

# for a normal distribution: the standard deviation from the median of the distances,
# and the error of a median beside that of a mean
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
        """Ours to theirs: the median of the pairs.

        Whatever else the machine does meanwhile slows down both of a pair.
        """
        return median(self._ratios())

    @property
    def error(self):
        """The standard error of `ratio`, which a few wild pairs do not enlarge."""
        ratios, middle = self._ratios(), self.ratio
        distance = median(abs(ratio - middle) for ratio in ratios)
        return OF_MEDIAN * DEVIATION * distance / sqrt(len(ratios))

    def describe(self):
        """Both medians, for people."""
        ours, theirs = (
            f"{median(times) * 1000:.0f} ms" for times in (self.ours, self.theirs)
        )
        return f"{ours} / {theirs}; {len(self.ours)} pairs, ±{self.error:.1%}"

    def _ratios(self):
        return [
            ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)
        ]


def by_turns(ours, theirs, effort):
    """Time two functions of the round's number; each begins every second round.

    What they return, if anything, are the seconds to take instead of those on the
    clock.
    """
    pairs = Pairs([], [])
    started = time.perf_counter()
    for number in range(effort.most):
        if number % 2:
            mine, other = timed(ours, number), timed(theirs, number)
        else:
            other, mine = timed(theirs, number), timed(ours, number)
        if number < WARM_UP:
            continue
        pairs.ours.append(mine)
        pairs.theirs.append(other)
        is_late = time.perf_counter() - started > effort.seconds
        if len(pairs.ours) >= effort.rounds and (
            is_late or pairs.error <= effort.error
        ):
            break
    return pairs


def timed(work, *arguments):
    """The seconds that a function takes, or that it returns."""
    started = time.perf_counter()
    seconds = work(*arguments)
    return time.perf_counter() - started if seconds is None else seconds
