"""The log of calls, and the faults that tests want some of them to have."""

import functools
import json
import threading
import zlib
from dataclasses import dataclass

from werkzeug.wrappers import Response

from .messages import error_answer, json_answer
from .records import check_types, merge

# Header from the fault to the handler: what is slow, and seconds between its pieces.
SLOW = "X-Slow"
SLOW_KINDS = {"drip", "drip_head", "continue"}
HTML_ERROR = "<html><body><h1>{status} Service error</h1></body></html>"
ALWAYS_CARRIED_OUT = {"delay", "lie"} | SLOW_KINDS
CARRIED_OUT = ALWAYS_CARRIED_OUT | {"drop", "bad_utf8", "bomb", "deep", "empty"}
CARRIED_OUT |= {"list", "null"}
DEEP = b'{"object": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
BODIES = {
    "bad_utf8": b'{"object": "payment", "id": "pay_\xff\xfe"}',
    "deep": DEEP,
    "empty": b"",
    "list": b"[]",
    "null": b"null",
    "error": b'{"object": "error", "message": "Something went wrong."}',
}
KINDS = (
    CARRIED_OUT | BODIES.keys() | {"html", "redirect", "deep_error"}
)  # beside HTTP statuses
BOMB_MEGABYTES = 200  # which gzip makes 200 000 bytes


class ConnectionDropped(Exception):
    """The connection is to be closed without an answer."""


@functools.cache
def _bomb():
    packer, megabyte = zlib.compressobj(wbits=31), bytes(1_000_000)
    pieces = [packer.compress(megabyte) for _number in range(BOMB_MEGABYTES)]
    return b"".join(pieces) + packer.flush()


def _check_seconds(seconds):
    if not 0 <= seconds <= threading.TIMEOUT_MAX:
        raise ValueError(f"seconds must be 0 to {threading.TIMEOUT_MAX:.0f}.")


@dataclass
class Fault:
    """A fault of some calls.

    :ivar kind: one of the table in `payplug_emulator.py`, or an HTTP status
    :ivar times: how many calls have it, None for all until `clear_faults`
    :ivar method: only calls with this HTTP method
    :ivar path: only calls whose path starts like this; of the API, without one
    :ivar skip: how many calls that match are spared first
    :ivar seconds: the answer takes so much longer, or each of its pieces
    :ivar fields: of a lie, or of an error below 500: they replace those of the answer,
        or of each item of a list, nested ones as nested dicts
    :ivar processed: whether the call is carried out nevertheless, other than the table
        says; what is late or lies is always carried out
    """

    kind: str
    times: int | None = 1
    method: str | None = None
    path: str | None = None
    seconds: int | float = 0
    fields: dict | None = None
    processed: bool | None = None
    skip: int = 0

    def __post_init__(self):
        check_types(self)
        _check_seconds(self.seconds)
        is_status = self.kind.isdecimal() and 200 <= int(self.kind) < 600
        if self.kind not in KINDS and not is_status:
            raise ValueError(f"No such fault: {self.kind}")
        if self.processed is None or self.kind in ALWAYS_CARRIED_OUT:
            self.processed = self.kind in CARRIED_OUT

    def matches(self, request):
        """Whether this call has the fault."""
        if self.path is None and request.path.startswith("/pay/"):
            return False
        same_method = self.method in (None, request.method)
        return same_method and request.path.startswith(self.path or "/")

    def apply(self, response):
        """Return what is answered instead, None to close the connection.

        :param response: the right one, None when the call is not carried out
        """
        if self.kind == "drop":
            return None
        if self.kind in ALWAYS_CARRIED_OUT:
            return self._change(response)
        if self.kind == "bomb":
            return Response(_bomb(), headers={"Content-Encoding": "gzip"})
        if self.kind in BODIES:
            return Response(BODIES[self.kind], content_type="application/json")
        if self.kind == "deep_error":
            return Response(DEEP, 400, content_type="application/json")
        if self.kind == "redirect":
            return Response(status=302, headers={"Location": "/test"})
        status = 200 if self.kind == "html" else int(self.kind)
        if status == 200 or status >= 500:
            html = HTML_ERROR.format(status=status)
            return Response(html, status, content_type="text/html")
        answer = error_answer(status, f"Error {status}.")
        body = merge(json.loads(answer.data), self.fields or {})
        return json_answer(body, status)

    def _change(self, response):
        if self.kind in SLOW_KINDS:
            response.headers[SLOW] = f"{self.kind} {self.seconds}"
        if self.kind != "lie" or not response.is_json:  # a page cannot lie
            return response
        body, fields = json.loads(response.data), self.fields or {}
        if isinstance(body.get("data"), list):
            body["data"] = [merge(item, fields) for item in body["data"]]
        else:
            body = merge(body, fields)
        return json_answer(body, response.status)


@dataclass
class Call:
    """A call that the API received.

    :ivar status: of the answer, None when the connection was dropped
    :ivar account, is_live: account id and mode of the key, None without a valid key
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


class FaultInjector:
    """Passes requests to the `Api`, late or with faults if a test wants it so.

    `answer` takes the lock of the store itself; callers of the other methods hold it.

    :param wait: function that waits some seconds, or until the emulator stops
    """

    def __init__(self, api, lock, wait):
        self._api = api
        self._lock = lock
        self._wait = wait
        self.reset()

    def reset(self):
        """Remove calls and faults, and answer at once."""
        self._latency = 0  # seconds
        self._is_down = False
        self._calls = []
        self._faults = []

    def list_calls(self):
        """Return the calls that the API received, as `Call`, oldest first."""
        return list(self._calls)

    def set_latency(self, seconds):
        """Delay every answer of the API, until `reset`."""
        _check_seconds(seconds)
        self._latency = seconds

    def go_down(self):
        """Close the connection of every call without an answer, hooks excepted."""
        self._is_down = True

    def come_back(self):
        """Answer again after `go_down`."""
        self._is_down = False

    def fail(self, kind, times=1, **options):
        """Let calls fail; of several faults, the first that matches a call acts.

        :param options: further fields of the `Fault`
        """
        self._faults.append(Fault(str(kind), times, **options))

    def clear_faults(self):
        """Let no further call fail."""
        self._faults.clear()

    def answer(self, request):
        """Return the response to a call of the API or a request of a payment page.

        :raise ConnectionDropped: when there is to be none
        """
        if self._is_down:
            raise ConnectionDropped
        request.get_data()  # kept, so that forms and JSON may be read more than once
        fault, is_page = self._next_fault(request), request.path.startswith("/pay/")
        response, seconds = None, 0 if is_page else self._latency
        if not fault or fault.processed:
            response = self._api.answer(request)
        if fault:
            response = fault.apply(response)
            seconds += 0 if fault.kind in SLOW_KINDS else fault.seconds
        if not is_page:
            self._log(request, response)
        self._wait(seconds)
        if response is None:
            raise ConnectionDropped
        return response

    def _next_fault(self, request):
        with self._lock:
            fault = next((one for one in self._faults if one.matches(request)), None)
            if fault and fault.skip:
                fault.skip -= 1
                return None
            if fault and fault.times is not None:
                fault.times -= 1
                if fault.times < 1:
                    self._faults.remove(fault)
            return fault

    def _log(self, request, response):
        account, is_live = request.caller
        call = Call(
            method=request.method,
            path=request.path,
            query=request.args.to_dict(),
            status=response.status_code if response else None,
            account=account.id if account else None,
            is_live=is_live,
            version=request.headers.get("PayPlug-Version"),
            body=request.read_any(),
        )
        with self._lock:
            self._calls.append(call)
