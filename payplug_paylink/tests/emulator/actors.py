"""What customers and merchants do with payments, and what time does to them."""

from copy import deepcopy

from .records import DEFAULT_CARD, make_letters, merge
from .rules import Refusal, check_cents, check_fields, check_metadata
from .store import DAY

REFUND_SECONDS = 180 * DAY
SMALLEST_REFUND = 10  # cents
RECORDED = "Your refund request has been recorded and will be processed by hand."
FAILURES = {
    "processing_error": "Error while processing the card.",
    "card_declined": "The card has been rejected.",
    "insufficient_funds": "Insufficient funds to cover the payment.",
    "3ds_declined": "The 3D Secure authentication request has failed.",
    "incorrect_number": "The card number is incorrect.",
    "fraud_suspected": "Payment rejected because a fraud has been detected.",
    "method_unsupported": "The payment method is not supported (e.g. e-carte bleue).",
    "card_scheme_mismatch": "The card number does not match with the selected brand.",
    "aborted": "Payment has been aborted with the Abort a payment feature.",
    "timeout": "The customer has not tried to pay and left the payment page.",
}


def _true(value):
    return None if value is True else "This field must be true."


class Actors:
    """Changes of payments; the `Notifier` queues one for each, except for `alter`.

    Callers hold the lock of the `Store`. Cards, moments and failure codes are as in
    Payplug's resources, amounts are cents.
    """

    def __init__(self, store, notifier):
        self._store = store
        self._notifier = notifier

    def pay(self, payment_id, card=None, paid_at=None, late=False):
        """Pay, and return the resource.

        :param dict card: shown as the payment's ``card``
        :param int paid_at: another moment than now
        :param bool late: also pay what was aborted or has timed out, as when the bank
            answers after that
        :raise Refusal: 409 when it cannot be paid
        """
        payment = self._store.find_payment(payment_id)
        if not payment.is_open and (payment.body["is_paid"] or not late):
            raise Refusal(409, "The payment can no longer be paid.")
        moment = self._store.now() if paid_at is None else paid_at
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
        self._notifier.notify(payment)
        return payment.as_json()

    def refuse(self, payment_id, code="card_declined", card=None):
        """Refuse a card; the payment stays open. Return the resource."""
        payment = self._find_open(payment_id, "be paid")
        payment.body["card"] = {**DEFAULT_CARD, **(card or {})}
        payment.body["is_3ds"] = code == "3ds_declined"
        return self._fail(payment, code)

    def expire(self, payment_id):
        """Let an open payment time out at once; return the resource."""
        return self._fail(self._find_open(payment_id, "expire"), "timeout")

    def expire_due(self):
        """Let the open payments time out whose life has ended."""
        for payment in self._store.list_expired():
            self._fail(payment, "timeout")

    def abort(self, payment_id):
        """Abort a payment as in Payplug's portal; return the resource."""
        if self._store.find_payment(payment_id).failure_code == "aborted":
            raise Refusal(409, "The payment was already aborted.")
        return self._fail(self._find_open(payment_id, "be aborted"), "aborted")

    def _find_open(self, payment_id, wanted):
        payment = self._store.find_payment(payment_id)
        if not payment.is_open:
            raise Refusal(409, f"The payment can no longer {wanted}.")
        return payment

    def _fail(self, payment, code):
        message = FAILURES.get(code, "The payment has failed.")
        payment.body["failure"] = {"code": code, "message": message}
        self._notifier.notify(payment)
        return payment.as_json()

    def patch_payment(self, payment, changes):
        """Apply the body of ``PATCH /v1/payments/<id>``, or raise a 400 or 409."""
        checks = {"metadata": check_metadata, "aborted": _true, "abort": _true}
        errors = check_fields(changes, checks)
        aborted = changes.get("aborted") or changes.get("abort")
        if errors or not (aborted or "metadata" in changes):
            raise Refusal(400, "Bad request.", errors)
        if aborted:
            self.abort(payment.body["id"])
        if "metadata" in changes:
            payment.body["metadata"] = deepcopy(changes["metadata"])

    def refund(self, payment_id, cents=None):
        """Refund as in Payplug's portal, all that is left without `cents`."""
        request = {} if cents is None else {"amount": cents}
        return self._refund(self._store.find_payment(payment_id), request)

    def refund_payment(self, payment, request):
        """Refund as by ``POST /v1/payments/<id>/refunds``.

        :param dict request: ``amount`` in cents, all that is left when missing;
            ``metadata``
        :return: the refund resource
        :raise Refusal: 400; with 200 if it is recorded only
        """
        checks = {"amount": check_cents, "metadata": check_metadata}
        if errors := check_fields(request, checks):
            raise Refusal(400, "Bad request.", errors)
        self._check_refund(payment, request.get("amount"))
        if payment.account.refunds_by_hand:
            payment.recorded.append(deepcopy(request))
            raise Refusal(200, RECORDED)
        return self._refund(payment, request)

    def process_refunds(self, payment_id):
        """Carry out the refunds of a payment that were recorded; return how many."""
        payment = self._store.find_payment(payment_id)
        recorded, payment.recorded = payment.recorded, []
        for request in recorded:
            # Whoever does it by hand leaves no mark.
            self._refund(payment, {"amount": request.get("amount")})
        return len(recorded)

    def _check_refund(self, payment, amount):
        body, now = payment.body, self._store.now()
        left = body["amount"] - body["amount_refunded"]
        wrong = None
        if not (body["is_paid"] and left):
            wrong = "There is nothing to refund."
        elif amount is not None and not SMALLEST_REFUND <= amount <= left:
            wrong = f"Must be {SMALLEST_REFUND} to {left} cents."
        elif now > (body["refundable_until"] or 0):
            wrong = "The payment can no longer be refunded."
        elif now < (body["refundable_after"] or 0):
            wrong = "The payment cannot be refunded yet."
        balance, wanted = payment.account.balance_cents, amount or left
        if not wrong and balance is not None and wanted > balance:
            wrong = "The balance of your account is too low."
        if wrong:
            raise Refusal(400, "Bad request.", {"amount": wrong})

    def _refund(self, payment, request):
        self._check_refund(payment, request.get("amount"))
        body, amount, now = payment.body, request.get("amount"), self._store.now()
        left = body["amount"] - body["amount_refunded"]
        refund = {
            "id": "re_" + make_letters(),
            "payment_id": body["id"],
            "object": "refund",
            "is_live": body["is_live"],
            "amount": left if amount is None else amount,
            "currency": body["currency"],
            "created_at": now,
            "metadata": deepcopy(request.get("metadata")),
        }
        if payment.account.balance_cents is not None:
            payment.account.balance_cents -= refund["amount"]
        payment.refunds.insert(0, refund)
        body["amount_refunded"] += refund["amount"]
        body["is_refunded"] = body["amount_refunded"] == body["amount"]
        self._notifier.notify(payment, refund)
        return deepcopy(refund)

    def alter(self, payment_id, fields):
        """Replace fields of the stored resource, nested ones as nested dicts.

        :return: the resource
        :raise Refusal: 400 where the emulator itself needs an object
        """
        payment = self._store.find_payment(payment_id)
        altered = merge(payment.body, fields)
        for name in ("failure", "hosted_payment", "notification"):
            if not isinstance(altered[name], dict | None):
                raise Refusal(400, f"{name} must be an object or null.")
        payment.body = altered
        return payment.as_json()
