"""What Payplug knows and decides: accounts, payments, refunds, notifications.

No server and no page here. Amounts are integer cents, moments are UTC Unix seconds of
the emulator's own clock, countries are ISO 3166-1 alpha-2 codes.

Three parts: the rules that a request must follow, the records, and `Payplug`, which
holds them and moves them. What is not documented publicly is decided leniently, or as
Payplug's official plugins expect it.
"""

import functools
import heapq
import http.client
import itertools
import json
import re
import secrets
import string
import threading
import time
import urllib.error
import urllib.request
from copy import deepcopy
from dataclasses import dataclass, field
from urllib.parse import urlsplit

DEMO_EMAIL = "demo@example.com"
DEMO_PASSWORD = "demo-password"
DEMO_TEST_KEY = "sk_test_00EmulatorDemoAccount0"
DEMO_LIVE_KEY = "sk_live_00EmulatorDemoAccount0"

MINUTE, DAY = 60, 86_400
PAGE_SECONDS = 15 * MINUTE  # life of a payment that nobody was sent
LINK_SECONDS = 7 * DAY  # life of a payment with ``sent_by``
REFUND_SECONDS = 180 * DAY
TOKEN_SECONDS = 300
SMALLEST_REFUND = 10  # cents
RETRY_SECONDS = (60, 300, 1800, 7200, 21_600)  # gaps between notification attempts
SENDER_TIMEOUT = 10  # seconds that a merchant has to answer a notification

FAILURES = {
    "processing_error": "Error while processing the card.",
    "card_declined": "The card has been rejected.",
    "insufficient_funds": "Insufficient funds to cover the payment.",
    "3ds_declined": "The 3D Secure authentication request has failed.",
    "incorrect_number": "The card number is incorrect.",
    "fraud_suspected": "Payment rejected because a fraud has been detected.",
    "method_unsupported": ("The payment method is not supported (e.g. e-carte bleue)."),
    "card_scheme_mismatch": ("The card number does not match with the selected brand."),
    "aborted": "Payment has been aborted with the Abort a payment feature.",
    "timeout": "The customer has not tried to pay and left the payment page.",
}
FINAL_FAILURES = ("aborted", "timeout")
DEFAULT_CARD = {
    "last4": "4242",
    "country": "US",
    "exp_month": 9,
    "exp_year": 2030,
    "brand": "Visa",
    "id": None,
    "metadata": None,
}
NO_CARD = dict.fromkeys(DEFAULT_CARD)

COUNTRIES = frozenset(
    """AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM
    BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY
    CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI
    GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE
    JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD
    ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO
    NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC
    SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN
    TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
    """.split()
)


class Refusal(Exception):
    """Payplug says no.

    :param int status: of the HTTP answer
    :param str message: what is wrong, in English
    :param details: the same per field, as a (nested) dict, or a string
    """

    def __init__(self, status, message, details=None):
        super().__init__(f"{status} {message} {details or ''}".strip())
        self.status = status
        self.body = {"object": "error", "message": message}
        if details:
            self.body["details"] = details


# === RULES: a check takes a value and returns what is wrong with it, or nothing === #


def _text(longest, shape=None, wrong="This field has a wrong format."):
    def check(value):
        if not isinstance(value, str):
            return "This field must be a string."
        if len(value) > longest:
            return f"This field must not exceed {longest} characters."
        return wrong if shape and not re.fullmatch(shape, value) else None

    return check


def _one_of(*values):
    def check(value):
        known = isinstance(value, str) and value in values
        return None if known else f"This field must be one of {', '.join(values)}."

    return check


def _flag(value):
    return None if isinstance(value, bool) else "This field must be a boolean."


def _country(value):
    known = isinstance(value, str) and value in COUNTRIES
    return None if known else "This field must be an ISO 3166-1 alpha-2 country."


def _cents(value):
    # A bool is an int for Python, not for money.
    return None if type(value) is int else "This field must be an integer, in cents."


def _web_address(value):
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        fine = parts and parts.scheme in ("http", "https") and parts.hostname
        fine = fine and not re.search(r"\s", value)
    except ValueError:
        fine = False
    return None if fine else "This field must be a valid URL."


def _metadata(value):
    if not isinstance(value, dict):
        return "This field must be an object."
    if len(value) > 10:
        return "This field must not have more than 10 keys."
    if any(not 0 < len(key) <= 20 for key in value):
        return "The keys must have 1 to 20 characters."
    if any(isinstance(item, (dict, list)) for item in value.values()):
        return "The values must not be objects or lists."
    if any(len(str(item)) > 500 for item in value.values()):
        return "The values must not exceed 500 characters."
    return None


def _block(checks, required=()):
    """Return a check of an object, whose answer names each wrong field."""

    def check(value):
        if not isinstance(value, dict):
            return "This field must be an object."
        return _check_fields(value, checks, required)

    return check


def _check_fields(body, checks, required=()):
    missing = [name for name in required if body.get(name) in (None, "")]
    errors = dict.fromkeys(missing, "This field is required.")
    for name, check in checks.items():
        value = body.get(name)
        if value is not None and name not in errors and (wrong := check(value)):
            errors[name] = wrong
    return errors


_PHONE = _text(16, r"\+[1-9][0-9]{6,14}", "This field must be an E.164 phone number.")
ADDRESS = {
    "title": _one_of("mr", "mrs", "miss"),
    "first_name": _text(100),
    "last_name": _text(100),
    "email": _text(255, r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+", "This e-mail is not valid."),
    "mobile_phone_number": _PHONE,
    "landline_phone_number": _PHONE,
    "address1": _text(255),
    "address2": _text(255),
    "company_name": _text(100),
    "postcode": _text(16),
    "city": _text(100),
    "state": _text(100),
    "country": _country,
    "language": _text(2, "[a-z]{2}", "This field must be an ISO 639-1 language."),
}
DELIVERY = {
    "delivery_type": _one_of(
        "BILLING",
        "VERIFIED",
        "NEW",
        "SHIP_TO_STORE",
        "DIGITAL_GOODS",
        "TRAVEL_OR_EVENT",
        "OTHER",
    )
}
REQUIRED = (
    *("first_name", "last_name", "email", "address1", "postcode", "city", "country"),
)
HOSTED_PAYMENT = {
    "return_url": _web_address,
    "cancel_url": _web_address,
    "sent_by": _one_of("EMAIL", "SMS", "OTHER"),
}
CREATION = {
    "amount": _cents,
    "currency": _one_of("EUR"),
    "hosted_payment": _block(HOSTED_PAYMENT),
    "notification_url": _web_address,
    "description": _text(100),  # the longest that is known to have been accepted
    "metadata": _metadata,
    "save_card": _flag,
    "allow_save_card": _flag,
    "force_3ds": _flag,
    "initiator": _one_of("PAYER", "MERCHANT"),
}
PERSONS = {
    "billing": _block(ADDRESS, REQUIRED),
    "shipping": _block({**ADDRESS, **DELIVERY}, (*REQUIRED, "delivery_type")),
}
LEGACY_PERSONS = {"customer": _block(ADDRESS)}
LOCKED_FEATURES = ("authorized_amount", "auto_capture", "payment_method")


def check_creation(body, account, is_legacy):
    """Check the body of a payment's creation.

    :param bool is_legacy: asked without an API version: ``customer`` is then read
        instead of ``billing`` and ``shipping``
    :raise Refusal: naming every wrong field
    """
    if any(body.get(name) for name in LOCKED_FEATURES):
        details = "Access to this feature is not available."
        raise Refusal(403, "Forbidden.", details)
    persons = LEGACY_PERSONS if is_legacy else PERSONS
    errors = _check_fields(body, {**CREATION, **persons}, ("amount", "currency"))
    if "amount" not in errors:
        if body["amount"] < account.min_cents:
            errors["amount"] = f"The minimum amount is {account.min_cents} cents."
        elif body["amount"] > account.max_cents:
            errors["amount"] = f"The maximum amount is {account.max_cents} cents."
    if "hosted_payment" not in errors:
        errors.update(_check_recipient(body, "customer" if is_legacy else "billing"))
    if errors:
        raise Refusal(400, "Bad request.", errors)


def _check_recipient(body, person):
    """Who asks Payplug itself to send the link must say where to."""
    sent_by = (body.get("hosted_payment") or {}).get("sent_by")
    needed = {"EMAIL": "email", "SMS": "mobile_phone_number"}.get(sent_by)
    reader = body.get(person) or {}
    if not needed or not isinstance(reader, dict) or reader.get(needed):
        return {}
    return {person: {needed: f"This field is required to send by {sent_by}."}}


# === RECORDS === #


@dataclass
class Account:
    """A merchant.

    :ivar live_key: None for a merchant who may not take live payments yet
    :ivar clients: OAuth2 ``(client id, client secret)`` per mode, "test" and "live"
    """

    id: str
    name: str
    email: str
    password: str
    live_allowed: bool
    min_cents: int
    max_cents: int
    test_key: str
    live_key: str | None
    clients: dict

    def as_json(self, is_live):
        """Return the body of ``GET /v1/account``."""
        disabled = ("can_save_cards", "can_use_oney", "can_create_installment_plan")
        disabled += ("can_create_deferred_payment", "can_use_integrated_payments")
        return {
            "object": "account",
            "id": self.id,
            "is_live": is_live,
            "country": "FR",
            "configuration": {
                "currencies": ["EUR"],
                "min_amounts": {"EUR": self.min_cents},
                "max_amounts": {"EUR": self.max_cents},
            },
            "permissions": {
                "use_live_mode": self.live_allowed,
                **dict.fromkeys(disabled, False),
            },
            "payment_methods": {
                "bancontact": {"enabled": False},
                "apple_pay": {"enabled": False, "allowed_domain_names": []},
            },
        }


@dataclass
class Payment:
    """A payment: its public resource, and what Payplug keeps for itself."""

    account: Account
    body: dict
    expires_at: int
    refunds: list = field(default_factory=list)

    @property
    def failure_code(self):
        return (self.body["failure"] or {}).get("code")

    @property
    def is_open(self):
        """Whether it may be paid: a refused card leaves it open."""
        return not self.body["is_paid"] and self.failure_code not in FINAL_FAILURES

    def as_json(self, is_legacy=False):
        """Return the resource, in the shape of the current or the legacy version."""
        body = deepcopy(self.body)
        if is_legacy:
            del body["shipping"]
            body["customer"] = body.pop("billing")
        return body

    def as_ledger(self):
        return {
            "id": self.body["id"],
            "account": self.account.id,
            "is_live": self.body["is_live"],
            "cents": self.body["amount"],
            "cents_refunded": self.body["amount_refunded"],
            "paid_at": self.body["paid_at"],
            "metadata": deepcopy(self.body["metadata"]),
        }


@dataclass
class Notification:
    """Something a merchant is told, and what became of it.

    :ivar body: the resource as it was when the event happened
    :ivar due_at: when to try next, None when there will be no further attempt
    :ivar statuses: HTTP status of each attempt, None where nobody answered
    """

    payment_id: str
    url: str
    body: dict
    due_at: int | None
    statuses: list = field(default_factory=list)


def _letters(count=22):
    alphabet = string.ascii_letters + string.digits
    return "".join(secrets.choice(alphabet) for _ in range(count))


def _new_payment_body(request, is_live, now, payment_id, url):
    hosted = request.get("hosted_payment") or {}
    notified = request.get("notification_url")
    billing = request.get("billing") or request.get("customer") or {}
    shipping = request.get("shipping") or {}
    return {
        "id": payment_id,
        "object": "payment",
        "is_live": is_live,
        "amount": request["amount"],
        "amount_refunded": 0,
        "currency": request["currency"],
        "authorization": None,
        "installment_plan_id": None,
        "is_paid": False,
        "paid_at": None,
        "is_refunded": False,
        "is_3ds": None,
        "save_card": bool(request.get("save_card")),
        "created_at": now,
        "refundable_after": None,
        "refundable_until": None,
        "description": request.get("description"),
        "card": dict(NO_CARD),
        "billing": {name: billing.get(name) for name in ADDRESS},
        "shipping": {name: shipping.get(name) for name in (*ADDRESS, *DELIVERY)},
        "hosted_payment": {
            "payment_url": url,
            "return_url": hosted.get("return_url"),
            "cancel_url": hosted.get("cancel_url"),
            "paid_at": None,
            "sent_by": hosted.get("sent_by"),
        },
        "notification": {"url": notified, "response_code": None} if notified else None,
        "failure": None,
        "metadata": deepcopy(request.get("metadata")),
    }


# === PAYPLUG === #


def locked(method):
    """Run the method alone, after what has expired meanwhile has ended."""

    @functools.wraps(method)
    def run(self, *args, **kwargs):
        with self._lock:
            self._end_what_is_due()
            return method(self, *args, **kwargs)

    return run


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None  # Payplug counts a redirection as an error


class Payplug:
    """All accounts and payments, and a clock of their own.

    Every public method may be called from any thread.

    :param retry_seconds: gaps before each new attempt at a notification
    """

    def __init__(self, retry_seconds=RETRY_SECONDS):
        self.url = ""  # where payers find the payment pages, without final slash
        self.retry_seconds = tuple(retry_seconds)
        self.accounts = []
        self._lock = threading.RLock()
        # Notifications go straight to the merchant: a proxy could not reach localhost.
        handlers = urllib.request.ProxyHandler({}), _NoRedirect()
        self._sender = urllib.request.build_opener(*handlers)
        self.reset()
        self.add_account(
            name="Demo",
            email=DEMO_EMAIL,
            password=DEMO_PASSWORD,
            test_key=DEMO_TEST_KEY,
            live_key=DEMO_LIVE_KEY,
        )

    def reset(self):
        """Forget payments, notifications, tokens and the clock; keep the accounts."""
        with self._lock:
            self._offset = 0
            self._payments = {}
            self._deadlines = []  # a heap of (moment, number, payment)
            self._numbers = itertools.count()  # keeps payments from being compared
            self._tokens = {}
            self.notifications = []
            self.copies, self.reverse, self.hold = 1, False, False

    def now(self):
        """Return the moment, in UTC Unix seconds of the emulator's clock."""
        return int(time.time()) + self._offset

    def advance(self, seconds=0, minutes=0, hours=0, days=0):
        """Move the clock forward; what expires meanwhile ends. Return the moment."""
        with self._lock:
            self._offset += seconds + MINUTE * (minutes + 60 * hours) + DAY * days
            self._end_what_is_due()
            return self.now()

    # Accounts

    @locked
    def add_account(
        self,
        name,
        live_allowed=True,
        min_cents=99,
        max_cents=2_000_000,
        email=None,
        password=DEMO_PASSWORD,
        test_key=None,
        live_key=None,
    ):
        """Register a merchant.

        :param str name: of the company, shown on the payment page
        :param bool live_allowed: whether there is a live key
        :param int min_cents: smallest amount of a payment
        :param int max_cents: greatest amount of a payment
        :param email: login of the portal, made up when missing
        :rtype: Account
        """
        number = str(10_001 + len(self.accounts))
        account = Account(
            id=number,
            name=name,
            email=email or f"merchant-{number}@example.com",
            password=password,
            live_allowed=live_allowed,
            min_cents=min_cents,
            max_cents=max_cents,
            test_key=test_key or "sk_test_" + _letters(),
            live_key=(live_key or "sk_live_" + _letters()) if live_allowed else None,
            clients={
                mode: (f"{mode}-{_letters()}", _letters(40))
                for mode in ("test", "live")[: 1 + live_allowed]
            },
        )
        self.accounts.append(account)
        return account

    def sign_in(self, email, password):
        """Return the `Account` of these credentials.

        :raise Refusal: 401
        """
        for account in self.accounts:
            if (account.email, account.password) == (email, password):
                return account
        raise Refusal(401, "The email or the password you provided is not valid.")

    def find_caller(self, token):
        """Return the `Account` and the mode of a secret key or of an OAuth2 token.

        :raise Refusal: 401
        """
        for account in self.accounts:
            if token and token in (account.test_key, account.live_key):
                return account, token == account.live_key
        account, is_live, until = self._tokens.get(token, (None, None, 0))
        if account and self.now() < until:
            return account, is_live
        mask = "*" * max(0, len(token) - 2) + token[-2:]
        raise Refusal(401, f"The API key you provided ({mask}) is not valid")

    @locked
    def issue_token(self, client_id, client_secret):
        """Return a new bearer token for an OAuth2 client, None for a wrong one."""
        for account in self.accounts:
            for mode, client in account.clients.items():
                if client == (client_id, client_secret):
                    token, until = _letters(64), self.now() + TOKEN_SECONDS
                    self._tokens[token] = account, mode == "live", until
                    return token
        return None

    # What a merchant does through the API

    @locked
    def create_payment(self, account, is_live, request, is_legacy=False):
        """Create a payment from the body of ``POST /v1/payments``.

        :rtype: Payment
        :raise Refusal: 400 or 403
        """
        check_creation(request, account, is_legacy)
        letters, now = _letters(), self.now()
        url = f"{self.url}/pay/{'' if is_live else 'test/'}{letters}"
        body = _new_payment_body(request, is_live, now, "pay_" + letters, url)
        life = LINK_SECONDS if body["hosted_payment"]["sent_by"] else PAGE_SECONDS
        payment = Payment(account, body, now + life)
        heapq.heappush(
            self._deadlines, (payment.expires_at, next(self._numbers), payment)
        )
        self._payments[body["id"]] = payment
        return payment

    @locked
    def find_payment(self, payment_id, account=None, is_live=None):
        """Return the `Payment`; to an account, one of its own in this mode only.

        :raise Refusal: 404
        """
        payment = self._payments.get(payment_id)
        owner = payment and (payment.account, payment.body["is_live"])
        if not payment or (account and owner != (account, is_live)):
            raise Refusal(404, "The requested resource could not be found.")
        return payment

    @locked
    def list_payments(self, account, is_live):
        """Return the account's `Payment` records in this mode, newest first."""
        return [
            payment
            for payment in reversed(self._payments.values())
            if payment.account is account and payment.body["is_live"] == is_live
        ]

    @locked
    def patch_payment(self, payment, changes):
        """Apply the body of ``PATCH /v1/payments/<id>``: abort, or new metadata.

        :raise Refusal: 400, or 409 for what can no longer be aborted
        """
        wanted = {"aborted", "abort"} & changes.keys()
        errors = _check_fields(changes, {"metadata": _metadata})
        errors.update(
            (name, "This field must be true.")
            for name in wanted
            if changes[name] is not True
        )
        if errors or not (wanted or "metadata" in changes):
            raise Refusal(400, "Bad request.", errors)
        if wanted:
            self._abort(payment)
        if "metadata" in changes:
            payment.body["metadata"] = deepcopy(changes["metadata"])

    @locked
    def refund_payment(self, payment, request):
        """Give money back, as ``POST /v1/payments/<id>/refunds``.

        :param dict request: ``amount`` in cents, all that is left when missing;
            ``metadata``
        :return: the refund resource
        :raise Refusal: 400
        """
        body, amount = payment.body, request.get("amount")
        errors = _check_fields(request, {"amount": _cents, "metadata": _metadata})
        left = body["amount"] - body["amount_refunded"]
        if not errors and not (body["is_paid"] and left):
            errors["amount"] = "There is nothing to refund."
        elif not errors and amount is not None:
            if not SMALLEST_REFUND <= amount <= left:
                errors["amount"] = f"Must be {SMALLEST_REFUND} to {left} cents."
        if not errors and self.now() > body["refundable_until"]:
            errors["amount"] = "The payment can no longer be refunded."
        if errors:
            raise Refusal(400, "Bad request.", errors)
        refund = {
            "id": "re_" + _letters(),
            "payment_id": body["id"],
            "object": "refund",
            "is_live": body["is_live"],
            "amount": left if amount is None else amount,
            "currency": body["currency"],
            "created_at": self.now(),
            "metadata": deepcopy(request.get("metadata")),
        }
        payment.refunds.insert(0, refund)
        body["amount_refunded"] += refund["amount"]
        body["is_refunded"] = body["amount_refunded"] == body["amount"]
        self._notify(payment, refund)
        return deepcopy(refund)

    # What payers, time and other people do: also hooks of the tests

    @locked
    def pay(self, payment_id, card=None, paid_at=None, late=False):
        """Pay, and return the resource.

        :param dict card: shown as the payment's ``card``
        :param int paid_at: another moment than now
        :param bool late: also where the payment was aborted or has timed out, as when
            the bank's answer was on its way meanwhile
        :raise Refusal: 409 when it cannot be paid
        """
        payment = self.find_payment(payment_id)
        if not payment.is_open and (payment.body["is_paid"] or not late):
            raise Refusal(409, "The payment can no longer be paid.")
        moment = self.now() if paid_at is None else paid_at
        payment.body.update(
            is_paid=True,
            paid_at=moment,
            is_3ds=True,
            refundable_after=moment,
            refundable_until=moment + REFUND_SECONDS,
            card={**DEFAULT_CARD, **(card or {})},
            failure=None,
        )
        payment.body["hosted_payment"]["paid_at"] = moment
        return self._notify(payment)

    @locked
    def refuse(self, payment_id, code="card_declined", card=None):
        """Refuse a card; the payment stays open. Return the resource."""
        payment = self.find_payment(payment_id)
        if not payment.is_open:
            raise Refusal(409, "The payment can no longer be paid.")
        payment.body["card"] = {**DEFAULT_CARD, **(card or {})}
        payment.body["is_3ds"] = code == "3ds_declined"
        return self._fail(payment, code)

    @locked
    def expire(self, payment_id):
        """Let an open payment time out at once; return the resource."""
        payment = self.find_payment(payment_id)
        if not payment.is_open:
            raise Refusal(409, "The payment can no longer expire.")
        return self._fail(payment, "timeout")

    @locked
    def abort(self, payment_id):
        """Abort as the merchant would in Payplug's portal; return the resource."""
        return self._abort(self.find_payment(payment_id))

    @locked
    def refund(self, payment_id, cents=None):
        """Refund as the merchant would in Payplug's portal; return the refund."""
        request = {} if cents is None else {"amount": cents}
        return self.refund_payment(self.find_payment(payment_id), request)

    @locked
    def payment(self, payment_id):
        """Return a copy of a payment's resource."""
        return self.find_payment(payment_id).as_json()

    @locked
    def alter(self, payment_id, fields):
        """Replace fields of the stored resource, nested ones as nested dicts."""
        payment = self.find_payment(payment_id)
        payment.body = merge(payment.body, fields)
        return payment.as_json()

    @locked
    def forget(self, payment_id):
        """Make Payplug answer 404 for this payment from now on."""
        del self._payments[self.find_payment(payment_id).body["id"]]

    @locked
    def add_payments(self, count, account_id=None, is_live=False, **request):
        """Create payments of a merchant made elsewhere, as by a web shop.

        :param account_id: of an `Account`; the demo account when missing
        :param request: further fields of the creation's body; 10 euros when missing
        :return: their ids, oldest first
        """
        account = next(
            known for known in self.accounts if account_id in (None, known.id)
        )
        request = {"amount": 1000, "currency": "EUR", **request}
        made = (self.create_payment(account, is_live, request) for _ in range(count))
        return [payment.body["id"] for payment in made]

    @locked
    def ledger(self):
        """Return what money was taken, oldest payment first.

        :return: one dict per paid payment: ``id``, ``account`` (id), ``is_live``,
            ``cents``, ``cents_refunded``, ``paid_at``, ``metadata``
        """
        payments = self._payments.values()
        return [paid.as_ledger() for paid in payments if paid.body["is_paid"]]

    def _abort(self, payment):
        if payment.failure_code == "aborted":
            raise Refusal(409, "The payment was already aborted.")
        if not payment.is_open:
            raise Refusal(409, "The payment can no longer be aborted.")
        return self._fail(payment, "aborted")

    def _fail(self, payment, code):
        message = FAILURES.get(code, "The payment has failed.")
        payment.body["failure"] = {"code": code, "message": message}
        return self._notify(payment)

    def _end_what_is_due(self):
        while self._deadlines and self._deadlines[0][0] <= self.now():
            payment = heapq.heappop(self._deadlines)[-1]
            if payment.is_open and payment.body["id"] in self._payments:
                self._fail(payment, "timeout")

    # Notifications

    def _notify(self, payment, resource=None):
        """Queue what the merchant must be told; return the payment's resource."""
        body = payment.as_json()
        if body["notification"]:
            told = deepcopy(resource) if resource else payment.as_json()
            if not resource:
                told["notification"]["response_code"] = None
            self.notifications.append(
                Notification(body["id"], body["notification"]["url"], told, self.now())
            )
        return body

    def set_notifications(self, hold=None, copies=None, reverse=None):
        """Change how notifications leave, until `reset`; None changes nothing.

        :param bool hold: keep them back until they are released, or `deliver` is called
        :param int copies: how often each one is sent
        :param bool reverse: send the latest of those waiting first
        """
        with self._lock:
            self.hold = self.hold if hold is None else hold
            self.copies = self.copies if copies is None else copies
            self.reverse = self.reverse if reverse is None else reverse

    def deliver(self):
        """Send the notifications that are due, and return them as they are then.

        One that got no 2xx answer becomes due again `retry_seconds` later.

        :return: list of `Notification`
        """
        with self._lock:
            self._end_what_is_due()
            now = self.now()
            waiting = [one for one in self.notifications if one.due_at is not None]
            due = [one for one in waiting if one.due_at <= now]
            for notification in due:
                notification.due_at = None  # nobody else takes it
            copies = self.copies
            if self.reverse:
                due.reverse()
        for notification in due:
            for _copy in range(copies):
                self._record(notification, self._send(notification))
        return due

    def _send(self, notification):
        """Return the HTTP status of the merchant's answer, None without one."""
        request = urllib.request.Request(
            notification.url,
            data=json.dumps(notification.body).encode(),
            headers={
                "Content-Type": "application/json",
                "User-Agent": "Payplug-Emulator",
            },
        )
        try:
            with self._sender.open(request, timeout=SENDER_TIMEOUT) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except (OSError, ValueError, http.client.HTTPException):
            return None

    @locked
    def _record(self, notification, status):
        attempts = len(notification.statuses)
        notification.statuses.append(status)
        payment = self._payments.get(notification.payment_id)
        if payment:
            payment.body["notification"]["response_code"] = status
        if status is not None and 200 <= status < 300:
            notification.due_at = None
        elif attempts < len(self.retry_seconds):
            notification.due_at = self.now() + self.retry_seconds[attempts]


def merge(body, fields):
    """Return a copy of a JSON object with some fields replaced, at any depth."""
    merged = deepcopy(body)
    for name, value in fields.items():
        both = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = merge(merged[name], value) if both else deepcopy(value)
    return merged
