"""Messages at the terminal, and programs that run without output."""

import os
import signal
import subprocess
import sys
import time

# handed on to the Python in the venv, which goes on with the same command
_started = float(os.environ.setdefault("WORKBENCH_STARTED", str(time.time())))


class CommandError(Exception):
    """Ends the command: one sentence that tells what is missing and what to do."""


def step(text):
    """Print what is being done now, with the seconds since the start."""
    print(f"[{time.time() - _started:4.0f} s] {text}", flush=True)


def run(command, message, *, env=None, cwd=None):
    """Run a program and return its output; if it fails, raise `message`."""
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
        raise CommandError(f"{message} ({error})") from error
    if done.returncode:
        raise CommandError(f"{message} {_reason(done.stdout)}".strip())
    return done.stdout


def _reason(output):
    """The line in which a program tells why it failed."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    starts = ("e:", "error", "fatal")
    errors = [line for line in lines if line.lower().startswith(starts)]
    return f"(Its message: {(errors or lines)[-1]})" if lines else ""


def exit_with(main):
    """Call `main` and exit with its status; an error is printed in one sentence."""
    # the same as Ctrl-C: whatever was started is stopped
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    failure = ""
    try:
        status = main()
    except (CommandError, OSError) as error:
        failure, status = error, 1
    except KeyboardInterrupt:
        failure, status = "Stopped.", 130
    sys.stdout.flush()
    if failure:
        name = os.environ.get("WORKBENCH_COMMAND", "dev")
        print(f"{name}: {failure}", file=sys.stderr, flush=True)
    sys.exit(status)
