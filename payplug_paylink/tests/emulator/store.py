"""Accounts, payments and the clock of the emulator.

Amounts are integer cents, moments are UTC Unix seconds of the emulator's own clock.
"""

import threading
import time
from copy import deepcopy
from datetime import timedelta

from .records import Account, Payment, check_types, make_letters, new_payment_body
from .rules import Refusal, check_creation

DAY = 86_400
PAGE_SECONDS = 900  # life of a payment without ``sent_by``
LINK_SECONDS = 7 * DAY  # life of a payment with ``sent_by``
TOKEN_SECONDS = 300
LEDGER = ("id", "is_live", "paid_at", "metadata")  # fields of payments in the ledger
YEAR_10000 = 253_402_300_800  # dates end before it


class Store:
    """Accounts, OAuth2 tokens and payments in memory, and a clock.

    Callers hold `lock` while they read or change anything. What cannot be done raises
    a `Refusal` with the HTTP status of the answer.

    :ivar lock: the lock of the whole emulator
    :ivar dict payments: `Payment` records by their id, oldest first
    :ivar str url: of the emulator, without final slash; the payment pages are below it
    """

    def __init__(self):
        self.lock = threading.RLock()
        self.url = ""
        self.accounts = []
        self._kept = {}
        self.reset()

    def reset(self):
        """Remove payments and tokens and set the clock right; keep the accounts.

        Which can refund again. The payments are those of `keep`, as they were then.
        """
        self._offset = 0
        self.payments = self._copy(self._kept)
        for account in self.accounts:
            account.balance_cents, account.refunds_by_hand = None, False
        self._tokens = {}

    def keep(self):
        """Let `reset` return to the payments of this moment."""
        self._kept = self._copy(self.payments)

    def _copy(self, payments):
        return deepcopy(payments, {id(account): account for account in self.accounts})

    def now(self):
        """Return the moment, in UTC Unix seconds of the emulator's clock."""
        return int(time.time()) + self._offset

    def advance(self, seconds=0, **longer):
        """Move the clock forward; return the new moment.

        :param longer: ``minutes``, ``hours``, ``days``
        :raise ValueError: when that is no date
        """
        moved = int(timedelta(seconds=seconds, **longer).total_seconds())
        if not 0 <= self.now() + moved < YEAR_10000:
            raise ValueError("The clock must stay between 1970 and 9999.")
        self._offset += moved
        return self.now()

    def add_account(self, name, **options):
        """Register a merchant and return its `Account`.

        :param options: further fields of the `Account`
        """
        account = Account(str(10_001 + len(self.accounts)), name, **options)
        self.accounts.append(account)
        return account

    def set_account(self, account_id=None, **options):
        """Change a merchant, the first one when missing.

        :param options: ``balance_cents``, ``refunds_by_hand``
        """
        known = [one for one in self.accounts if account_id in (None, one.id)]
        if not known or options.keys() - {"balance_cents", "refunds_by_hand"}:
            raise ValueError("No such account or option.")
        for name, value in options.items():
            setattr(known[0], name, value)
        check_types(known[0])

    def sign_in(self, email, password):
        """Return the `Account` of these credentials, or raise a 401."""
        for account in self.accounts:
            if (account.email, account.password) == (email, password):
                return account
        raise Refusal(401, "The email or the password you provided is not valid.")

    def find_caller(self, token):
        """Return the `Account` and the mode of a key or token, or raise a 401."""
        for account in self.accounts:
            if token and token in (account.test_key, account.live_key):
                return account, token == account.live_key
        account, is_live, until = self._tokens.get(token, (None, None, 0))
        if account and self.now() < until:
            return account, is_live
        mask = "*" * max(0, len(token) - 2) + token[-2:]
        raise Refusal(401, f"The API key you provided ({mask}) is not valid")

    def issue_token(self, client_id, client_secret):
        """Return a new bearer token for an OAuth2 client, None for a wrong one."""
        for account in self.accounts:
            for mode, client in account.clients.items():
                if client == (client_id, client_secret):
                    token, until = make_letters(64), self.now() + TOKEN_SECONDS
                    self._tokens[token] = account, mode == "live", until
                    return token
        return None

    def create_payment(self, account, is_live, request, is_legacy=False):
        """Return a new `Payment` for a body of a creation, or raise a 400 or 403."""
        check_creation(request, account, is_legacy)
        letters, now = make_letters(), self.now()
        url = f"{self.url}/pay/{'' if is_live else 'test/'}{letters}"
        payment_id = "pay_" + letters
        body = new_payment_body(request, is_live, is_legacy, now, payment_id, url)
        life = LINK_SECONDS if body["hosted_payment"]["sent_by"] else PAGE_SECONDS
        payment = self.payments[payment_id] = Payment(account, body, now + life)
        return payment

    def add_payments(self, count, account_id=None, is_live=False, **request):
        """Create payments of a merchant outside of the client, as a web shop does.

        :param account_id: of an `Account`; the first one when missing
        :param request: further fields of the creation's body; 10 euros when missing
        :return: their ids, oldest first
        """
        known = [one for one in self.accounts if account_id in (None, one.id)]
        if not known:
            raise ValueError(f"No such account: {account_id}")
        request = {"amount": 1000, "currency": "EUR", **request}
        made = (self.create_payment(known[0], is_live, request) for _ in range(count))
        return [payment.body["id"] for payment in made]

    def find_payment(self, payment_id, account=None, is_live=None):
        """Return the `Payment`, for an account only one of its own, or raise a 404."""
        payment = self.payments.get(payment_id)
        owner = payment and (payment.account, payment.body["is_live"])
        if not payment or (account and owner != (account, is_live)):
            raise Refusal(404, "The requested resource could not be found.")
        return payment

    def list_payments(self, account, is_live):
        """Return the account's `Payment` records in this mode, newest first."""
        return [
            payment
            for payment in reversed(self.payments.values())
            if payment.account is account and payment.body["is_live"] == is_live
        ]

    def list_expired(self):
        """Return the payments that are still open after their life, oldest first."""
        now, payments = self.now(), self.payments.values()
        return [one for one in payments if one.expires_at <= now and one.is_open]

    def payment(self, payment_id):
        """Return a copy of a payment's resource."""
        return self.find_payment(payment_id).as_json()

    def forget(self, payment_id):
        """Remove a payment: the API answers 404 for it from now on."""
        self.find_payment(payment_id)
        del self.payments[payment_id]

    def ledger(self):
        """Return what money was taken, oldest payment first.

        :return: one dict per paid payment: ``id``, ``account`` (id), ``is_live``,
            ``cents``, ``cents_refunded``, ``paid_at``, ``metadata``
        """
        return [
            {
                "account": paid.account.id,
                "cents": paid.body["amount"],
                "cents_refunded": paid.body["amount_refunded"],
                **{name: deepcopy(paid.body[name]) for name in LEDGER},
            }
            for paid in self.payments.values()
            if paid.body["is_paid"]
        ]
