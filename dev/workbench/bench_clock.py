"""A clock that other programs of the machine do not move: processor time.

Where nothing waits for a network or a disk, it is the time on the wall of an idle
machine; and a difference of one per cent shows on it even beside a noisy neighbour.
"""

import contextlib
import time

CLOCK_OF_ALL_THREADS = (
    2  # CPUCLOCK_SCHED in Linux, whose clocks are numbered by process
)


def processor_seconds(pid):
    """The processor time that a process has used so far, ended threads included."""
    return time.clock_gettime((~pid << 3) | CLOCK_OF_ALL_THREADS)


class WorkClock:
    """Processor time of an Odoo server and of what PostgreSQL does for it.

    :param connection: to PostgreSQL, on the same machine
    :param int odoo_pid: the server's process
    :param databases: the names of its databases
    """

    def __init__(self, connection, odoo_pid, databases):
        self._cursor = connection.cursor()
        self._odoo_pid = odoo_pid
        self._databases = list(databases)

    def timing(self, work):
        """A function like `work` that returns the seconds of work it took."""

        def act(*arguments):
            before = self._read()
            work(*arguments)
            after = self._read()
            return sum(seconds - before.get(pid, 0.0) for pid, seconds in after.items())

        return act

    def _read(self):
        """Seconds by process."""
        self._cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = ANY(%s)",
            [self._databases],
        )
        pids = [self._odoo_pid, *(pid for (pid,) in self._cursor.fetchall())]
        seconds = {}
        for pid in pids:
            with contextlib.suppress(OSError):  # it has just ended
                seconds[pid] = processor_seconds(pid)
        return seconds
