"""The records of the emulator: accounts, payments, notifications.

Amounts are integer cents, moments are UTC Unix seconds of the emulator's own clock.
"""

import secrets
import string
from copy import deepcopy
from dataclasses import dataclass, field, fields

from .rules import ADDRESS, DELIVERY

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


def make_letters(count=22):
    """Return so many random letters and digits, as in the ids of Payplug."""
    alphabet = string.ascii_letters + string.digits
    return "".join(secrets.choice(alphabet) for _ in range(count))


def check_types(record):
    """Compare the values of a dataclass with its annotations.

    :raise TypeError: naming the first field that has another type
    """
    for known in fields(record):
        if not isinstance(getattr(record, known.name), known.type):
            raise TypeError(f"{known.name} has the wrong type.")


@dataclass
class Account:
    """A merchant; what is missing is made up.

    :ivar name: of the company, shown on the payment page
    :ivar live_allowed: whether there is a live key
    :ivar min_cents: smallest amount of a payment
    :ivar max_cents: greatest amount of a payment
    :ivar email: login of the portal
    :ivar balance_cents: what refunds can be taken from, None for enough
    :ivar refunds_by_hand: whether refunds are only recorded, until `process_refunds`
    :ivar clients: OAuth2 ``(client id, client secret)`` per mode, "test" and "live"
    """

    id: str
    name: str
    live_allowed: bool = True
    min_cents: int = 99
    max_cents: int = 2_000_000
    email: str | None = None
    password: str = "demo-password"
    test_key: str | None = None
    live_key: str | None = None
    balance_cents: int | None = None
    refunds_by_hand: bool = False
    clients: dict = field(init=False, default_factory=dict)

    def __post_init__(self):
        check_types(self)
        self.email = self.email or f"merchant-{self.id}@example.com"
        self.test_key = self.test_key or "sk_test_" + make_letters()
        live_key = self.live_key or "sk_live_" + make_letters()
        self.live_key = live_key if self.live_allowed else None
        for mode in ("test", "live")[: 1 + self.live_allowed]:
            self.clients[mode] = f"{mode}-{make_letters()}", make_letters(40)

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
    """A payment.

    :ivar body: the resource, in the shape of the current version of the API
    :ivar expires_at: moment at which it times out
    :ivar refunds: refund resources, newest first
    :ivar recorded: bodies of refunds that are to be carried out by hand
    """

    account: Account
    body: dict
    expires_at: int
    refunds: list = field(default_factory=list)
    recorded: list = field(default_factory=list)

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


@dataclass
class Notification:
    """A notification and the attempts to send it.

    :ivar body: the resource as it was when the event happened
    :ivar due_at: moment of the next attempt, None when there will be none
    :ivar statuses: HTTP status of each attempt, None where there was no answer
    """

    payment_id: str
    url: str
    body: dict
    due_at: int | None
    statuses: list = field(default_factory=list)


def merge(body, changes):
    """Return a copy of a JSON object with some fields replaced, at any depth."""
    merged = deepcopy(body)
    for name, value in changes.items():
        both = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = merge(merged[name], value) if both else deepcopy(value)
    return merged


def new_payment_body(request, is_live, is_legacy, now, payment_id, url):
    """Return the resource of a new payment.

    :param dict request: the checked body of ``POST /v1/payments``
    :param bool is_legacy: see `rules.check_creation`
    :param int now: moment of its creation
    :param str url: of its payment page
    """
    hosted = request.get("hosted_payment") or {}
    notified = request.get("notification_url")
    billing = request.get("customer" if is_legacy else "billing") or {}
    shipping = {} if is_legacy else request.get("shipping") or {}
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
