"""What Payplug knows and decides: accounts, payments, refunds.

No server and no page here. Amounts are integer cents, moments are UTC Unix seconds of
the emulator's own clock.
"""

# Its methods are not Odoo's.
# pylint: disable=missing-return

import heapq
import itertools
import time
from copy import deepcopy

from .notifier import locked
from .people import DAY, People
from .records import Account, Payment, make_letters, new_payment_body
from .rules import Refusal, check_cents, check_creation, check_fields, check_metadata

DEMO_EMAIL = "demo@example.com"
DEMO_PASSWORD = "demo-password"
DEMO_TEST_KEY = "sk_test_00EmulatorDemoAccount0"
DEMO_LIVE_KEY = "sk_live_00EmulatorDemoAccount0"

MINUTE = 60
PAGE_SECONDS = 15 * MINUTE  # life of a payment that nobody was sent
LINK_SECONDS = 7 * DAY  # life of a payment with ``sent_by``
TOKEN_SECONDS = 300
SMALLEST_REFUND = 10  # cents


class Payplug(People):
    """All accounts and payments, and a clock of their own.

    Every public method may be called from any thread.

    :param options: as for `Notifier`
    """

    def __init__(self, **options):
        super().__init__(**options)
        self.url = ""  # where payers find the payment pages, without final slash
        self.accounts = []
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
            super().reset()
            self._offset = 0
            self._payments = {}
            self._deadlines = []  # a heap of (moment, number, payment)
            self._numbers = itertools.count()  # keeps payments from being compared
            self._tokens = {}

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
            test_key=test_key or "sk_test_" + make_letters(),
            live_key=(live_key or "sk_live_" + make_letters())
            if live_allowed
            else None,
            clients={
                mode: (f"{mode}-{make_letters()}", make_letters(40))
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
                    token, until = make_letters(64), self.now() + TOKEN_SECONDS
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
        letters, now = make_letters(), self.now()
        url = f"{self.url}/pay/{'' if is_live else 'test/'}{letters}"
        body = new_payment_body(request, is_live, now, "pay_" + letters, url)
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
        errors = check_fields(changes, {"metadata": check_metadata})
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
        errors = check_fields(
            request, {"amount": check_cents, "metadata": check_metadata}
        )
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
            "id": "re_" + make_letters(),
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

    def _end_what_is_due(self):
        while self._deadlines and self._deadlines[0][0] <= self.now():
            payment = heapq.heappop(self._deadlines)[-1]
            if payment.is_open and payment.body["id"] in self._payments:
                self._fail(payment, "timeout")
