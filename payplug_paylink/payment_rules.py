"""The decisions of this addon, without environment, record or database.

Facts go in as plain values, a code comes out: `models/` reads the facts, and
`payment_messages` has the sentence for each code (ARCHITECTURE.rst, Decisions).
Amounts are integers of cents, moments naive UTC.
"""

import re
from contextlib import suppress
from datetime import date, datetime, timedelta
from enum import Enum, auto
from typing import NamedTuple

from .payplug_remote import storable

# A link that is mailed today must be payable tomorrow.
REUSE_MARGIN = timedelta(days=1)

# Where a link may come from, for each state that it may get. A refused card is no
# state: the payer may try again on the same page.
SOURCES = {
    "paid": {"pending", "cancelled", "expired"},  # at its end, too: the money moved
    "cancelled": {"pending"},  # by us
    "expired": {"pending"},  # by Payplug's timeout
}


def may_move(source, target):
    """Tell whether a link in state `source` may get the state `target`."""
    return source in SOURCES[target]


# === CONDITIONS === #


class Unmet(NamedTuple):
    """A condition that is not met: its code, and what was found instead."""

    code: str
    found: dict = {}


class AccountFacts(NamedTuple):
    """What decides whether a company's Payplug account can take payments."""

    is_enabled: bool
    has_key: bool
    can_book: bool
    min_cents: int
    max_cents: int


class InvoiceFacts(NamedTuple):
    """What decides whether an invoice may be paid by a link."""

    move_type: str
    state: str
    currency: str  # ISO 4217, "" for none
    company_currency: str
    residual_cents: int  # what the books say is left to pay, 0 if nothing may be asked
    due_cents: int  # the same, less what was paid by links and the books do not show
    total_cents: int
    is_to_book: bool  # a payment by a link waits to be booked
    is_missing: bool  # one was booked, and is no longer in the books
    due_dates: tuple[date, ...]  # of all instalments, each once
    has_contact_access: bool = True
    is_contact_archived: bool = False
    email: str = ""  # the address to which Odoo mails, "" without a valid one


def unmet_conditions(invoice, account, to_send=True):
    """Return what keeps an invoice from being paid by a link.

    :param bool to_send: whether the link is mailed, so that an address is needed
    :rtype: list[Unmet]
    """
    if invoice.move_type != "out_invoice":
        return [Unmet("move_type")]  # no advice on an invoice's conditions would help
    found = [
        _unmet_state(invoice),
        _unmet_currency(invoice),
        _unmet_account(account),
        _unmet_amount(invoice, account),
        _unmet_due_dates(invoice),
        to_send and _unmet_contact(invoice),
    ]
    return [unmet for unmet in found if unmet]


def _unmet_state(invoice):
    if invoice.state == "cancel":
        return Unmet("cancelled")
    if invoice.state != "posted":
        return Unmet("not_posted")
    if invoice.due_cents:
        return None
    if invoice.is_to_book:
        return Unmet("to_book")
    if invoice.is_missing:
        return Unmet("missing")
    return Unmet("paid_ahead" if invoice.residual_cents else "nothing_due")


def _unmet_currency(invoice):
    currencies = {invoice.currency, invoice.company_currency} - {""}
    return Unmet("currency") if currencies - {"EUR"} else None


def _unmet_account(account):
    if not account.is_enabled:
        return Unmet("disabled")
    if not account.has_key:
        return Unmet("no_key")
    return None if account.can_book else Unmet("journal")


def _unmet_amount(invoice, account):
    is_draft = invoice.state == "draft"
    cents = invoice.total_cents if is_draft else invoice.due_cents
    if invoice.currency != "EUR" or not (is_draft or cents):
        return None  # another condition tells it
    if account.min_cents <= cents <= account.max_cents:
        return None
    return Unmet("amount", {"cents": cents})


def _unmet_due_dates(invoice):
    dates = invoice.due_dates
    return Unmet("due_dates", {"dates": dates}) if len(dates) > 1 else None


def _unmet_contact(invoice):
    if not invoice.has_contact_access:
        return Unmet("contact_access")
    if invoice.is_contact_archived:
        return Unmet("archived")
    return None if invoice.email else Unmet("email")


# === WHAT BECOMES OF AN EXISTING LINK === #


class LinkFacts(NamedTuple):
    """What decides whether a link that was just asked about can be paid."""

    state: str
    cents: int
    is_live: bool
    expires_at: datetime | None
    is_blocked: bool  # it was cancelled by a user, or a person must look at it
    matches_invoice: bool  # still the customer, company and currency of the invoice


class Step(Enum):
    """What to do when a link is asked for."""

    REUSE = auto()
    REGISTER = auto()  # it was paid
    ABORT_AND_CREATE = auto()
    CREATE = auto()
    LEAVE_TO_PEOPLE = auto()  # nothing new: a person must decide, or has decided


def matches_due(link, due_cents, is_live):
    """Tell whether a link asks for what is due, in the mode that is set."""
    return (
        link.state == "pending"
        and not link.is_blocked
        and link.matches_invoice
        and link.cents == due_cents
        and link.is_live == is_live
    )


def next_step(link, due_cents, is_live, now, for_customer=False, may_renew=True):
    """Return what to do when the link of an invoice is asked for.

    :param link: the `LinkFacts` of the last one, asked about just now, None without one
    :param bool is_live: the mode in which new links are made
    :param bool for_customer: whether the customer asks, who pays at once
    :param bool may_renew: whether customers may renew an expired link
    :rtype: Step
    """
    if link and link.state == "pending":
        lasts = for_customer or link.expires_at > now + REUSE_MARGIN
        if lasts and matches_due(link, due_cents, is_live):
            return Step.REUSE
        return Step.ABORT_AND_CREATE
    if for_customer and link and link.state == "expired" and not may_renew:
        return Step.LEAVE_TO_PEOPLE
    if not due_cents:
        return Step.REGISTER
    return Step.CREATE


# === REFUNDS === #

SMALLEST_REFUND = 10  # cents

# Where a refund may come from, for each state that it may get.
REFUND_SOURCES = {
    "unknown": {"to_send", "unknown"},  # the call begins; its answer is not known yet
    "done": {"to_send", "unknown", "recorded", "refused"},  # seen at Payplug: a fact
    "recorded": {"unknown"},  # Payplug carries it out by hand
    "refused": {"to_send", "unknown", "recorded"},
    "to_send": {"refused"},  # a person tries again
}


def may_move_refund(source, target):
    """Tell whether a refund in state `source` may get the state `target`."""
    return source in REFUND_SOURCES[target]


class RefundFacts(NamedTuple):
    """What decides whether money of a paid link may go back."""

    is_paid: bool
    has_key: bool  # of the mode in which it was paid
    left_cents: int  # what was paid, less what was refunded or is on its way back
    asked_cents: int  # what the credit note, or the surplus, leaves to give back
    after: datetime | None  # Payplug refunds between these two moments
    until: datetime | None

    @property
    def is_asked(self):
        """Whether there is money to give back, and something that asks for it."""
        return self.is_paid and self.left_cents > 0 and self.asked_cents > 0


def unmet_refund(facts, cents, now):
    """Return what keeps an amount from being refunded, as one `Unmet`, or None.

    :param RefundFacts facts: of the link that was paid
    :param int cents: to be given back
    """
    found = {
        "not_paid": not facts.is_paid,
        "no_key": not facts.has_key,
        "too_early": facts.after and now < facts.after,
        "too_late": facts.until and now > facts.until,
        "nothing_left": facts.left_cents <= 0,
        "nothing_asked": facts.asked_cents <= 0,
        "too_small": cents < SMALLEST_REFUND,
        "over_left": cents > facts.left_cents <= facts.asked_cents,
        "over_asked": cents > facts.asked_cents,
    }
    return next((Unmet(code) for code, is_so in found.items() if is_so), None)


# === MAILS === #

# smtplib's form of a server's reply: (451, b'4.7.1 Greylisted'). A stranger's mail may
# look like it: it is searched as text, and not as Python, of which it may be none.
SMTP_REPLY = re.compile(r"\((\d{3}), b?(['\"])(.{0,1000}?)(?<!\\)\2[,)]", re.DOTALL)
ESCAPED = re.compile(r"\\(?:x([0-9a-f]{2})|(.))", re.DOTALL)
SEARCHED = 8_000  # characters of a reason


def server_reply(reason):
    """Return what the mail server said, on one line; "" if this is not its refusal.

    :param str reason: of a mail's failure, as Odoo stores it
    """
    found = SMTP_REPLY.search((reason or "")[:SEARCHED])
    if not found:
        return ""
    said = ESCAPED.sub(_unescaped, found[3])
    with suppress(UnicodeError):  # it was no UTF-8
        said = said.encode("latin-1").decode()
    return f"{found[1]} {' '.join(storable(said).split())}".strip()


def _unescaped(found):
    byte, other = found.groups()
    if byte:
        return chr(int(byte, 16))
    return " " if other in "nrt" else other


def is_temporary(failure_type, reason):
    """Tell whether a refused mail is to be tried again later.

    :param str failure_type: Odoo's code: ``mail_smtp`` if there was no connection
    """
    said = server_reply(reason)  # RFC 5321, 4.2.1: 4yz is a transient refusal
    return said.startswith("4") or (failure_type == "mail_smtp" and not said)


# === THE PAY PAGE === #


class PageFacts(NamedTuple):
    """What decides what an invoice's public page shows."""

    is_settled: bool
    is_being_checked: bool
    is_barred: bool  # its link is cancelled or cannot be followed
    is_met: bool  # all conditions but the e-mail address
    link_state: str  # "" without a link
    has_refusal: bool
    may_renew: bool


def page_state(page):
    """Return what an invoice's public page shows.

    :return: ``payable``; ``refused``, payable after a refused card; ``paid``;
        ``checking``, money may be on its way; ``expired``, and the customer may not
        renew the link; ``closed``, not payable online
    :rtype: str
    """
    if page.is_settled:
        return "paid"
    if page.is_being_checked:
        return "checking"
    if page.is_barred or not page.is_met:
        return "closed"
    if page.link_state == "expired" and not page.may_renew:
        return "expired"
    is_refused = page.link_state == "pending" and page.has_refusal
    return "refused" if is_refused else "payable"
