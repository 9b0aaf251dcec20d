"""How things are compared: by turns, on one machine, at one time."""

import time
from dataclasses import dataclass
from math import sqrt
from statistics import median

# for a normal distribution: the standard deviation from the median of the distances,
# and the error of a median beside that of a mean
DEVIATION, OF_MEDIAN = 1.4826, 1.2533
UNITS = {"ms": (1000, 0), "s": (1, 2)}


@dataclass
class Effort:
    """How long to go on measuring.

    :ivar least: rounds at least
    :ivar most: rounds at most
    :ivar seconds: after so many, no further round
    :ivar error: of the ratio, which is good enough; chosen after the bound, not after
        what comes out
    """

    least: int
    most: int
    seconds: float = 600
    error: float = 0.0


@dataclass
class Pairs:
    """Seconds of two ways to do the same, measured by turns."""

    ours: list
    theirs: list

    @property
    def _ratios(self):
        pairs = zip(self.ours, self.theirs, strict=True)
        return [mine / other for mine, other in pairs]

    @property
    def ratio(self):
        """Ours to theirs: the median of what each two neighbours in time say.

        Whatever else the machine does meanwhile slows down both of a pair.
        """
        return median(self._ratios)

    @property
    def error(self):
        """The standard error of `ratio`, which a few wild pairs do not enlarge."""
        ratios, middle = self._ratios, self.ratio
        distance = median(abs(ratio - middle) for ratio in ratios)
        return OF_MEDIAN * DEVIATION * distance / sqrt(len(ratios))

    def words(self, unit="ms"):
        """Both medians, for people."""
        factor, digits = UNITS[unit]
        ours, theirs = (
            f"{median(times) * factor:.{digits}f} {unit}"
            for times in (self.ours, self.theirs)
        )
        count = len(self.ours)
        return f"{ours} / {theirs}; {count} pairs, ±{self.error:.1%}"


def by_turns(ours, theirs, effort, warm=2):
    """Time two functions of the round's number; each begins every second round.

    :param ours: function of the number of the round; what it returns, if anything, are
        the seconds to take instead of those on the clock
    :param Effort effort: how long to go on
    :param int warm: rounds before those that count
    :rtype: Pairs
    """
    pairs = Pairs([], [])
    for number in range(warm):
        _take_turns(ours, theirs, number)
    started = time.perf_counter()
    for number in range(warm, warm + effort.most):
        mine, other = _take_turns(ours, theirs, number)
        pairs.ours.append(mine)
        pairs.theirs.append(other)
        if number - warm + 1 >= effort.least and (
            pairs.error <= effort.error
            or time.perf_counter() - started > effort.seconds
        ):
            break
    return pairs


def _take_turns(ours, theirs, number):
    if number % 2:
        mine = timed(ours, number)
        return mine, timed(theirs, number)
    other = timed(theirs, number)
    return timed(ours, number), other


def timed(work, *arguments):
    """The seconds that a function takes, or that it returns."""
    started = time.perf_counter()
    told = work(*arguments)
    return time.perf_counter() - started if told is None else told
