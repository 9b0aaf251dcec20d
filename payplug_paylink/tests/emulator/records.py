"""What Payplug keeps: merchants, payments, and what it told them.

Amounts are integer cents, moments are UTC Unix seconds of the emulator's own clock.
"""

import secrets
import string
from copy import deepcopy
from dataclasses import dataclass, field

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


def make_letters(count=22):
    """Return so many random letters and digits, as in the ids of Payplug."""
    alphabet = string.ascii_letters + string.digits
    return "".join(secrets.choice(alphabet) for _ in range(count))


def new_payment_body(request, is_live, now, payment_id, url):
    """Return the resource of a new payment.

    :param dict request: the checked body of ``POST /v1/payments``
    :param int now: moment of its creation
    :param str url: of its payment page
    """
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
