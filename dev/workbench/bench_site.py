"""What runs while the benchmark measures: Odoo, and what it speaks with."""

import contextlib
import json
import sys
import threading

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from . import cache, mailbox
from .odoo import ADDON, troubles
from .processes import HOST, running, wait_for
from .say import Fault

sys.path.append(str(cache.ROOT / ADDON / "tests"))  # the emulator stands alone


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
    log = cache.folder() / "bench.log"
    command = odoo.command("server", "-c", settings, "-d", ",".join(databases))
    with running(command, log, odoo.environment()) as process:
        wait_for(f"http://{HOST}:{port}/web/health", process, log)
        yield process.pid
    if lines := troubles(log.read_text(errors="replace")):
        raise Fault("Odoo warned while it was measured:\n" + "\n".join(lines))
