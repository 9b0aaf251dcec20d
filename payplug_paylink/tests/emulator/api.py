"""Payplug's API and its payment page, as answers to requests."""

import re

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Response

from . import page
from .messages import error_answer, json_answer
from .rules import Refusal
from .store import TOKEN_SECONDS

LARGEST_PAGE = 100  # payments in one page of the list
ENDPOINTS = [
    ("GET", "/test", "ping"),
    ("POST", "/oauth2/token", "token"),
    ("POST", "/v1/keys", "keys"),
    ("GET", "/v1/account", "account"),
    ("POST", "/v1/payments", "create"),
    ("GET", "/v1/payments", "list"),
    ("GET", "/v1/payments/<payment_id>", "get"),
    ("PATCH", "/v1/payments/<payment_id>", "patch"),
    ("POST", "/v1/payments/<payment_id>/refunds", "refund"),
    ("GET", "/v1/payments/<payment_id>/refunds", "refunds"),
    ("GET", "/v1/payments/<payment_id>/refunds/<refund_id>", "get_refund"),
    ("GET POST", "/pay/<letters>", "page"),
    ("GET POST", "/pay/<any(test):mode>/<letters>", "page"),
]
ROUTES = Map(
    [Rule(path, methods=verbs.split(), endpoint=to) for verbs, path, to in ENDPOINTS],
    merge_slashes=False,
).bind("localhost")


def _read_number(request, name, default, most):
    text = request.args.get(name, str(default))
    if not (re.fullmatch("[0-9]{1,9}", text) and int(text) <= most):
        raise Refusal(400, "Bad request.", {name: f"Must be 0 to {most}."})
    return int(text)


class Api:
    """The endpoints of the API, and the payment page, on a `Store` and its `Actors`."""

    def __init__(self, store, actors):
        self._store = store
        self._actors = actors

    def answer(self, request):
        """Return the response; set the account and the mode of the request."""
        try:
            with self._store.lock:
                self._actors.expire_due()
                return self._answer(request)
        except Refusal as refusal:
            return json_answer(refusal.body, refusal.status)
        except HTTPException as error:
            answer = error_answer(error.code, error.name)
            if valid_methods := getattr(error, "valid_methods", None):
                answer.headers["Allow"] = ", ".join(valid_methods)
            return answer
        except Exception as error:  # the hook `alter` can make any resource unusable
            return error_answer(500, repr(error))

    def _answer(self, request):
        if request.path.startswith("/v1") and request.path != "/v1/keys":
            request.caller = self._store.find_caller(request.token)
        endpoint, values = ROUTES.match(request.path, request.method)
        return getattr(self, f"_answer_{endpoint}")(request, **values)

    def _answer_ping(self, request):
        return json_answer({"object": "test", "message": "OK"})

    def _answer_keys(self, request):
        body = request.read_object()
        account = self._store.sign_in(body.get("email"), body.get("password"))
        keys = {"test": account.test_key, "live": account.live_key}
        return json_answer({"secret_keys": keys}, 201)

    def _answer_token(self, request):
        client = request.authorization
        token = client and self._store.issue_token(client.username, client.password)
        if not token:
            return json_answer({"error": "invalid_client"}, 401)
        if request.form.get("grant_type") != "client_credentials":
            return json_answer({"error": "unsupported_grant_type"}, 400)
        body = {"access_token": token, "expires_in": TOKEN_SECONDS}
        return json_answer({**body, "scope": "", "token_type": "bearer"})

    def _answer_account(self, request):
        account, is_live = request.caller
        return json_answer(account.as_json(is_live))

    def _answer_create(self, request):
        payment = self._store.create_payment(
            *request.caller, request.read_object(), request.is_legacy
        )
        return json_answer(payment.as_json(request.is_legacy), 201)

    def _answer_list(self, request):
        payments = self._store.list_payments(*request.caller)
        return self._show_page(
            request, payments, lambda payment: payment.as_json(request.is_legacy)
        )

    def _show_page(self, request, found, as_json=lambda one: one):
        size = _read_number(request, "per_page", 10, LARGEST_PAGE)
        number = _read_number(request, "page", 0, 1_000_000)
        first, beyond = number * size, (number + 1) * size
        return json_answer(
            {
                "object": "list",
                "page": number,
                "per_page": size,
                "has_more": len(found) > beyond,
                "data": [as_json(one) for one in found[first:beyond]],
            }
        )

    def _find_own(self, request, payment_id):
        return self._store.find_payment(payment_id, *request.caller)

    def _answer_get(self, request, payment_id):
        payment = self._find_own(request, payment_id)
        return json_answer(payment.as_json(request.is_legacy))

    def _answer_patch(self, request, payment_id):
        payment = self._find_own(request, payment_id)
        self._actors.patch_payment(payment, request.read_object())
        return json_answer(payment.as_json(request.is_legacy))

    def _answer_refund(self, request, payment_id):
        payment = self._find_own(request, payment_id)
        refund = self._actors.refund_payment(payment, request.read_object())
        return json_answer(refund, 201)

    def _answer_refunds(self, request, payment_id):
        refunds = self._find_own(request, payment_id).refunds
        return self._show_page(request, refunds)

    def _answer_get_refund(self, request, payment_id, refund_id):
        for refund in self._find_own(request, payment_id).refunds:
            if refund["id"] == refund_id:
                return json_answer(refund)
        raise Refusal(404, "The requested resource could not be found.")

    # === THE PAYMENT PAGE === #

    def _answer_page(self, request, letters, mode="live"):
        accepted = list(request.accept_languages.values())
        try:
            payment = self._store.find_payment("pay_" + letters)
        except Refusal:
            payment = None
        if not payment or payment.body["is_live"] != (mode == "live"):
            language = page.choose_language({"billing": {"language": None}}, accepted)
            return _html(page.show_missing(language), 404)
        language = page.choose_language(payment.body, accepted)
        attempt = None
        if request.method == "POST" and payment.is_open:
            attempt = page.read_attempt(request.form, self._store.now())
            if attempt.failure and not attempt.errors:
                self._actors.refuse("pay_" + letters, attempt.failure, attempt.card)
            elif not attempt.errors:
                self._actors.pay("pay_" + letters, attempt.card)
            return_url = payment.body["hosted_payment"]["return_url"]
            if payment.body["is_paid"] and return_url:
                return Response(status=302, headers={"Location": return_url})
        shown = payment.body, payment.account.name, language
        if not payment.is_open:
            return _html(page.show_closed(*shown))
        return _html(page.show_form(*shown, request.form, attempt))


def _html(text, status=200):
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    }
    return Response(text, status, headers, content_type="text/html; charset=utf-8")
