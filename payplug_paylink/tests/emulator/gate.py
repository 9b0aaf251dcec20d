"""The gate before the API: it counts the calls, and lets some go wrong."""

# Its methods are not Odoo's.
# pylint: disable=missing-return

import json
import threading
from dataclasses import dataclass

from .api import Api, Caller
from .faults import BODIES, CARRIED_OUT, ConnectionDropped, Fault


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


class Gate(Api):
    """The API as its callers find it: slow, down or wrong if a test wants it so."""

    def __init__(self, **options):
        super().__init__(**options)
        self._stopped = threading.Event()

    def wait(self, seconds):
        """Wait; return whether the emulator was stopped meanwhile."""
        return self._stopped.wait(seconds)

    def reset(self):
        """Forget the calls and the faults as well."""
        super().reset()
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
            self.wait(seconds)
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
