"""Requests to the emulator and its answers."""

import json

from werkzeug.wrappers import Request, Response

from .rules import Refusal


def parse_json(text):
    """Return the value of a JSON text.

    :raise ValueError: also for ``NaN``, for lone surrogates, and when nested too deeply
    """
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except RecursionError as error:
        raise ValueError("The JSON is nested too deeply.") from error
    return value


class ApiRequest(Request):
    """A request, and who sent it.

    :ivar caller: the `Account` behind the key, and whether the key is one of the live
        mode; None and None without a valid key
    """

    max_form_memory_size = max_form_parts = None  # a form of any size can be read
    caller = None, None

    @property
    def is_legacy(self):
        """Whether the legacy version of the API is to answer."""
        return "PayPlug-Version" not in self.headers

    @property
    def token(self):
        """The secret key or OAuth2 token, "" without one."""
        kind, _space, token = self.headers.get("Authorization", "").partition(" ")
        return token.strip() if kind.lower() == "bearer" else ""

    def read_object(self):
        """Return the JSON object of the body, {} without a body, or raise a 400."""
        try:
            body = parse_json(self.get_data() or b"{}")
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Refusal(400, "Bad request.", "The body must be a JSON object.")
        return body

    def read_any(self):
        """Return the body for the log: JSON, the fields of a form, text or None."""
        data = self.get_data(as_text=True)
        try:
            return parse_json(data)
        except ValueError:
            return self.form.to_dict() or data or None


def json_answer(body, status=200):
    """Return a response of JSON; records become objects of their fields."""
    text = json.dumps(body, default=vars)
    return Response(text, status, content_type="application/json")


def error_answer(status, message):
    """Return a response with an error object."""
    return json_answer({"object": "error", "message": message}, status)
