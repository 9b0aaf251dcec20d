"""Programs that run beside this one, end with it, and answer on a port."""

import contextlib
import ctypes
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

from .say import Fault

HOST = "127.0.0.1"
DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG
PAUSE = 0.25  # seconds between two questions whether a program answers
FAREWELL = 15  # seconds that a program may take to end
# a proxy has no business between the programs of one machine
_straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@contextlib.contextmanager
def running(command, log, env=None):
    """A program that runs as long as the context; its words go to the file `log`."""
    with open(log, "w") as words:
        process = subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent,
        )
        try:
            yield process
        finally:
            _stop(process)


def die_with_parent():
    """Let a child end when this program is killed; for `preexec_fn`."""
    ctypes.CDLL(None).prctl(DEATH_SIGNAL, signal.SIGTERM)


def _stop(process):
    process.terminate()
    try:
        process.wait(timeout=FAREWELL)
    except subprocess.TimeoutExpired:
        process.kill()


def wait_for(url, process, log, patience=180):
    """Wait until a program answers at `url`.

    :param int patience: seconds after which it is given up
    :raise Fault: if it does not, or has ended
    """
    for _attempt in range(int(patience / PAUSE)):
        with contextlib.suppress(urllib.error.URLError, OSError):
            _straight.open(url, timeout=patience).close()
            return
        if process.poll() is not None:
            break
        time.sleep(PAUSE)
    raise Fault(f"{log.stem.capitalize()} does not answer; its log tells why: {log}")


def free_ports(count):
    """So many different ports that nobody listens on at this moment."""
    with contextlib.ExitStack() as probes:
        # held all at once: else one might be found twice
        found = [probes.enter_context(socket.socket()) for _number in range(count)]
        for probe in found:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in found]


def refusal(port):
    """Why nothing can listen on `port`, empty if it is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            return "is not allowed to this user"
        except OSError:
            return "is taken"
    return ""
