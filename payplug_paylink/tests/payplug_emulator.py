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
import io
import json
import socket
import threading
from copy import deepcopy
from dataclasses import dataclass

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

if __package__:
    from . import payplug_emulator_page as page
    from .payplug_emulator_core import (
        DEMO_EMAIL,
        DEMO_PASSWORD,
        TOKEN_SECONDS,
        Account,
        Payplug,
        Refusal,
        merge,
    )
else:  # run as a script, or found on the path: its folder is on the path, too
    import payplug_emulator_page as page
    from payplug_emulator_core import (
        DEMO_EMAIL,
        DEMO_PASSWORD,
        TOKEN_SECONDS,
        Account,
        Payplug,
        Refusal,
        merge,
    )

LARGEST_PAGE = 100  # payments in one page of the list
TICK = 0.2  # seconds between two looks at the queue of notifications
HOOK_PATH = "/_emulator/"
DRIP = "X-Drip"  # from the fault to the handler: seconds between two bytes

HOOKS = frozenset(
    """abort add_account add_payments advance alter clear_faults come_back deliver
    expire fail forget go_down ledger list_calls list_notifications pay payment refund
    refuse reset set_latency set_notifications""".split()
)
ROUTES = Map(
    [
        Rule("/test", methods=["GET"], endpoint="ping"),
        Rule("/oauth2/token", methods=["POST"], endpoint="token"),
        Rule("/v1/keys", methods=["POST"], endpoint="keys"),
        Rule("/v1/account", methods=["GET"], endpoint="account"),
        Rule("/v1/payments", methods=["POST"], endpoint="create"),
        Rule("/v1/payments", methods=["GET"], endpoint="list"),
        Rule("/v1/payments/<payment_id>", methods=["GET"], endpoint="get"),
        Rule("/v1/payments/<payment_id>", methods=["PATCH"], endpoint="patch"),
        Rule("/v1/payments/<payment_id>/refunds", methods=["POST"], endpoint="refund"),
        Rule("/v1/payments/<payment_id>/refunds", methods=["GET"], endpoint="refunds"),
        Rule(
            "/v1/payments/<payment_id>/refunds/<refund_id>",
            methods=["GET"],
            endpoint="get_refund",
        ),
        Rule("/pay/<letters>", methods=["GET", "POST"], endpoint="live_page"),
        Rule("/pay/test/<letters>", methods=["GET", "POST"], endpoint="test_page"),
    ],
    merge_slashes=False,
)

HTML_ERROR = "<html><body><h1>{status} Service error</h1></body></html>"
CARRIED_OUT = {"delay", "drip", "drop", "lie", "bad_utf8", "empty", "list", "null"}
BODIES = {
    "bad_utf8": b'{"object": "payment", "id": "pay_\xff\xfe"}',
    "empty": b"",
    "list": b"[]",
    "null": b"null",
    "error": b'{"object": "error", "message": "Something went wrong."}',
}


class ConnectionDropped(Exception):
    """The connection ends here, without an answer."""


@dataclass
class Call:
    """A call that the API received.

    :ivar status: of the answer, None when the connection was dropped
    :ivar account: id of the account behind the key, None without a valid key
    :ivar is_live: mode of the key, None without a valid key
    :ivar version: the ``PayPlug-Version`` header
    :ivar body: the JSON that was sent, or the fields of a form
    """

    method: str
    path: str
    query: dict
    status: int | None
    account: str | None
    is_live: bool | None
    version: str | None
    body: object


@dataclass
class Caller:
    """Who calls the API: an account, in one mode, in one version of the API."""

    account: Account | None = None
    is_live: bool | None = None
    is_legacy: bool = False


@dataclass
class Fault:
    """What will go wrong with some calls, see `PayplugEmulator.fail`."""

    kind: str
    times: int | None
    method: str | None
    path: str | None
    seconds: float
    fields: dict
    processed: bool

    def concerns(self, request):
        """Tell whether this call goes wrong; without a path, any call of the API."""
        if self.path is None and request.path.startswith("/pay/"):
            return False
        same_method = self.method in (None, request.method)
        return same_method and request.path.startswith(self.path or "/")

    def spoil(self, response):
        """Return what is answered instead, None to close the connection."""
        if self.kind in ("drop", "delay", "drip"):
            if self.kind == "drip":
                response.headers[DRIP] = str(self.seconds)
            return None if self.kind == "drop" else response
        if self.kind == "lie":
            return _json(_lie(json.loads(response.data), self.fields), response.status)
        if self.kind in BODIES:
            return Response(BODIES[self.kind], content_type="application/json")
        if self.kind == "redirect":
            return Response(status=302, headers={"Location": "/test"})
        status = 200 if self.kind == "html" else int(self.kind)
        if status == 200 or status >= 500:
            html = HTML_ERROR.format(status=status)
            return Response(html, status, content_type="text/html")
        return _json({"object": "error", "message": f"Error {status}."}, status)


def _lie(body, fields):
    if isinstance(body.get("data"), list):
        return {**body, "data": [merge(item, fields) for item in body["data"]]}
    return merge(body, fields)


def _bearer(request):
    kind, _space, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _json(body, status=200):
    text = json.dumps(body, default=vars)
    return Response(text, status, content_type="application/json")


def _read_json(request):
    """Return the JSON object of a body, an empty one when there is none.

    :raise Refusal: 400 when it is something else
    """
    try:
        body = json.loads(request.get_data() or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refusal(400, "Bad request.", "The body must be a JSON object.")
    return body


class PayplugEmulator(Payplug):
    """A running Payplug; a context manager that stops it.

    :ivar str url: where it answers, without final slash
    :ivar int connections: how many connections were opened since `reset`
    :param options: as for `Payplug`
    """

    def __init__(self, **options):
        super().__init__(**options)
        self._stopped = threading.Event()
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
            host, port, self, threaded=True, request_handler=_Handler
        )
        self.url = f"http://{host}:{self._server.port}"
        # The poll is how long `stop` may have to wait.
        self._run(self._server.serve_forever, poll_interval=0.05)
        if deliver_automatically:
            self._run(self._deliver_until_stopped)
        return self

    def wait(self, seconds):
        """Wait; return whether the emulator was stopped meanwhile."""
        return self._stopped.wait(seconds)

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
            self.latency = 0
            self.is_down = False
            self._calls = []
            self._faults = []

    @property
    def calls(self):
        """The calls that the API received, as `Call`, oldest first."""
        with self._lock:
            return list(self._calls)

    def list_calls(self):
        """Return `calls`."""
        return self.calls

    def list_notifications(self):
        """Return what merchants were or will be told, as `Notification`."""
        with self._lock:
            return deepcopy(self.notifications)

    def set_latency(self, seconds):
        """Make every answer of the API take so long, until `reset`."""
        self.latency = seconds

    def go_down(self):
        """Close the connection of every call without an answer, hooks excepted."""
        self.is_down = True

    def come_back(self):
        """Answer again."""
        self.is_down = False

    def fail(
        self,
        kind,
        times=1,
        method=None,
        path=None,
        seconds=0,
        fields=None,
        processed=None,
    ):
        """Let calls go wrong; of several faults, the first that fits a call acts.

        :param kind: one of the table above, or an HTTP status
        :param times: how many calls, None for all until `clear_faults`
        :param str method: only calls with this HTTP method
        :param str path: only calls whose path starts like this
        :param float seconds: the answer takes so much longer
        :param dict fields: of a lie: they replace those of the answer, or of each item
            of a list, nested ones as nested dicts
        :param bool processed: whether the call is carried out nevertheless, other than
            the table above says; what is late or lies is always carried out
        """
        kind = str(kind)
        known = CARRIED_OUT | BODIES.keys() | {"html", "redirect"}
        if kind not in known and not (kind.isdigit() and 200 <= int(kind) < 600):
            raise ValueError(f"No such fault: {kind}")
        carried_out = kind in CARRIED_OUT if processed is None else processed
        carried_out = carried_out or kind in ("delay", "lie")
        fault = Fault(kind, times, method, path, seconds, fields or {}, carried_out)
        with self._lock:
            self._faults.append(fault)

    def clear_faults(self):
        """Let no further call go wrong."""
        with self._lock:
            self._faults.clear()

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
            return _json({"object": "error", "message": f"No such hook: {name}"}, 404)
        try:
            return _json({"result": getattr(self, name)(**_read_json(request))})
        except Refusal as refusal:
            return _json(refusal.body, refusal.status)
        except (TypeError, ValueError) as error:
            return _json({"object": "error", "message": str(error)}, 400)

    def _answer(self, request):
        fault = self._take_fault(request)
        caller, response, is_page = Caller(), None, request.path.startswith("/pay/")
        if not fault or fault.processed:
            caller, response = self._process(request)
        if fault:
            response = fault.spoil(response)
        if not is_page:
            self._remember(request, caller, response)
        late = fault.seconds if fault and fault.kind != "drip" else 0
        seconds = (0 if is_page else self.latency) + late
        if seconds:
            self._stopped.wait(seconds)
        if response is None:
            raise ConnectionDropped
        return response

    def _take_fault(self, request):
        with self._lock:
            for fault in self._faults:
                if not fault.concerns(request):
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times < 1:
                        self._faults.remove(fault)
                return fault
        return None

    def _remember(self, request, caller, response):
        data = request.get_data(as_text=True)
        try:
            body = json.loads(data) if data else None
        except ValueError:
            body = request.form.to_dict() or data
        call = Call(
            method=request.method,
            path=request.path,
            query=request.args.to_dict(),
            status=response.status_code if response else None,
            account=caller.account.id if caller.account else None,
            is_live=caller.is_live,
            version=request.headers.get("PayPlug-Version"),
            body=body,
        )
        with self._lock:
            self._calls.append(call)

    def _process(self, request):
        """Return the `Caller` and the right answer."""
        request.get_data()  # kept, so that forms and JSON may be read more than once
        caller = Caller(is_legacy="PayPlug-Version" not in request.headers)
        try:
            if request.path.startswith("/v1") and request.path != "/v1/keys":
                caller.account, caller.is_live = self.find_caller(_bearer(request))
            endpoint, values = ROUTES.bind_to_environ(request.environ).match()
            with self._lock:
                answer = getattr(self, f"_answer_{endpoint}")(request, caller, **values)
        except Refusal as refusal:
            answer = _json(refusal.body, refusal.status)
        except HTTPException as error:
            answer = _json({"object": "error", "message": error.name}, error.code)
            answer.headers.extend(
                (name, value)
                for name, value in error.get_headers()
                if name.lower() == "allow"
            )
        return caller, answer

    # === THE API === #

    def _answer_ping(self, request, caller):
        return _json({"object": "test", "message": "OK"})

    def _answer_keys(self, request, caller):
        body = _read_json(request)
        account = self.sign_in(body.get("email"), body.get("password"))
        keys = {"test": account.test_key, "live": account.live_key}
        return _json({"secret_keys": keys}, 201)

    def _answer_token(self, request, caller):
        client = request.authorization
        token = client and self.issue_token(client.username, client.password)
        if not token:
            return _json({"error": "invalid_client"}, 401)
        if request.form.get("grant_type") != "client_credentials":
            return _json({"error": "unsupported_grant_type"}, 400)
        return _json(
            {
                "access_token": token,
                "expires_in": TOKEN_SECONDS,
                "scope": "",
                "token_type": "bearer",
            }
        )

    def _answer_account(self, request, caller):
        return _json(caller.account.as_json(caller.is_live))

    def _answer_create(self, request, caller):
        payment = self.create_payment(
            caller.account, caller.is_live, _read_json(request), caller.is_legacy
        )
        return _json(payment.as_json(caller.is_legacy), 201)

    def _answer_list(self, request, caller):
        size = self._read_number(request, "per_page", 10, 1, LARGEST_PAGE)
        number = self._read_number(request, "page", 0, 0, 1_000_000)
        payments = self.list_payments(caller.account, caller.is_live)
        first, beyond = number * size, (number + 1) * size
        shown = payments[first:beyond]
        return _json(
            {
                "object": "list",
                "page": number,
                "per_page": size,
                "has_more": len(payments) > beyond,
                "data": [payment.as_json(caller.is_legacy) for payment in shown],
            }
        )

    @staticmethod
    def _read_number(request, name, default, least, most):
        text = request.args.get(name, str(default))
        if not (text.isdecimal() and least <= int(text) <= most):
            raise Refusal(400, "Bad request.", {name: f"Must be {least} to {most}."})
        return int(text)

    def _find_own(self, caller, payment_id):
        return self.find_payment(payment_id, caller.account, caller.is_live)

    def _answer_get(self, request, caller, payment_id):
        return _json(self._find_own(caller, payment_id).as_json(caller.is_legacy))

    def _answer_patch(self, request, caller, payment_id):
        payment = self._find_own(caller, payment_id)
        self.patch_payment(payment, _read_json(request))
        return _json(payment.as_json(caller.is_legacy))

    def _answer_refund(self, request, caller, payment_id):
        payment = self._find_own(caller, payment_id)
        return _json(self.refund_payment(payment, _read_json(request)), 201)

    def _answer_refunds(self, request, caller, payment_id):
        refunds = self._find_own(caller, payment_id).refunds
        return _json({"object": "list", "has_more": False, "data": refunds})

    def _answer_get_refund(self, request, caller, payment_id, refund_id):
        for refund in self._find_own(caller, payment_id).refunds:
            if refund["id"] == refund_id:
                return _json(refund)
        raise Refusal(404, "The requested resource could not be found.")

    # === THE PAYMENT PAGE === #

    def _answer_live_page(self, request, caller, letters):
        return self._answer_page(request, letters, is_live=True)

    def _answer_test_page(self, request, caller, letters):
        return self._answer_page(request, letters, is_live=False)

    def _answer_page(self, request, letters, is_live):
        accepted = list(request.accept_languages.values())
        try:
            payment = self.find_payment("pay_" + letters)
        except Refusal:
            payment = None
        if not payment or payment.body["is_live"] != is_live:
            language = page.choose_language({"billing": {"language": None}}, accepted)
            return _html(page.show_missing(language), 404)
        language = page.choose_language(payment.body, accepted)
        attempt = None
        if request.method == "POST" and payment.is_open:
            attempt = page.read_attempt(request.form, self.now())
            self._try_to_pay(payment.body["id"], attempt)
            return_url = payment.body["hosted_payment"]["return_url"]
            if payment.body["is_paid"] and return_url:
                return Response(status=302, headers={"Location": return_url})
        shown = payment.body, payment.account.name, language
        if not payment.is_open:
            return _html(page.show_closed(*shown))
        return _html(page.show_form(*shown, request.form, attempt))

    def _try_to_pay(self, payment_id, attempt):
        if attempt.errors:
            return
        if attempt.failure:
            self.refuse(payment_id, attempt.failure, attempt.card)
        else:
            self.pay(payment_id, attempt.card)


def _html(text, status=200):
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    }
    return Response(text, status, headers, content_type="text/html; charset=utf-8")


class _Handler(WSGIRequestHandler):
    """Keeps connections alive, which Werkzeug's own handler always closes."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together

    def setup(self):
        super().setup()
        self.server.app.connection_opened(self.connection)

    def finish(self):
        self.server.app.connection_closed(self.connection)
        super().finish()

    def handle_expect_100(self):
        allowed = super().handle_expect_100()
        self.wfile.flush()  # the client waits for it before it sends the body
        return allowed

    def run_wsgi(self):
        environ = self.make_environ()
        # Read to its end, whatever becomes of the request: the next one follows it.
        if environ.get("wsgi.input_terminated"):
            data = environ["wsgi.input"].read()
        else:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        environ["wsgi.input"] = io.BytesIO(data)
        environ["CONTENT_LENGTH"] = str(len(data))
        try:
            response = Response.from_app(self.server.app, environ, buffered=True)
        except ConnectionDropped:
            self.close_connection = True
            self._report("dropped")
            return
        self._send(response)
        self._report(response.status_code)

    def _send(self, response):
        self.send_response(response.status_code)
        drip = float(response.headers.pop(DRIP, 0))
        for name, value in response.headers.items():
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.data)))
        self.end_headers()
        data = b"" if self.command == "HEAD" else response.data
        if drip:
            self._send_slowly(data, drip)
        else:
            self.wfile.write(data)
        self.wfile.flush()

    def _send_slowly(self, data, seconds):
        for start in range(len(data)):
            self.wfile.write(data[start : start + 1])
            self.wfile.flush()
            if self.server.app.wait(seconds):
                break

    def _report(self, outcome):
        if self.server.app.is_verbose:
            print(self.command, self.path.partition("?")[0], outcome, flush=True)

    def log(self, type, message, *args):
        """Override: `_report` says what is worth it, in a short form."""


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
