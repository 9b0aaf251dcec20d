"""How things are compared: by turns, on one machine, at one time."""

import time
from dataclasses import dataclass
from statistics import median


@dataclass
class Pairs:
    """Seconds of two ways to do the same, measured by turns."""

    ours: list
    theirs: list

    @property
    def ratio(self):
        """Ours to theirs: the median of what each two neighbours in time say.

        Whatever else the machine does meanwhile slows down both of a pair.
        """
        pairs = zip(self.ours, self.theirs, strict=True)
        return median(mine / other for mine, other in pairs)

    def words(self, unit="ms"):
        """Both medians, for people."""
        factor = {"ms": 1000, "s": 1}[unit]
        digits = {"ms": 0, "s": 2}[unit]
        ours, theirs = (
            f"{median(times) * factor:.{digits}f}" for times in (self.ours, self.theirs)
        )
        return f"{ours} {unit} / {theirs} {unit}, {len(self.ours)} pairs"


def by_turns(ours, theirs, rounds, warm=2):
    """Time two functions of the round's number; each begins every second round.

    :param warm: rounds before those that count
    :param ours: function of the number of the round; what it returns, if anything, are
        the seconds to take instead of those on the clock
    :rtype: Pairs
    """
    times = {ours: [], theirs: []}
    for number in range(warm + rounds):
        for work in (ours, theirs) if number % 2 else (theirs, ours):
            times[work].append(timed(work, number))
    return Pairs(times[ours][warm:], times[theirs][warm:])


def timed(work, *arguments):
    """The seconds that a function takes, or that it returns."""
    started = time.perf_counter()
    told = work(*arguments)
    return time.perf_counter() - started if told is None else told
