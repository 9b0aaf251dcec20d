"""Every sentence that people read, by name; the models fill them in.

The placeholders of a sentence are in it. A sentence is translated, and filled in, by
`text` when its reader is known.
"""

from html import unescape

from odoo.exceptions import AccessError
from odoo.tools.translate import LazyTranslate

from .confidential import ConfidentialUserError

_lt = LazyTranslate(__name__)

REASON_SIZE = 300
RELOAD = {"type": "ir.actions.client", "tag": "soft_reload"}
SETTINGS = {"type": "ir.actions.client", "tag": "payplug_paylink.settings"}


def text(env, message, **values):
    """Return a sentence in the language of an environment.

    :param message: a constant of this file
    :param values: for its placeholders
    :rtype: str
    """
    translated = env._(message)
    return translated % values if values else translated


def user_error(env, message, **values):
    """Return a `UserError` that says this; see `text`. It may name a document.

    Whose name may hold the customer's, as Odoo's context says.
    """
    return ConfidentialUserError(text(env, message, **values))


def one_line(said):
    """Return the first sentence of a text, decoded, and not too long."""
    lines = [line for line in map(str.strip, unescape(str(said)).splitlines()) if line]
    return " ".join(lines[:2] if lines and lines[0].endswith(":") else lines[:1])


def error_reason(error):
    """Return in one line what an error says: no traceback, no entities.

    Odoo puts a template's traceback into the sentence; its last cause says enough.
    """
    told = str(error.args[0] if error.args else error)
    said = one_line(told)
    if "Traceback" in told:
        cause = error
        while cause.__cause__:
            cause = cause.__cause__
        said = f"{said.partition(':')[0]}: {type(cause).__name__}: {one_line(cause)}"
    elif isinstance(error, AccessError):  # what is missing stands in its later lines
        said = " ".join(unescape(told).split())
    return said[:REASON_SIZE]


def visible(said):
    """Return a text in which people see what they would not: U+200B for a space."""
    shown = (char if char.isprintable() else f"<U+{ord(char):04X}>" for char in said)
    return "".join(shown)


def notification(title, message, kind="info", then=None):
    """Return the action that shows a sentence, and then does another one."""
    return {
        "type": "ir.actions.client",
        "tag": "display_notification",
        "params": {
            "title": title,
            "message": message,
            "type": kind,
            "next": then or RELOAD,
        },
    }


# === CONDITIONS, by the codes of `payment_rules.unmet_conditions` === #

UNMET = {
    "move_type": _lt(
        "It is not a customer invoice but another document (%(move_type)s): select "
        "customer invoices only."
    ),
    "cancelled": _lt(
        "It is not validated (%(state)s): reset it to draft and confirm it, if it "
        "shall be paid."
    ),
    "not_posted": _lt("It is not validated (%(state)s): confirm it first."),
    "to_book": _lt(
        "The customer has paid it on Payplug (%(payment)s), and the payment is not "
        "booked yet: see to the Payplug journal, no link is needed."
    ),
    "paid_ahead": _lt(
        "The customer has paid it on Payplug (%(payment)s), which the books show as "
        "the customer's credit: reconcile it with the invoice, no link is needed."
    ),
    "missing": _lt(
        "The customer has paid it on Payplug (%(payment)s), and that payment is no "
        "longer in the books (deleted, cancelled or in draft): press “Book again” on "
        "the invoice, or “Settled otherwise: ask again”."
    ),
    "nothing_due": _lt(
        "Nothing is left to pay on it (%(payment_state)s): no link is needed."
    ),
    "currency": _lt(
        "Payplug takes euros only; the invoice is in %(currency)s, and "
        "%(company)s keeps its books in %(books)s: have it paid another way."
    ),
    "disabled": _lt(
        "Payplug is switched off for %(account)s: an administrator can switch it on in "
        "Settings ▸ Invoicing ▸ Payplug."
    ),
    "no_key": _lt(
        "%(account)s has no %(mode)s key of Payplug: an administrator can sign in to "
        "Payplug in Settings ▸ Invoicing ▸ Payplug."
    ),
    "journal": _lt(
        "The Payplug journal of %(account)s (%(journal)s) cannot take payments: it "
        "must be active and have, on its manual incoming payment method, an "
        "outstanding account that allows reconciliation. Correct it in Invoicing ▸ "
        "Configuration ▸ Journals, or choose another in Settings."
    ),
    "amount": _lt(
        "The amount due is %(amount)s; Payplug takes %(limits)s: have it paid another "
        "way."
    ),
    "due_dates": _lt(
        "It has %(count)s due dates (%(dates)s), a link has one: choose payment terms "
        "with a single due date."
    ),
    "contact_access": _lt(
        "You may not read its contact, to whom the mail would go: ask an administrator "
        "for that right."
    ),
    "archived": _lt(
        "The contact %(contact)s is archived and would get no mail: restore it, or "
        "choose another on the invoice."
    ),
    "email": _lt(
        "The contact %(contact)s has no valid e-mail address (%(email)s): write one on "
        "the contact."
    ),
}
UNMET_NO_EMAIL = _lt(  # "email", where there is none at all
    "The contact %(contact)s has no e-mail address: write one on the contact."
)
# for readers of the invoice who may not read the contact
UNMET_FOR_EVERYONE = {
    "email": _lt("Its contact has no valid e-mail address: write one on the contact."),
    "archived": _lt("Its contact is archived and would get no mail: restore it."),
}
CANNOT_SEND = _lt("No payment link can be sent for %(invoice)s:\n%(reasons)s")
CANNOT_COPY = _lt("No payment link can be made for %(invoice)s:\n%(reasons)s")
NO_CONTACT = _lt("of the invoice")
NO_JOURNAL = _lt("no journal")
LIMITS = _lt("%(minimum)s to %(maximum)s")
LIVE = _lt("live")
TEST = _lt("test")

# === THE LINK, for the user who asks for it === #

ALREADY_PAID_TITLE = _lt("Already paid")
ALREADY_PAID = _lt(
    "Payplug says that the customer has paid %(invoice)s. No new link was made."
)
NOTHING_DONE_TITLE = _lt("Nothing was done")
NO_NEW_LINK_TITLE = _lt("No new link yet")
NO_NEW_LINK = _lt(
    "The earlier link of %(invoice)s is at its end, and no new one could be made "
    "(%(why)s). Send it again in a few minutes."
)
CANCEL_LATER_TITLE = _lt("Payplug does not answer")
CANCEL_LATER = _lt(
    "The link will be cancelled as soon as it does. Until then it may still be paid."
)
STILL_PAYABLE = _lt(
    "Payplug has not yet ended the earlier link of %(invoice)s (%(payment)s): a "
    "payment may be under way. No new link was made, so that the customer cannot pay "
    "twice. Try again in a few minutes."
)
NONE_TO_CANCEL = _lt(
    "None of these links can be cancelled: none waits to be paid, or they are to be "
    "checked first."
)
BEING_CANCELLED = _lt(
    "Links being cancelled: %(count)s. Each may still be paid until Payplug has "
    "confirmed its end."
)
MADE_ELSEWHERE = _lt(
    "The link %(payment)s was made by another copy of this database, which still waits "
    "for it: it is left alone here."
)
LINK_PROBLEM = _lt(
    "The payment link %(payment)s cannot be followed: %(why)s. Compare with Payplug's "
    "portal, then close the link."
)
UNANSWERED_SUMMARY = _lt("Payment link: no answer from Payplug")
UNANSWERED = _lt(
    "For a day, Payplug has given Odoo no answer about the payment link %(payment)s of "
    "%(amount)s (%(mode)s): it may have been paid, and is not booked. Test the "
    "connection in Settings ▸ Invoicing ▸ Payplug, and look in Payplug's portal. The "
    "list Customers ▸ Payment Links shows the others, if there are any."
)
NOTHING_TO_COPY = _lt(
    "Nothing can be paid by link for %(invoice)s right now: Payplug is checking a "
    "payment, or the link cannot be followed. Press “Refresh” in a few minutes."
)
INVOICE_GONE = _lt("The invoice of this payment link was deleted: nothing can be done.")
OPEN_CONTACT = _lt("Open the contact")
LINKS_OF_COMPANY = _lt(
    "%(invoice)s has payment links of %(company)s and cannot move to another company: "
    "duplicate it, and change the company of the copy."
)
LINK_SET_BY_CODE = _lt(
    "The payment links and refunds of a document are set by its own buttons only."
)
FOR_ADMINISTRATORS = _lt(
    "Payplug's scheduled actions are run by administrators: choose one as their "
    "scheduler user."
)
SEARCH_AMOUNT = _lt("%(field)s: search for an amount, which is a number.")
SEARCH_WHOLE = _lt("“%(field)s” is searched by its whole text.")

# === BANNERS of the invoice's form === #

BANNER_TEST_MODE = _lt(
    "The payment link of this invoice belongs to Payplug's test mode: no real money is "
    "paid with it."
)
BANNER_OTHER_MODE = {  # by the mode of the link
    "test": _lt(
        "The payment link of this invoice was made in Payplug's test mode, and the "
        "customer's page now takes real money: send the link again."
    ),
    "live": _lt(
        "The payment link of this invoice was made in Payplug's live mode, and the "
        "customer's page is now in test mode: no real money is paid there."
    ),
}
BANNER_TEST_PAID = {  # by the codes of `payment_status`
    "paid": _lt(
        "This invoice was paid in Payplug's test mode: no real money stands behind it."
    ),
    "recorded": _lt(
        "A payment in Payplug's test mode is recorded, and not booked: no real money "
        "stands behind it, and the invoice is still due."
    ),
}
BANNER_TEST_REFUND = _lt(
    "This was refunded in Payplug's test mode: no real money went back."
)
BANNER_ENDED = {  # by the codes of `payment_status`
    "expired": _lt(
        "The payment link has expired. Send a new one with “Send payment link”."
    ),
    "renewable": _lt(
        "The payment link has expired. The customer can still pay on the invoice's "
        "page: send the link as a reminder."
    ),
    "replaced": _lt(
        "The amount due has changed since the payment link was made: send the link, so "
        "that the customer knows the new amount."
    ),
}
BANNER_TO_BOOK = _lt(
    "The customer has paid on Payplug; the payment could not be booked yet: %(why)s "
    "Odoo tries again every hour."
)
BANNER_MISSING = _lt(
    "The customer paid %(amount)s by card on %(date)s (%(payment)s), and that payment "
    "is no longer in the books (deleted, cancelled, reversed or in draft). What "
    "Payplug holds of it is not asked for again. Press “Book again” if it pays this "
    "invoice, or “Settled otherwise: ask again” if it was given back or used elsewhere."
)
BANNER_TO_CANCEL = _lt("The payment link will be cancelled when Payplug answers.")
BANNER_REFUSED = _lt(
    "The customer's last attempt to pay was refused: %(why)s. The link stays payable."
)
BANNER_SENDING = _lt(
    "The payment link of this invoice is being sent in the background."
)

# What stands beside the status, by the codes of `payment_status`.
STATUS_DETAILS = {
    "created": _lt("valid until %(until)s"),
    "sent": _lt("sent on %(sent)s, valid until %(until)s"),
    "made_by_customer": _lt("made by the customer on %(sent)s, valid until %(until)s"),
    "refused": _lt("%(refusal)s; valid until %(until)s"),
    "other_mode": _lt("it was made in %(mode)s mode"),
    "replaced": _lt("it asked for %(amount)s, and %(due)s is due"),
    "in_portal": _lt("it was cancelled in Payplug's portal"),
    "withdrawn": _lt(
        "by Odoo: the invoice was paid otherwise, reset to draft or changed"
    ),
    "cancelled": _lt("by %(user)s"),
    "to_book": _lt("%(amount)s on %(date)s"),
    "recorded": _lt("%(amount)s on %(date)s"),
    "paid": _lt("%(amount)s on %(date)s"),
    "refunding": _lt("%(amount)s was paid on %(date)s"),
    "partly_refunded": _lt("%(refunded)s of %(paid)s; net amount: %(net)s"),
}

# === THE INVOICE'S CHATTER === #

# Without its ID, which is the address of the page that can be paid.
LOG_CREATED = _lt("Payment link of %(amount)s made (%(mode)s).")
LOG_CREATED_BY_CUSTOMER = _lt(
    "Payment link of %(amount)s made by the customer (%(mode)s)."
)
LOG_REFUSED = _lt(
    "The customer's attempt to pay was refused: %(why)s. The link stays payable."
)
LOG_ENDED = {
    "expired": _lt("Payment link %(payment)s has expired."),
    "cancelled": _lt("Payment link %(payment)s cancelled."),
}
LOG_FORCE_CANCELLED = _lt("Payment link %(payment)s closed by hand, unseen by Payplug.")
CLOSED = _lt("The payment link %(payment)s was closed: send the link again.")
LOG_NOT_BOOKED = _lt(
    "Paid by card on %(date)s (%(payment)s, %(amount)s). The payment could not be "
    "booked yet."
)
PAID_BY_LINK = (  # subject and text
    _lt("%(invoice)s: %(amount)s paid by card"),
    _lt("The customer paid %(amount)s by card (%(mode)s)."),
)
PAID_BY_LINK_TRIAL = (
    _lt("%(invoice)s: %(amount)s paid by card (test, not booked)"),
    _lt(
        "The customer paid %(amount)s by card in test mode: recorded, and not booked. "
        "The invoice is still due."
    ),
)
LOG_RECORDED = _lt("Paid in Payplug's test mode on %(date)s: recorded, not booked.")
LOG_BOOKED = _lt("Paid by card on %(paid)s, booked as %(payment)s in %(journal)s.")
LOG_BOOKED_LATER = _lt(
    "Paid by card on %(paid)s. That period is locked: booked as %(payment)s in "
    "%(journal)s on %(booked)s."
)
LOG_TAKEN_OVER = _lt(
    "Paid by card on %(paid)s: %(payment)s in %(journal)s, which was registered by "
    "hand, is this payment."
)
LOG_SETTLED_OTHERWISE = _lt(
    "%(amount)s of %(payment)s, which the books no longer hold, was settled otherwise: "
    "the invoice asks for it again."
)
LOG_CUSTOMER_COULD_NOT_PAY = _lt(
    "The customer wanted to pay online and could not. %(why)s"
)
LOG_SENDING_CANCELLED = _lt("Sending of the payment link cancelled.")
NOT_SENT = _lt("The payment link was not sent: %(why)s")

# === ACTIVITIES: what to do, and why === #

TO_BOOK_SUMMARY = _lt("Payplug payment to book")
TO_BOOK = _lt(
    "%(payment)s (%(amount)s) was paid on Payplug on %(date)s and could not be booked: "
    "%(why)s Odoo tries again every hour."
)
TO_BOOK_UNKNOWN = _lt("check the Payplug journal and its accounts.")
REFUND_SUMMARY = _lt("Paid twice: refund?")
REFUND = _lt(
    "%(payment)s brought %(amount)s by Payplug when %(due)s was due. The surplus is "
    "the customer's credit: refund it, or keep it for another invoice."
)
BY_HAND_SUMMARY = _lt("Registered by hand, or paid twice?")
BY_HAND = _lt(
    "%(payment)s brought %(amount)s by Payplug when %(due)s was due, and %(other)s "
    "settles the same amount of this invoice. If it is the same money, registered by "
    "hand, cancel %(other)s and reconcile Payplug's payment in its place; if the "
    "customer paid twice, refund one of them."
)
RECONCILE_SUMMARY = _lt("Paid while a draft: reconcile or refund?")
RECONCILE = _lt(
    "%(payment)s brought %(amount)s by Payplug while the invoice was reset to draft. "
    "It is the customer's credit: reconcile it when the invoice is confirmed again, or "
    "refund it."
)
EARLIER_SUMMARY = _lt("Payment by an earlier customer")
EARLIER = _lt(
    "%(payment)s brought %(amount)s by Payplug for this invoice as it was before: it "
    "has another customer, or currency, now. The money is that customer's credit, and "
    "not for this invoice: refund it, or keep it for another one."
)
UNKNOWN_SUMMARY = _lt("Payplug payment without a link")
UNKNOWN = _lt(
    "A customer paid %(amount)s by card on %(date)s for invoice %(invoice)s (Payplug "
    "payment %(payment)s, %(mode)s), and this Odoo does not know the link: it was "
    "restored from a backup, or Payplug's answer was lost. Nothing was booked: look at "
    "the payment in Payplug's portal, then register it on the invoice or refund it."
)
UNKNOWN_REFUNDED = _lt(
    "%(amount)s of Payplug payment %(payment)s, which this Odoo does not know, was "
    "refunded on %(date)s (%(refund)s). Nothing was booked: if you have registered the "
    "payment by hand, register its refund, too."
)
BOOK_REFUND_SUMMARY = _lt("Refund by card to book")
BOOK_REFUND = _lt(
    "%(amount)s of %(payment)s was refunded by Payplug on %(date)s (%(refund)s) and "
    "could not be booked: %(why)s Odoo tries again every hour."
)
CREDIT_REFUND_SUMMARY = _lt("Refunded by card: credit note?")
CREDIT_REFUND = _lt(
    "%(amount)s of %(payment)s was refunded by Payplug on %(date)s (%(refund)s). "
    "%(open)s of it has no credit note: click “Prepare the credit note” on the "
    "invoice. Once it is confirmed, the refund settles it."
)
EARLIER_REFUND = _lt(
    "%(amount)s of %(payment)s was refunded by Payplug on %(date)s (%(refund)s). "
    "%(open)s of it has no credit note. The invoice has another customer, or currency, "
    "now: reconcile it with what that customer had paid."
)
ASK_REFUND_SUMMARY = _lt("Refund %(amount)s by card?")
ASK_REFUND = _lt(
    "%(user)s asks to refund %(amount)s of %(payment)s to the customer's card: click "
    "“Refund by card” on %(document)s, and confirm."
)
REFUND_ASKED_ENDED = _lt("Your request to refund %(amount)s by card")
MISMATCH_SUMMARY = _lt("Payplug speaks of another payment")
MISMATCH = _lt(
    "Payplug's answer about %(payment)s has another amount, currency or mode than the "
    "link of %(amount)s. Nothing was booked: compare with Payplug's portal."
)

# === REFUNDS === #

# by the codes of `payment_rules.unmet_refund`
UNMET_REFUND = {
    "not_paid": _lt("%(payment)s was not paid: there is nothing to refund."),
    "no_key": _lt(
        "%(account)s has no %(mode)s key of Payplug any more, with which %(payment)s "
        "was paid. An administrator can add it in Settings ▸ Invoicing ▸ Payplug."
    ),
    "too_early": _lt("Payplug refunds %(payment)s from %(after)s on: wait until then."),
    "too_late": _lt(
        "Payplug refunded %(payment)s until %(until)s only: pay the customer back "
        "another way, by a bank transfer say."
    ),
    "nothing_left": _lt(
        "Nothing of %(payment)s is left to refund: all of it was refunded, or is on "
        "its way back."
    ),
    "nothing_asked": _lt(
        "%(document)s leaves nothing to give back: it is settled, or being refunded."
    ),
    "too_small": _lt("Payplug refunds 0.10 € at least: type a larger amount."),
    "over_left": _lt(
        "Of %(payment)s, %(left)s is left to refund: refund this amount or less."
    ),
    "over_asked": _lt(
        "%(document)s leaves %(asked)s to give back: refund this amount or less."
    ),
}
REFUND_UNKNOWN_PAYMENT = _lt(
    "Payplug does not know %(payment)s as it was paid, with the key that is stored: "
    "compare with Payplug's portal, and refund there."
)
REFUND_UNDER_WAY = _lt(
    "Another refund of this payment is on its way: wait until it is through."
)
REFUSED_REFUND_SUMMARY = _lt("Refund by card refused")
REFUSED_REFUND = _lt(
    "%(amount)s of payment %(payment)s did not go back to the customer. Open the "
    "refund to try it again, or give the money back otherwise. %(why)s"
)
LATE_REFUND_SUMMARY = _lt("Refund by card: not sent yet")
LATE_REFUND = _lt(
    "%(amount)s of payment %(payment)s has not gone back to the customer for an hour: "
    "%(why)s Odoo goes on trying. Or open the refund and press “Give up”."
)
LOST_REFUND_SUMMARY = _lt("Refund by card: answer lost")
LOST_REFUND = _lt(
    "Nobody knows whether %(amount)s of payment %(payment)s went back to the customer: "
    "Payplug's answer was lost, and Odoo has not found the refund at Payplug. "
    "Look in Payplug's portal. If nothing went, and nothing is recorded, open the "
    "refund, press “Give up”, then “Try again”."
)
REFUND_LOST = _lt(
    "The answer was lost, and Payplug's list does not show this refund. Look in "
    "Payplug's portal: if it is not there, press “Give up” on the refund, then “Try "
    "again”."
)
REFUND_TOO_EARLY = _lt(
    "Payplug has not answered and may still be at it: Odoo looks again on %(at)s. Give "
    "it up after that, if it is still waiting."
)
REFUNDED_NOTE = _lt(
    "%(document)s cannot be deleted: the card refund %(refund)s was made for it. "
    "Cancel it instead."
)
REFUND_CHANGED = _lt(
    "What is left to refund has changed since this window was opened, from %(before)s "
    "to %(now)s: open it again."
)
REFUND_NOT_ALLOWED = _lt(
    "You may ask for a refund, and not confirm it: that needs the group “Refund by "
    "Payplug”, which an administrator gives."
)
REFUND_NOT_REFUSED = _lt("This refund was not refused: there is nothing to try again.")
REFUND_NOTHING = _lt(
    "%(document)s has no payment by Payplug link that could be refunded."
)
REFUND_OF_COPY = _lt(
    "It was confirmed in another copy of this database, which sends it: it is left "
    "alone here."
)
REFUND_CLOSED = _lt("given up by hand")
REFUND_ASKED_TITLE = _lt("Refund asked for")
REFUND_ASKED = _lt("%(user)s was asked to confirm the refund of %(amount)s.")
REFUND_JOURNAL = _lt(
    "The Payplug journal of %(account)s (%(journal)s) cannot book refunds: its manual "
    "outgoing payment method must have the same outstanding account as the incoming "
    "one. Correct it in Invoicing ▸ Configuration ▸ Journals."
)
REGISTER_SENDS_NOTHING = _lt(
    "A payment that is registered here sends no money to the customer: Payplug is not "
    "asked. To give it back to the card, refund it from Odoo."
)
REGISTER_PORTAL = _lt(
    "Or refund it in Payplug's portal: Odoo sees it, and books it by itself."
)
REFUND_BY_CARD = _lt("Refund by card")
OPEN_PORTAL = _lt("Open Payplug portal")
BANNER_REFUND = {
    "to_send": _lt("%(amount)s is being refunded to the customer's card."),
    "unknown": _lt(
        "%(amount)s is being refunded to the customer's card. Payplug's answer is "
        "awaited: Odoo looks for it, and never refunds twice. %(why)s"
    ),
    "recorded": _lt(
        "Payplug has recorded the refund of %(amount)s, and processes it by hand. Odoo "
        "sees when it is done."
    ),
    "done": _lt("%(amount)s was refunded to the customer's card on %(date)s."),
    "refused": _lt("%(amount)s was not refunded by card. %(why)s"),
}
BANNER_REFUND_ASKED = _lt("A refund by card was asked for: %(user)s is to confirm it.")
BANNER_REFUND_ASKED_BY = _lt(
    "%(by)s asks to refund %(amount)s by card: %(user)s is to confirm it."
)
BANNER_REFUND_MISSING = _lt(
    "%(amount)s was refunded by card, and the payment that booked it is no longer in "
    "the books (deleted, cancelled, reversed or in draft). It is not refunded again. "
    "Press “Book again”, restore that payment, or open the refund and press “Booked "
    "otherwise”."
)
BANNER_REFUND_TO_BOOK = _lt(
    "%(amount)s refunded by card (%(refund)s) is not in the books yet: accounting "
    "refused it. Odoo tries again every hour."
)
BANNER_REFUND_CHANGED = _lt(
    "Refund %(refund)s: %(amount)s went back to the card, and the books say "
    "%(booked)s. Correct its payment."
)
LOG_REFUND_OTHERWISE = _lt(
    "%(amount)s refunded by card (%(refund)s) is booked otherwise, as a person says."
)
BANNER_NO_CREDIT_NOTE = _lt("%(open)s was refunded by card without a credit note.")
BANNER_NOTE_SETTLED = _lt(
    "%(names)s is settled by something else: if it is for this refund, unreconcile it "
    "first."
)
CREDIT_NOTE_REF = _lt("Refund by card of %(invoice)s")
BOOK_AGAIN = _lt("Book again")
PREPARE_CREDIT_NOTE = _lt("Prepare the credit note")
LOG_REFUND_ASKED = _lt(
    "Payplug is asked to refund %(amount)s to the customer's card (%(payment)s)."
)
LOG_REFUND_RECORDED = _lt(
    "Payplug has recorded the refund of %(amount)s, and processes it by hand. %(why)s"
)
LOG_REFUND_REFUSED = _lt("%(amount)s was not refunded by card. %(why)s")
LOG_REFUNDED = _lt("Refunded by card on %(date)s: %(amount)s (%(refund)s).")
LOG_REFUND_BOOKED = _lt(
    "Refund of %(amount)s (%(refund)s) booked as %(payment)s in %(journal)s on "
    "%(booked)s."
)

# === REFUSED CARDS, by Payplug's codes === #

REFUSALS = {
    "processing_error": _lt("the card could not be processed"),
    "card_declined": _lt("the bank refused the card"),
    "insufficient_funds": _lt("not enough funds"),
    "3ds_declined": _lt("the 3-D Secure check failed"),
    "incorrect_number": _lt("wrong card number"),
    "fraud_suspected": _lt("Payplug suspected a fraud"),
    "method_unsupported": _lt("this kind of card is not accepted"),
    "card_scheme_mismatch": _lt("the card is not of the brand that was chosen"),
    "card_expiration_date_prior_to_last_installment_date": _lt(
        "the card expires before the last instalment"
    ),
}

# === PAYPLUG'S ANSWERS === #

UNAVAILABLE = _lt(
    "Payplug could not be reached (%(reason)s). Nothing was changed: try again in a "
    "few minutes."
)
KEY_REFUSED = _lt(
    "Payplug does not accept the secret key of %(account)s. An administrator can sign "
    "in to Payplug again in Settings ▸ Invoicing ▸ Payplug."
)
REJECTED = _lt(
    "Payplug refused (%(reason)s) and gave no reason. Nothing was changed: look into "
    "your account in Payplug's portal."
)
REJECTED_WITH_DETAILS = _lt(
    "Payplug refused (%(reason)s), in its own words: “%(details)s”. Nothing was "
    "changed: correct what is named there and try again."
)
PAYPLUG_SAYS = _lt("Payplug says: “%(said)s”")
# by `PayplugError.reason`
REASONS = {
    "no answer in time": _lt("no answer in time"),
    "no connection": _lt("no connection"),
    "unreadable answer": _lt("unreadable answer"),
    "untrusted payment page": _lt("payment page at an unknown address"),
    "HTTP 429": _lt("too many requests at once"),
    "refund not listed": _lt("it does not list yet all that it has refunded"),
}
# === THE CUSTOMER'S SIDE === #

PAY_BUTTON = _lt("Pay %(amount)s by card")
PAY_BUTTON_TEST = _lt("Test: no real money")
PAGE_REFUSAL = _lt(
    "Your last attempt was refused: %(why)s. You can try again, also with another card."
)

# === SENDING === #

ALREADY_SENDING = _lt("It is being sent already, by %(user)s.")
ALREADY_SENT = _lt("It waits to be paid: %(detail)s.")
SENDING_CANCELLED_TITLE = _lt("Sending cancelled")
SENDING_CANCELLED = _lt("Invoices that will not be sent: %(count)s.")
TOO_LATE_TO_CANCEL = _lt(
    "None of these invoices waits to be sent any more: it is too late to cancel."
)
NONE_WAITING = _lt(
    "None of these invoices is waiting to be sent: there is nothing to cancel. A link "
    "that was sent is cancelled in Customers ▸ Payment Links."
)
NOT_FOR_INVOICES = _lt("%(name)s is not made for invoices: choose another one.")
NONE_FAILED = _lt("None of these has failed: nothing to do.")
TEMPLATE_DELETED = _lt(
    "Its e-mail template or its print model was deleted: send it again, with another "
    "one."
)
TEMPLATE_WITHOUT_LINK = _lt(
    "The e-mail template %(name)s writes no payment link: put one into it, with “/”."
)
NO_RECIPIENT = _lt(
    "No e-mail was addressed to the invoice's customer: correct the recipients in the "
    "e-mail template, or how the customer is notified."
)
CUSTOMER_HAS_PAID = _lt("Payplug says that the customer has paid it.")
UNEXPECTED = _lt(
    "An unexpected error, which the server's log tells: call the administrator."
)
MAY_NOT_SEND = _lt("%(user)s may no longer send invoices of %(company)s.")
MAY_NOT_READ = _lt(
    "%(user)s may not use “%(name)s”: give that right, or choose another."
)
SENDER_GONE = _lt("Who sent it (%(user)s) is no longer a user: send it again.")
JOB = _lt("Payment link of %(invoice)s")
MAIL_GONE = _lt(
    "The mail server had put its mail off, and somebody has deleted or cancelled that "
    "mail meanwhile: send it again."
)
NOBODY_TO_MAIL = _lt(
    "No recipient of this mail is there any more: choose whom to send it to."
)
JOB_ENDED = _lt("Its job was ended by %(user)s.")
MAIL_REFUSED = _lt(
    "The mail server did not take the mail (%(why)s): check the contact's e-mail "
    "address, then send it again."
)
SENT = _lt("Payment links sent: %(sent)s.")
SENT_AND_FAILED = _lt("Payment links sent: %(sent)s, not sent: %(failed)s.")
PAYMENT_LINKS = _lt("Payment links")
SENDINGS = _lt("Payment link sendings")
OPEN = _lt("Open")
SEND_LINKS = _lt("Send payment links")
WILL_BE_SENT = _lt("Will be sent (%(count)s): %(total)s")
WILL_NOT_BE_SENT = _lt("Will not be sent (%(count)s)")
NONE_SENDABLE = _lt("None of these invoices can be sent.")
QUEUED = _lt(
    "Invoices being sent in the background: %(count)s. You can go on working, a "
    "message tells when all are through."
)
MAIL_WITHOUT_LINK = _lt(
    "No payment link waits for %(invoice)s: the mail would have no payment button. Use "
    '"Send payment link" on the invoice.'
)
TEXT_WITHOUT_LINK = _lt(
    "This mail holds no payment link: choose another template, or put the link into "
    "the text (%(url)s)."
)
SENT_MEANWHILE = _lt(
    "The payment link of %(invoice)s was sent in the background meanwhile: look at the "
    "invoice, and open this window again to send it once more."
)

# === SETTINGS === #

KEY_SHAPE = _lt(
    "This is not a %(mode)s key of Payplug: it must start with %(start)s and go on "
    "with letters and digits only. Nothing was changed: copy it again from Payplug's "
    "portal."
)
KEY_OF_OTHER_MODE = _lt(
    "This is a %(found)s key of Payplug, and it was given as the %(mode)s key. Put it "
    "into the other field. Nothing was changed."
)
NEW_KEY_REFUSED = _lt(
    "Payplug does not accept this %(mode)s key (%(reason)s). Nothing was changed: copy "
    "the key again from Payplug's portal."
)
TEST_PAYMENTS_WITH_LIVE_KEY = _lt(
    "Test payments cannot be booked in %(company)s beside a live key: no real money "
    "stands behind them. Nothing was changed: untick “Book test payments too”, or do "
    "without the live key."
)
LIVE_WITHOUT_KEY = _lt(
    "%(company)s has no live key of Payplug, which the live mode needs. Nothing was "
    "changed: sign in to Payplug or paste the live key, or choose the test mode."
)
LINKS_WAITING_TITLE = _lt("Links wait to be paid")
LINKS_WAITING = _lt(
    "Payment links that customers have not paid yet: %(count)s. While Payplug is "
    "switched off, the page that was mailed says that they cannot be paid. What is "
    "paid all the same is booked. To end them for good, cancel them in Customers ▸ "
    "Payment Links."
)
LINKS_OF_MODE = {  # by the mode that was set until now
    "test": _lt(
        "Payment links of the test mode that customers have not paid yet: %(count)s. "
        "Once this is saved, the page that was mailed takes real money."
    ),
    "live": _lt(
        "Payment links of the live mode that customers have not paid yet: %(count)s. "
        "Once this is saved, the page that was mailed is in test mode, and takes no "
        "real money."
    ),
}
COMPANY_NOT_IN_EUROS = _lt(
    "Payplug takes euros only, and %(company)s keeps its books in %(currency)s: it "
    "cannot use Payplug. Nothing was changed."
)
NO_ACCOUNTS = _lt(
    "%(company)s has no accounts yet, and Payplug needs a journal to book payments in. "
    "Choose the fiscal localization in Settings ▸ Invoicing first, then switch Payplug "
    "on."
)
SHARED_JOURNAL = _lt(
    "The journal %(journal)s is not for Payplug alone: it must be a bank journal whose "
    "outstanding account for incoming payments no other journal uses. Choose another "
    "one, or empty the field: Odoo then makes one."
)
JOURNAL_NEEDED = _lt(
    "The journal %(journal)s is needed: customers' payments by Payplug are booked in "
    "it, and links that wait for one: %(count)s. Cancel those links first, or choose "
    "another journal in Settings ▸ Invoicing ▸ Payplug."
)
LEFT_PAYABLE_SUMMARY = _lt("Payment links that are still payable")
LEFT_PAYABLE = _lt(
    "The addon Payplug Payment Links was uninstalled. Links cancelled: %(cancelled)s. "
    "Links that could not be cancelled, and that customers may still pay until they "
    "expire: %(count)s (%(payments)s). Cancel them in Payplug's portal."
)
CUSTOMER_CREDIT = _lt(
    "%(customer)s has an open credit of %(credit)s: this mail asks for %(due)s all the "
    "same. First reconcile the credit with the invoice, if it is meant for it."
)
OUTSTANDING_ACCOUNT = _lt("Payplug: receipts not yet paid out")
UNREACHABLE = _lt(
    "The Internet cannot reach this Odoo at %(url)s. So Payplug is given no address "
    "for its notifications (payments are seen within the hour), and customers cannot "
    "open the invoice's page. Give the system parameter web.base.url a public address; "
    "until then, Payplug's own page is the link to mail."
)
SIGN_IN = _lt("Sign in to Payplug")
SIGN_IN_INCOMPLETE = _lt(
    "Type the e-mail address and the password of your Payplug account."
)
SIGN_IN_REFUSED = _lt(
    "Payplug does not know this e-mail address with this password (%(reason)s). Check "
    "both, or paste the keys from Payplug's portal instead. Nothing was changed."
)
CONNECTED = {
    True: _lt("Connected to Payplug (live): %(name)s"),
    False: _lt("Connected to Payplug (test mode): %(name)s"),
}
ACCOUNT_NUMBER = _lt("account no.\N{NO-BREAK SPACE}%(number)s")
NOT_CONNECTED = _lt(
    "Not connected: there is no %(mode)s key. Sign in to Payplug, or paste the key."
)
NOT_TESTED = _lt(
    "A key is stored, and Payplug has not told yet whose it is: test the connection."
)
REACHABLE = _lt("Payplug tells this Odoo of payments at once, at %(url)s.")
LIVE_ALLOWED = {
    True: _lt("Payments from %(limits)s. Live payments are allowed."),
    False: _lt(
        "Payments from %(limits)s. Payplug does not allow this account to take live "
        "payments yet: complete your file in Payplug's portal."
    ),
    None: _lt(
        "Payments from %(limits)s. Payplug does not say whether this account may take "
        "live payments."
    ),
}
