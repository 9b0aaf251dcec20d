"""What runs while the benchmark measures: Odoo, and what it speaks with."""

import contextlib
import ctypes
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from . import cache, mailbox
from .odoo import ADDON, troubles
from .say import Fault

HOST = "127.0.0.1"
PATIENCE = 180  # seconds until Odoo must answer
DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG

sys.path.append(str(cache.ROOT / ADDON / "tests"))  # the emulator stands alone


def free_port():
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def emulator():
    """A local Payplug that answers at once."""
    from payplug_emulator import PayplugEmulator

    with PayplugEmulator.start() as running:
        yield running


def mail_sink(port):
    """A mail server that keeps what it gets, in a `Mailbox`; a context."""
    return mailbox.served(mailbox.Mailbox(), HOST, port)


class MollieStandIn:
    """Mollie's API as far as a paid payment is asked about."""

    def __init__(self):
        self.amounts = {}  # of each payment, by its id, as Mollie writes it
        self.url = ""

    def __call__(self, environ, start_response):
        payment_id = Request(environ).path.rpartition("/")[2]
        body = {
            "resource": "payment",
            "id": payment_id,
            "status": "paid",
            "method": "creditcard",
            "details": {"cardLabel": "Visa"},
            "amount": {"currency": "EUR", "value": self.amounts[payment_id]},
        }
        answer = Response(json.dumps(body), content_type="application/json")
        return answer(environ, start_response)


@contextlib.contextmanager
def mollie():
    """A local Mollie that answers at once."""
    stand_in = MollieStandIn()
    server = make_server(
        HOST, 0, stand_in, threaded=True, request_handler=_SilentHandler
    )
    stand_in.url = f"http://{HOST}:{server.port}/v2/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()


class _SilentHandler(WSGIRequestHandler):
    def log(self, *_arguments):
        """Print nothing: the terminal belongs to the benchmark."""


@contextlib.contextmanager
def odoo_server(odoo, settings, port, databases):
    """Odoo as a server of these databases; yields the number of its process.

    Its log may hold no warning. Its scheduled actions do not run: they would be
    measured, too.
    """
    path = cache.folder() / "bench.log"
    with open(path, "w") as log:
        process = subprocess.Popen(
            odoo.command("server", "-c", settings, "-d", ",".join(databases)),
            env=odoo.environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_parent,
        )
        try:
            _wait_for(f"http://{HOST}:{port}/web/health", process, path)
            yield process.pid
        finally:
            _stop(process)
    if lines := troubles(path.read_text(errors="replace")):
        raise Fault("Odoo warned while it was measured:\n" + "\n".join(lines))


def _wait_for(url, process, log):
    for _attempt in range(PATIENCE * 4):
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(url, timeout=PATIENCE).close()
            return
        if process.poll() is not None:
            break
        time.sleep(0.25)
    raise Fault(f"Odoo does not answer; its log tells why: {log}")


def _die_with_parent():
    """Let a child end when this program is killed."""
    ctypes.CDLL(None).prctl(DEATH_SIGNAL, signal.SIGTERM)


def _stop(process):
    process.terminate()
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
