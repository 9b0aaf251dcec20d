"""Odoo as its own web client speaks to it: JSON over HTTP, with a session."""

import itertools
from xml.etree import ElementTree

import requests

from .bench_data import LOGIN
from .say import Fault

PATIENCE = 120  # seconds for one answer
X2MANY = ("one2many", "many2many")


class WebClient:
    """A signed-in user of one database."""

    def __init__(self, url, database):
        self._url = url
        self.database = database
        self._numbers = itertools.count(1)
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy between programs of one machine
        sign_in = {"db": database, "login": LOGIN, "password": LOGIN}
        self.context = self._post("/web/session/authenticate", sign_in)["user_context"]

    def call(self, model, method, *arguments, context=None, **options):
        """Call a public method and return its answer."""
        return self._call("call_kw", model, method, arguments, context, options)

    def press(self, model, method, ids, context=None):
        """Press a button of a record's form or of a list."""
        return self._call("call_button", model, method, (ids,), context, {})

    def load_action(self, xml_id):
        """Return what an entry of the menu opens."""
        return self._post("/web/action/load", {"action_id": xml_id})

    def _call(self, door, model, method, arguments, context, options):
        path = f"/web/dataset/{door}/{model}/{method}"
        options["context"] = {**self.context, **(context or {})}
        names = {"model": model, "method": method, "args": arguments, "kwargs": options}
        return self._post(path, names)

    def _post(self, path, parameters):
        body = {"jsonrpc": "2.0", "method": "call", "id": next(self._numbers)}
        answer = self._session.post(
            self._url + path, json={**body, "params": parameters}, timeout=PATIENCE
        ).json()
        if "error" in answer:
            data = answer["error"].get("data", {})
            raise Fault(
                f"Odoo refused {path} in {self.database}: "
                f"{data.get('message')}\n{data.get('debug')}"
            )
        return answer.get("result")


def ring(url, database, body, **options):
    """Send what a payment service sends to Odoo, over a new connection as it does."""
    answer = requests.post(
        url, headers={"X-Odoo-Database": database}, timeout=PATIENCE, **options, **body
    )
    if answer.status_code != 200:
        raise Fault(f"{url.partition('?')[0]} answered {answer.status_code}.")
    return answer.text


def list_specification(client, action):
    """Return what the web client asks for in a list with all its columns shown."""
    views = [view for view in client.load_action(action)["views"] if "list" in view]
    found = client.call("account.move", "get_views", views=views)
    fields = found["models"]["account.move"]["fields"]
    nodes = ElementTree.fromstring(found["views"]["list"]["arch"]).iter("field")
    return {
        name: _specify(fields[name]["type"])
        for name in dict.fromkeys(node.get("name") for node in nodes)
    }


def _specify(kind):
    if kind in X2MANY:
        return {"fields": {}}
    return {"fields": {"display_name": {}}} if kind == "many2one" else {}
