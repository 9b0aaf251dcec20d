"""The emulator as a whole: its HTTP server, its parts and its hooks."""

# It prints, and its methods are not Odoo's.
# pylint: disable=missing-return,print-used

import contextlib
import functools
import io
import itertools
import re
import socket
import threading

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Response

from .actors import Actors
from .api import Api
from .faults import SLOW, ConnectionDropped, FaultInjector
from .messages import ApiRequest, error_answer, json_answer
from .notifier import Notifier
from .rules import Refusal
from .store import Store

MOST_BYTES = 10_000_000  # of a body
TICK = 0.2  # seconds between two looks at the queue of notifications
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"
HOOK_PATH = "/_emulator/"
HOOKS = frozenset(
    """abort add_account add_payments advance alter clear_faults come_back deliver
    expire fail forget go_down ledger list_calls list_notifications pay payment
    process_refunds refund refuse reset set_account set_latency
    set_notifications""".split()
)
DEMO_ACCOUNT = {
    "name": "Demo",
    "email": "demo@example.com",
    "password": "demo-password",
    "test_key": "sk_test_00EmulatorDemoAccount0",
    "live_key": "sk_live_00EmulatorDemoAccount0",
}


class Handler(WSGIRequestHandler):
    """Keeps connections alive, which Werkzeug's own handler always closes."""

    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.1"  # the answer to an unreadable line has a head
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together

    def handle(self):
        with self.server.app.connected(self.connection):
            super().handle()

    def finish(self):
        with contextlib.suppress(ConnectionError):  # the client gave up a slow answer
            super().finish()

    def handle_expect_100(self):
        allowed = super().handle_expect_100()
        self.wfile.flush()  # the client waits for it before it sends the body
        return allowed

    def send_error(self, code, message=None, explain=None):
        """Override: answer with an error object instead of HTML, and close."""
        response = error_answer(code, message or self.responses[code][0])
        response.headers["Connection"] = "close"
        self._send(response)

    def run_wsgi(self):
        try:
            environ = self.make_environ()
            # The next request follows the body, so all of it is read.
            data = self._read_body(environ)
        except (OSError, ValueError) as error:
            self.send_error(400, f"Malformed request: {error}")
            return
        environ["wsgi.input"] = io.BytesIO(data)
        environ["CONTENT_LENGTH"] = str(len(data))
        try:
            response = Response.from_app(self.server.app, environ, buffered=True)
        except ConnectionDropped:
            self.close_connection = True
            self.log_request("dropped")
            return
        self._send(response)

    def _read_body(self, environ):
        if environ.get("wsgi.input_terminated"):
            # Only when it is buffered, an incomplete chunk raises an exception.
            return io.BufferedReader(environ["wsgi.input"]).read(MOST_BYTES)
        length = self.headers.get("Content-Length", "0").strip()
        if not (re.fullmatch("[0-9]{1,9}", length) and int(length) <= MOST_BYTES):
            raise ValueError(f"Content-Length must be 0 to {MOST_BYTES}.")
        return self.rfile.read(int(length))

    def _send(self, response):
        self.send_response(response.status_code)
        slow, _space, seconds = response.headers.pop(SLOW, "").partition(" ")
        for name, value in response.headers.items():
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.data)))
        if slow == "continue":
            self._write_slowly(itertools.repeat(INTERIM), seconds)
        if slow == "drip_head":
            head = b"".join(self._headers_buffer)
            self._headers_buffer.clear()
            self._write_slowly((bytes([one]) for one in head), seconds)
        self.end_headers()
        data = b"" if self.command == "HEAD" else response.data
        if slow == "drip":
            self._write_slowly((bytes([one]) for one in data), seconds)
        else:
            self.wfile.write(data)
            self.wfile.flush()

    def _write_slowly(self, pieces, seconds):
        """Write pieces at intervals, until the client or the emulator stops."""
        for piece in pieces:
            self.wfile.write(piece)
            self.wfile.flush()
            if self.server.app.stopped.wait(float(seconds)):
                break

    def log_request(self, code="-", size="-"):
        """Override: a short line per request, without its query."""
        if self.server.app.is_verbose:
            words = self.requestline.partition("?")[0].split()
            print(*words[:2], code, flush=True)


def _hook(part, method):
    """Return the method of a part as one of the emulator, which takes the lock."""

    @functools.wraps(method)
    def call(self, *args, **kwargs):
        with self.store.lock:
            self.actors.expire_due()
            return method(getattr(self, part), *args, **kwargs)

    return call


class PayplugEmulator(contextlib.AbstractContextManager):
    """A running Payplug; a context manager that stops it.

    Its methods may be called from any thread; the hooks are described at its parts.

    :ivar str url: where it answers, without final slash
    :ivar list accounts: the merchants, as `Account`; the first is that of the demo
    :ivar int connections: how many connections were opened since `reset`
    :param bool deliver_automatically: send notifications from an own thread; otherwise
        only `deliver` does
    :param bool verbose: print a line per request
    """

    def __init__(self, deliver_automatically=False, verbose=False):
        self.stopped = threading.Event()
        self.store = Store()
        self.notifier = Notifier(self.store)
        self.actors = Actors(self.store, self.notifier)
        api = Api(self.store, self.actors)
        self.faults = FaultInjector(api, self.store.lock, self.stopped.wait)
        self.connections = 0
        self.is_verbose = verbose
        self._delivers = deliver_automatically
        self._sockets = set()
        self._threads = []
        self.accounts = self.store.accounts
        self.add_account(**DEMO_ACCOUNT)

    @classmethod
    def start(cls, host="127.0.0.1", port=0, **options):
        """Return an emulator that listens at any free port, or at this one.

        :param options: as for the constructor
        """
        self = cls(**options)
        self._server = make_server(
            host, port, self, threaded=True, request_handler=Handler
        )
        self.url = self.store.url = f"http://{host}:{self._server.port}"
        # The poll is how long `stop` may have to wait.
        self._run(self._server.serve_forever, poll_interval=0.05)
        if self._delivers:
            self._run(self._deliver_until_stopped)
        return self

    def stop(self):
        """Close all connections and free the port."""
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()
        with self.store.lock:
            for connection in self._sockets:
                with contextlib.suppress(OSError):  # the client may have closed it
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=5)

    def __exit__(self, *_error):
        self.stop()

    def _run(self, work, **options):
        thread = threading.Thread(target=work, kwargs=options, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _deliver_until_stopped(self):
        while not self.stopped.wait(TICK):
            if not self.notifier.hold:
                self.deliver()

    @contextlib.contextmanager
    def connected(self, connection):
        """Count the connection of a client, and remember it while it is used."""
        with self.store.lock:
            self.connections += 1
            self._sockets.add(connection)
        try:
            yield
        finally:
            with self.store.lock:
                self._sockets.remove(connection)

    @property
    def calls(self):
        """The calls that the API received, as `Call`, oldest first."""
        return self.list_calls()

    @property
    def copies(self):
        """How often each notification is sent."""
        return self.notifier.copies

    # Not over HTTP, as they take or return records
    create_payment = _hook("store", Store.create_payment)
    list_payments = _hook("store", Store.list_payments)

    add_account = _hook("store", Store.add_account)
    add_payments = _hook("store", Store.add_payments)
    advance = _hook("store", Store.advance)
    forget = _hook("store", Store.forget)
    ledger = _hook("store", Store.ledger)
    payment = _hook("store", Store.payment)
    set_account = _hook("store", Store.set_account)

    abort = _hook("actors", Actors.abort)
    alter = _hook("actors", Actors.alter)
    expire = _hook("actors", Actors.expire)
    pay = _hook("actors", Actors.pay)
    process_refunds = _hook("actors", Actors.process_refunds)
    refund = _hook("actors", Actors.refund)
    refuse = _hook("actors", Actors.refuse)

    list_notifications = _hook("notifier", Notifier.list_notifications)
    set_notifications = _hook("notifier", Notifier.set_notifications)

    clear_faults = _hook("faults", FaultInjector.clear_faults)
    come_back = _hook("faults", FaultInjector.come_back)
    fail = _hook("faults", FaultInjector.fail)
    go_down = _hook("faults", FaultInjector.go_down)
    list_calls = _hook("faults", FaultInjector.list_calls)
    set_latency = _hook("faults", FaultInjector.set_latency)

    def deliver(self):
        """Send the notifications that are due, see `Notifier.deliver`."""
        with self.store.lock:
            self.actors.expire_due()
        return self.notifier.deliver()

    def reset(self):
        """Forget everything but the accounts and what `keep` kept."""
        with self.store.lock:
            self.store.reset()
            self.notifier.reset()
            self.faults.reset()
            self.connections = 0

    def keep(self):
        """Let `reset` return to the payments and notifications of this moment."""
        with self.store.lock:
            self.store.keep()
            self.notifier.keep()

    def __call__(self, environ, start_response):
        request = ApiRequest(environ)
        if request.path.startswith(HOOK_PATH):
            response = self._answer_hook(request)
        else:
            response = self.faults.answer(request)
        return response(environ, start_response)

    def _answer_hook(self, request):
        name = request.path[len(HOOK_PATH) :]
        if request.method != "POST" or name not in HOOKS:
            return error_answer(404, f"No such hook: {name}")
        try:
            result = getattr(self, name)(**request.read_object())
            return json_answer({"result": result})
        except Refusal as refusal:
            return json_answer(refusal.body, refusal.status)
        except Exception as error:  # whatever the arguments lead to
            return error_answer(400, f"{type(error).__name__}: {error}")
