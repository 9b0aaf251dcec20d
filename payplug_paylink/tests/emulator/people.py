"""What payers, time and the merchant's staff do: also hooks of the tests."""

from copy import deepcopy

from .notifier import Notifier, locked
from .records import DEFAULT_CARD
from .rules import Refusal

DAY = 86_400
REFUND_SECONDS = 180 * DAY
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


def merge(body, fields):
    """Return a copy of a JSON object with some fields replaced, at any depth."""
    merged = deepcopy(body)
    for name, value in fields.items():
        both = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = merge(merged[name], value) if both else deepcopy(value)
    return merged


class People(Notifier):
    """Those who use Payplug other than through its API.

    Cards, moments and codes are as in Payplug's resources; amounts are cents.
    """

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
