"""What may go wrong with a call, on purpose."""

import json
from dataclasses import dataclass

from werkzeug.wrappers import Response

from .people import merge

DRIP = "X-Drip"  # from the fault to the handler: seconds between two bytes
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
            return json_answer(
                _lie(json.loads(response.data), self.fields), response.status
            )
        if self.kind in BODIES:
            return Response(BODIES[self.kind], content_type="application/json")
        if self.kind == "redirect":
            return Response(status=302, headers={"Location": "/test"})
        status = 200 if self.kind == "html" else int(self.kind)
        if status == 200 or status >= 500:
            html = HTML_ERROR.format(status=status)
            return Response(html, status, content_type="text/html")
        return json_answer({"object": "error", "message": f"Error {status}."}, status)


def _lie(body, fields):
    if isinstance(body.get("data"), list):
        return {**body, "data": [merge(item, fields) for item in body["data"]]}
    return merge(body, fields)


def json_answer(body, status=200):
    """Return an answer of JSON; records become objects of their fields."""
    text = json.dumps(body, default=vars)
    return Response(text, status, content_type="application/json")
