"""Payplug's API and its payment page, as answers to requests."""

# Its methods are not Odoo's.
# pylint: disable=missing-return

import json
from dataclasses import dataclass

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Response

from . import page
from .faults import json_answer
from .payplug import TOKEN_SECONDS, Payplug
from .records import Account
from .rules import Refusal

LARGEST_PAGE = 100  # payments in one page of the list
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


@dataclass
class Caller:
    """Who calls the API: an account, in one mode, in one version of the API."""

    account: Account | None = None
    is_live: bool | None = None
    is_legacy: bool = False


def _bearer(request):
    kind, _space, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def read_json(request):
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


class Api(Payplug):
    """Payplug with its doors: what a request asks for is done and answered."""

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
            answer = json_answer(refusal.body, refusal.status)
        except HTTPException as error:
            answer = json_answer({"object": "error", "message": error.name}, error.code)
            answer.headers.extend(
                (name, value)
                for name, value in error.get_headers()
                if name.lower() == "allow"
            )
        return caller, answer

    # === THE API === #

    def _answer_ping(self, request, caller):
        return json_answer({"object": "test", "message": "OK"})

    def _answer_keys(self, request, caller):
        body = read_json(request)
        account = self.sign_in(body.get("email"), body.get("password"))
        keys = {"test": account.test_key, "live": account.live_key}
        return json_answer({"secret_keys": keys}, 201)

    def _answer_token(self, request, caller):
        client = request.authorization
        token = client and self.issue_token(client.username, client.password)
        if not token:
            return json_answer({"error": "invalid_client"}, 401)
        if request.form.get("grant_type") != "client_credentials":
            return json_answer({"error": "unsupported_grant_type"}, 400)
        return json_answer(
            {
                "access_token": token,
                "expires_in": TOKEN_SECONDS,
                "scope": "",
                "token_type": "bearer",
            }
        )

    def _answer_account(self, request, caller):
        return json_answer(caller.account.as_json(caller.is_live))

    def _answer_create(self, request, caller):
        payment = self.create_payment(
            caller.account, caller.is_live, read_json(request), caller.is_legacy
        )
        return json_answer(payment.as_json(caller.is_legacy), 201)

    def _answer_list(self, request, caller):
        size = self._read_number(request, "per_page", 10, 1, LARGEST_PAGE)
        number = self._read_number(request, "page", 0, 0, 1_000_000)
        payments = self.list_payments(caller.account, caller.is_live)
        first, beyond = number * size, (number + 1) * size
        shown = payments[first:beyond]
        return json_answer(
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
        return json_answer(self._find_own(caller, payment_id).as_json(caller.is_legacy))

    def _answer_patch(self, request, caller, payment_id):
        payment = self._find_own(caller, payment_id)
        self.patch_payment(payment, read_json(request))
        return json_answer(payment.as_json(caller.is_legacy))

    def _answer_refund(self, request, caller, payment_id):
        payment = self._find_own(caller, payment_id)
        return json_answer(self.refund_payment(payment, read_json(request)), 201)

    def _answer_refunds(self, request, caller, payment_id):
        refunds = self._find_own(caller, payment_id).refunds
        return json_answer({"object": "list", "has_more": False, "data": refunds})

    def _answer_get_refund(self, request, caller, payment_id, refund_id):
        for refund in self._find_own(caller, payment_id).refunds:
            if refund["id"] == refund_id:
                return json_answer(refund)
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
