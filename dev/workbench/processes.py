"""Programs and WSGI applications that run beside a command, each on a port."""

import contextlib
import logging
import os
import socket
import subprocess
import threading
import time
import urllib.request

import psutil
from werkzeug.serving import make_server

from .console import CommandError

HOST = "127.0.0.1"
START_TIMEOUT = 180  # seconds
STOP_TIMEOUT = 15


@contextlib.contextmanager
def running(command, log, url, **variables):
    """A program that runs as long as the context, once it answers at `url`.

    :param log: the file for its output
    :param variables: of its environment
    """
    with open(log, "w") as output:
        process = psutil.Popen(
            command,
            env=os.environ | variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_for(url, process, log)
            yield process
        finally:
            stop([process])


def stop(processes):
    """End processes, by force if they do not end by themselves."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in psutil.wait_procs(processes, timeout=STOP_TIMEOUT)[1]:
        process.kill()


def _wait_for(url, process, log):
    end = time.monotonic() + START_TIMEOUT
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=START_TIMEOUT).close()
            return
        time.sleep(0.25)
    raise CommandError(f"{log.stem.capitalize()} does not answer; see its log: {log}")


@contextlib.contextmanager
def serving(application, port=0):
    """A WSGI application that answers as long as the context; yields its address."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server(HOST, port, application, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{HOST}:{server.port}"
    finally:
        server.shutdown()


def free_ports(count):
    """That many different ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _number in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]
