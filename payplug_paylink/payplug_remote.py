"""What Payplug says, in the words of this addon: payments, accounts, errors, keys.

No HTTP, no record, no translation. `RemotePayment`, `RemoteRefund` and `RemoteAccount`
are the only ones that read Payplug's keys.
"""

import json
import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

KEY_SHAPE = re.compile(r"sk_(?P<mode>test|live)_[A-Za-z0-9]+")
PAYMENT_ID_SHAPE = re.compile(r"pay_[A-Za-z0-9]+")
REFUND_ID_SHAPE = re.compile(r"re_[A-Za-z0-9]+")
# What Payplug says of a refund that its staff carries out later: no code tells it.
BY_HAND = re.compile(
    r"\b(recorded|registered|enregistr|manu[ae]l|by hand|à la main|prise? en compte)",
    re.IGNORECASE,
)

# Reasons of a `PayplugError` beside "HTTP <status>"; the company knows words for them.
NO_ANSWER = "no answer in time"
NO_CONNECTION = "no connection"
SILENT = (NO_ANSWER, NO_CONNECTION)
UNREADABLE = "unreadable answer"
UNTRUSTED_PAGE = "untrusted payment page"

LARGEST_LIMIT = 2**31  # cents; a larger one is no limit, and no integer of a database

# What reading an answer of another shape than Payplug's may raise.
WRONG_SHAPE = (AttributeError, KeyError, TypeError, ValueError, OverflowError)
EPOCH = datetime(1970, 1, 1)
YEARS = range(2000, 2101)  # in which something may have happened
# Of what Payplug says, as deep and as long as a database and a screen take it.
DEEPEST = 12
LONGEST = 10_000  # characters; metadata that come back as one text have some 2 000
LONGEST_CODE = 80
LONGEST_DETAILS = 1_000
OPTIONAL = {"billing", "shipping"}  # parts of a request that a payment can do without
ENDED_BY = {"aborted": "cancelled", "timeout": "expired"}  # failure code → state


class PayplugError(Exception):
    """Payplug did not do what we asked.

    :ivar str reason: an HTTP status or a few words, never an address, a key or a name
    :ivar status: the HTTP status of the answer, None without one
    :ivar bool link_ended: whether an earlier link's end was seen, and stored, before
    :ivar str details: what Payplug says is wrong, on one line; it may quote the request
        and is therefore never logged
    :ivar refused: names of the parts of the request that are wrong, if Payplug says so
    """

    link_ended = False

    def __init__(self, reason, status=None, details="", refused=()):
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.details = details
        self.refused = set(refused)

    def is_about_optional_parts(self):
        """Tell whether the same request without its `OPTIONAL` parts may succeed."""
        return bool(self.refused) and self.refused <= OPTIONAL


class PayplugUnavailable(PayplugError):
    """Nobody answered sensibly: ask again later."""


class PayplugRejected(PayplugError):
    """Payplug understood and said no: asking again will not help."""


class PayplugRecorded(PayplugRejected):
    """Payplug took note of a refund, and will carry it out by hand."""


class SecretKey:
    """The way to prove who we are: a secret key, sent as it is.

    Another way (OAuth2 client credentials, whose tokens expire) needs a class with the
    same method, and nothing else changes.
    """

    def __init__(self, key):
        self._key = key

    def token(self):
        """Return what follows ``Bearer`` in the next request."""
        return self._key


def to_cents(amount):
    """Return rounded euros as whole cents, without float arithmetic."""
    return int((Decimal(str(amount)) * 100).to_integral_value())


def from_cents(cents):
    """Return whole cents as euros: the float nearest to the exact amount."""
    return float(Decimal(cents) / 100)


class RemotePayment(NamedTuple):
    """What Payplug says of one payment, in our words."""

    id: str
    url: str  # Payplug's page, "" when it is not one that we would mail
    cents: int
    cents_refunded: int
    currency: str  # ISO 4217
    is_live: bool
    state: str  # pending, paid, cancelled, expired
    is_being_checked: bool  # the money may still come without another attempt
    refusal: str  # code of the last refused attempt, "" if none
    created_at: datetime  # UTC, naive
    paid_at: datetime | None  # UTC, naive
    metadata: dict
    refundable_after: datetime | None  # UTC, naive
    refundable_until: datetime | None  # UTC, naive

    @classmethod
    def from_json(cls, body, trusts=lambda url: True):
        """Read a payment of the API.

        :param dict body: the payment as Payplug sends it
        :param trusts: tells whether an address may be given to a customer
        :raise PayplugUnavailable: if this is not a well-formed payment
        """
        try:
            return cls._from_json(body, trusts)
        except WRONG_SHAPE as error:
            raise PayplugUnavailable(UNREADABLE) from error

    @classmethod
    def _from_json(cls, body, trusts):
        if body["object"] != "payment" or not PAYMENT_ID_SHAPE.fullmatch(body["id"]):
            raise ValueError("not a payment")
        failure = body.get("failure") or {}
        code = str(failure.get("code") or "")[:LONGEST_CODE]
        url = str((body.get("hosted_payment") or {}).get("payment_url") or "")
        return cls(
            id=body["id"],
            url=url if trusts(url) else "",
            cents=_cents(body["amount"]),
            cents_refunded=_cents(body.get("amount_refunded") or 0),
            currency=str(body["currency"]),
            is_live=_flag(body["is_live"]),
            state="paid" if _flag(body["is_paid"]) else ENDED_BY.get(code, "pending"),
            is_being_checked=bool((body.get("payment_method") or {}).get("is_pending")),
            refusal="" if code in ENDED_BY else code,
            created_at=_utc(body["created_at"]),
            paid_at=_optional_utc(body.get("paid_at")),
            metadata=_metadata(body.get("metadata")),
            refundable_after=_optional_utc(body.get("refundable_after")),
            refundable_until=_optional_utc(body.get("refundable_until")),
        )


class RemoteRefund(NamedTuple):
    """What Payplug says of one refund, in our words."""

    id: str
    payment_id: str
    cents: int
    currency: str  # ISO 4217
    is_live: bool
    created_at: datetime  # UTC, naive
    metadata: dict

    @classmethod
    def from_json(cls, body):
        """Read a refund of the API.

        :param dict body: the refund as Payplug sends it
        :raise PayplugUnavailable: if this is not a well-formed refund
        """
        try:
            if body["object"] != "refund" or not REFUND_ID_SHAPE.fullmatch(body["id"]):
                raise ValueError("not a refund")
            return cls(
                id=body["id"],
                payment_id=str(body["payment_id"]),
                cents=_cents(body["amount"]),
                currency=str(body["currency"]),
                is_live=_flag(body["is_live"]),
                created_at=_utc(body["created_at"]),
                metadata=_metadata(body.get("metadata")),
            )
        except WRONG_SHAPE as error:
            raise PayplugUnavailable(UNREADABLE) from error


def _whole(value):
    if type(value) is not int:  # a bool is an int for Python, not for money
        raise TypeError("not a whole number")
    return value


def _cents(value):
    if not 0 <= _whole(value) < LARGEST_LIMIT:
        raise ValueError("not an amount")
    return value


def _flag(value):
    if type(value) is not bool:
        raise TypeError("not a boolean")
    return value


def _utc(seconds):
    """Return Unix seconds as Odoo stores a moment: naive UTC."""
    moment = EPOCH + timedelta(seconds=_whole(seconds))
    if moment.year not in YEARS:
        raise ValueError("not a moment of ours")
    return moment


def _optional_utc(seconds):
    """Return the same; None for what a payment can do without, or cannot be read."""
    try:
        return _utc(seconds)
    except WRONG_SHAPE:
        return None


def _metadata(value):
    """Return what a payment carries; it may come back as a text of JSON."""
    if isinstance(value, str):
        try:
            value = cleaned(json.loads(value))
        except (ValueError, RecursionError):  # of a web shop's own making
            return {}
    return _known(value, dict) or {}


class RemoteAccount(NamedTuple):
    """What Payplug says of the account behind a key; None where it does not say."""

    name: str
    live_allowed: bool | None
    min_cents: int | None
    max_cents: int | None

    @classmethod
    def from_json(cls, body):
        """Read an account of the API: every part of it is optional."""
        if body.get("object") != "account":
            raise PayplugUnavailable(UNREADABLE)
        limits = _part(body, "configuration")
        return cls(
            name=str(body.get("company_name") or body.get("id") or ""),
            live_allowed=_known(_part(body, "permissions").get("use_live_mode"), bool),
            min_cents=_limit(_part(limits, "min_amounts")),
            max_cents=_limit(_part(limits, "max_amounts")),
        )


class RemoteKeys(NamedTuple):
    """The secret keys of an account, "" for one that it does not have."""

    test: str
    live: str

    @classmethod
    def from_json(cls, body):
        """Read the answer of ``POST /v1/keys``, which holds one key at least."""
        keys = _part(body, "secret_keys")
        found = cls(*(str(keys.get(mode) or "") for mode in cls._fields))
        shapes = [KEY_SHAPE.fullmatch(key) for key in found if key]
        if not shapes or not all(shapes):
            raise PayplugUnavailable(UNREADABLE)
        return found


def _part(body, key):
    return _known(body.get(key), dict) or {}


def _known(value, kind):
    return value if type(value) is kind else None


def _limit(amounts):
    """Return a limit in cents, None for what no amount can be."""
    cents = _known(amounts.get("EUR"), int)
    return cents if cents and 0 < cents < LARGEST_LIMIT else None


def rejection(status, body):
    """Return what an error object, if it is one, says as a `PayplugRejected`."""
    known = _known(body, dict) or {}
    refused = _part(known, "details")
    return PayplugRejected(f"HTTP {status}", status, read_details(known), refused)


def read_details(body):
    """Return what an error object says, on one line."""
    if not isinstance(body, dict):
        return ""
    found = ", ".join(_leaves(body.get("details")))
    found = found or str(body.get("message") or "").rstrip(". ")
    return found[:LONGEST_DETAILS]


def cleaned(value, depth=DEEPEST):
    """Return a value of JSON without what a database, a log or a screen does not take.

    Texts are `storable` and not endless; what lies too deep is left out.
    """
    if isinstance(value, str):
        return storable(value[:LONGEST])
    if isinstance(value, dict):
        return {
            storable(name): cleaned(one, depth - 1)
            for name, one in value.items()
            if depth
        }
    if isinstance(value, list):
        return [cleaned(one, depth - 1) for one in value if depth]
    return value


def storable(said):
    """Return a text that a database and a screen take: no NUL, no lone surrogate."""
    return "".join(char if char.isprintable() else " " for char in said)


def _leaves(details, path=""):
    """Yield ``field: what is wrong with it`` for nested details."""
    if isinstance(details, dict):
        for key, value in details.items():
            yield from _leaves(value, f"{path}.{key}" if path else key)
    elif isinstance(details, list):
        for value in details:
            yield from _leaves(value, path)
    elif details:
        said = str(details).rstrip(". ")  # it becomes part of a sentence
        yield f"{path}: {said}" if path else said
