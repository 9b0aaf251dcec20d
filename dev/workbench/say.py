"""Words for the person at the terminal."""

import errno
import os
import subprocess
import sys
import time

# handed on to the Python in the venv, which goes on with this command
_started = float(os.environ.setdefault("WORKBENCH_STARTED", str(time.time())))
# what the system answers when a disk, a quota or the largest file is full
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Fault(Exception):
    """Something a person has to settle: its text is one sentence with the way out."""


def step(text):
    """Say what is being done now, with the seconds since the start."""
    seconds = time.time() - _started
    print(f"[{seconds:4.0f} s] {text}", flush=True)


def run(command, fault, *, env=None, cwd=None):
    """Run quietly, return what it printed; a failure becomes the sentence `fault`."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise Fault(f"{fault} ({error})") from error
    if done.returncode:
        refuse_full_disk(done.stdout)
        raise Fault(f"{fault} {_reason(done.stdout)}".strip())
    return done.stdout


def refuse_full_disk(output):
    """Raise a Fault if a program that failed says that there was no room."""
    if any(os.strerror(number) in output for number in FULL):
        raise Fault(_no_room(_reason(output)))


def _no_room(reason):
    return (
        f"There is no room left on the disk; make room and start again. {reason}"
    ).strip()


def _reason(output):
    """The line in which a command says why it failed."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [
        line for line in lines if line.lower().startswith(("e:", "error", "fatal"))
    ]
    return f"(It said: {(errors or lines)[-1]})" if lines else ""


def guarded(main):
    """Call `main` and exit with its status; a Fault is told in one sentence."""
    try:
        status = main()
    except Fault as fault:
        status = _complain(str(fault))
    except KeyboardInterrupt:
        status = _complain("Stopped.", 130)
    except OSError as error:
        is_full = error.errno in FULL
        reason = _no_room(f"({error})") if is_full else f"The machine refused: {error}."
        status = _complain(reason)
    sys.stdout.flush()
    sys.exit(status)


def _complain(text, status=1):
    name = os.environ.get("WORKBENCH_COMMAND", "dev")
    print(f"{name}: {text}", file=sys.stderr, flush=True)
    return status
