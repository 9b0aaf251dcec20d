"""A local Payplug for tests and demonstrations: its API, its payment page, its calls.

    python payplug_emulator.py --port 8070

in a shell, or ``PayplugEmulator.start()`` in a test. It knows nothing of Odoo, and any
client of Payplug's API can use it. It never belongs to production.

Amounts are integer cents, moments UTC Unix seconds, durations seconds.

Hooks for tests are methods of `PayplugEmulator`; beside it, each of them answers at
``POST /_emulator/<method>``, whose JSON body holds the named arguments, with
``{"result": ...}``:

====================  =================================================================
method                arguments (default) and effect
====================  =================================================================
advance               seconds, minutes, hours, days (0): move the clock forward
pay                   payment_id, card, paid_at (now), late (False: only when open)
refuse                payment_id, code ("card_declined"): refuse a card, stay open
expire                payment_id: time out at once
abort                 payment_id: abort as in the merchant's portal
refund                payment_id, cents (all that is left)
payment               payment_id: the resource as it stands
alter                 payment_id, fields: change the stored resource
forget                payment_id: 404 from now on
add_account           name, live_allowed, min_cents, max_cents, email, password, …
add_payments          count, account_id, is_live, …: payments made elsewhere
fail                  kind, times (1), method, path, seconds, fields, processed: see
                      `PayplugEmulator.fail`
clear_faults          no further faults
set_latency           seconds: of every answer of the API
go_down, come_back    close the connection of every call, without an answer
set_notifications     hold, copies, reverse: late, duplicate and reordered ones
deliver               send the notifications that are due
ledger                the money that was taken
list_calls            the calls that the API received
list_notifications    what merchants were told, with the statuses of each attempt
reset                 forget everything but the accounts
====================  =================================================================

Kinds of faults, and whether the call is carried out before its answer goes wrong:

============================  ===========  ============================================
kind                          carried out  answer
============================  ===========  ============================================
delay                         yes          the right one, ``seconds`` later
drip                          yes          the right one, a byte every ``seconds``
drop                          yes          none: the connection is closed
lie                           yes          the right one with other ``fields``
bad_utf8, empty, list, null   yes          200 with such a body
error                         no           200 with an error object
html                          no           200 with a page of HTML
redirect                      no           302 to ``/test``
429, 403, … (int or string)   no           an error object, from 500 on a page of HTML
============================  ===========  ============================================
"""

# A program of its own: it prints, and its methods are not Odoo's.
# pylint: disable=missing-return,print-used

import argparse
import socket
import threading
from copy import deepcopy

from werkzeug.serving import make_server
from werkzeug.wrappers import Request

if __package__:
    from .emulator.api import read_json
    from .emulator.faults import ConnectionDropped, json_answer
    from .emulator.gate import Gate
    from .emulator.payplug import DEMO_EMAIL, DEMO_PASSWORD
    from .emulator.rules import Refusal
    from .emulator.server import Handler
else:  # run as a script, or found on the path: its folder is on the path, too
    from emulator.api import read_json
    from emulator.faults import ConnectionDropped, json_answer
    from emulator.gate import Gate
    from emulator.payplug import DEMO_EMAIL, DEMO_PASSWORD
    from emulator.rules import Refusal
    from emulator.server import Handler

TICK = 0.2  # seconds between two looks at the queue of notifications
HOOK_PATH = "/_emulator/"

HOOKS = frozenset(
    """abort add_account add_payments advance alter clear_faults come_back deliver
    expire fail forget go_down ledger list_calls list_notifications pay payment refund
    refuse reset set_latency set_notifications""".split()
)


class PayplugEmulator(Gate):
    """A running Payplug; a context manager that stops it.

    :ivar str url: where it answers, without final slash
    :ivar int connections: how many connections were opened since `reset`
    :param options: as for `Payplug`
    """

    def __init__(self, **options):
        super().__init__(**options)
        self._sockets = set()
        self._threads = []
        self.is_verbose = False

    # === LIFE === #

    @classmethod
    def start(
        cls,
        host="127.0.0.1",
        port=0,
        deliver_automatically=False,
        verbose=False,
        **options,
    ):
        """Return an emulator that listens.

        :param int port: 0 for any free one
        :param bool deliver_automatically: send notifications from an own thread;
            otherwise only `deliver` does
        :param bool verbose: print a line per request
        :param options: as for `Payplug`
        """
        self = cls(**options)
        self.is_verbose = verbose
        self._server = make_server(
            host, port, self, threaded=True, request_handler=Handler
        )
        self.url = f"http://{host}:{self._server.port}"
        # The poll is how long `stop` may have to wait.
        self._run(self._server.serve_forever, poll_interval=0.05)
        if deliver_automatically:
            self._run(self._deliver_until_stopped)
        return self

    def stop(self):
        """Answer nobody any more, and free the port."""
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._close_connections()
        for thread in self._threads:
            thread.join(timeout=5)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.stop()

    def _run(self, work, **options):
        thread = threading.Thread(target=work, kwargs=options, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _deliver_until_stopped(self):
        while not self._stopped.wait(TICK):
            if not self.hold:
                self.deliver()

    def _close_connections(self):
        with self._lock:
            sockets = list(self._sockets)
        for connection in sockets:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was faster

    def connection_opened(self, connection):
        """Count a client's connection (called by the server)."""
        with self._lock:
            self.connections += 1
            self._sockets.add(connection)

    def connection_closed(self, connection):
        """Forget a client's connection (called by the server)."""
        with self._lock:
            self._sockets.discard(connection)

    # === HOOKS === #

    def reset(self):
        """Forget everything but the accounts, as the constructor leaves it."""
        with self._lock:
            super().reset()
            self.connections = 0

    def list_notifications(self):
        """Return what merchants were or will be told, as `Notification`."""
        with self._lock:
            return deepcopy(self.notifications)

    # === ANSWERING === #

    def __call__(self, environ, start_response):
        request = Request(environ)
        if request.path.startswith(HOOK_PATH):
            response = self._answer_hook(request)
        elif self.is_down:
            raise ConnectionDropped
        else:
            response = self._answer(request)
        return response(environ, start_response)

    def _answer_hook(self, request):
        name = request.path[len(HOOK_PATH) :]
        if request.method != "POST" or name not in HOOKS:
            return json_answer(
                {"object": "error", "message": f"No such hook: {name}"}, 404
            )
        try:
            return json_answer({"result": getattr(self, name)(**read_json(request))})
        except Refusal as refusal:
            return json_answer(refusal.body, refusal.status)
        except (TypeError, ValueError) as error:
            return json_answer({"object": "error", "message": str(error)}, 400)


WELCOME = """Payplug emulator: {url}
  e-mail    {email}
  password  {password}
  test key  {test_key}
  live key  {live_key}
  card      4242 4242 4242 4242, any future date, any 3 digits
Ctrl-C stops it."""


def main(arguments=None):
    """Run the emulator until it is interrupted."""
    parser = argparse.ArgumentParser(description="A local Payplug, without real money.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8070, help="0 for any free one")
    parser.add_argument("--latency-ms", type=int, default=0, help="of each API answer")
    parser.add_argument("--merchant", default="Demo", help="shown on the payment page")
    parser.add_argument(
        "--no-live",
        action="store_true",
        help="the account may not take live payments yet, and has no live key",
    )
    options = parser.parse_args(arguments)
    with PayplugEmulator.start(
        options.host, options.port, deliver_automatically=True, verbose=True
    ) as emulator:
        account = emulator.accounts[0]
        account.name = options.merchant
        if options.no_live:
            account.live_allowed, account.live_key = False, None
        emulator.set_latency(options.latency_ms / 1000)
        demo = {"email": DEMO_EMAIL, "password": DEMO_PASSWORD}
        keys = {"test_key": account.test_key, "live_key": account.live_key or "none"}
        print(WELCOME.format(url=emulator.url, **demo, **keys), flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("Stopped.")


if __name__ == "__main__":
    main()
