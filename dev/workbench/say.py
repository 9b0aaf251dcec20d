"""Words for the person at the terminal."""

import os
import subprocess
import sys
import time

# handed on to the Python in the venv, which goes on with this command
_started = float(os.environ.setdefault("WORKBENCH_STARTED", str(time.time())))


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
        raise Fault(f"{fault} {_reason(done.stdout)}".strip())
    return done.stdout


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
        status = _complain(f"The machine refused: {error}.")
    sys.stdout.flush()
    sys.exit(status)


def _complain(text, status=1):
    name = os.environ.get("WORKBENCH_COMMAND", "dev")
    print(f"{name}: {text}", file=sys.stderr, flush=True)
    return status
