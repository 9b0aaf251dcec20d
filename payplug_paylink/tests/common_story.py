"""Where the random stories happen: what must always hold, and how things are done."""

from contextlib import suppress
from datetime import timedelta
from unittest.mock import patch

from hypothesis.stateful import RuleBasedStateMachine, invariant

from odoo.exceptions import RedirectWarning, UserError

from ..models import payplug_payment_link
from .emulator.rules import Refusal

TO_BOOK = "Payplug payment to book"
SURPLUS = {
    "Paid twice: refund?",
    "Paid while a draft: reconcile or refund?",
    "Registered by hand, or paid twice?",
}
UNKNOWN = "Payplug payment without a link"
LIVE = ("in_process", "paid")  # states of a payment that is in the books


class World(RuleBasedStateMachine):
    """Two invoices, their company and Payplug; `case` is the running test."""

    case = None

    def __init__(self):
        super().__init__()
        self.env = self.case.env
        self.payplug = self.case.payplug
        self.payplug.reset()
        self.savepoint = self.env.cr.savepoint()
        self.savepoint.__enter__()
        self.invoices = [*self.case.invoices]  # as the savepoint has them
        self.journal = self.case.company.payplug_journal_id
        self.forgotten = {}  # cents that Payplug took before it forgot the payment
        self.known = self._links()  # those whose booking was judged
        self.by_hand = self.env["account.payment"]
        self.copy = None  # an older one of the database, and what the story knew then

    # === WHAT MUST ALWAYS HOLD === #

    @invariant()
    def no_other_money_is_booked(self):
        taken = self._taken()
        booked = self._links().filtered("account_payment_id")
        for link in booked:
            payment = link.account_payment_id
            cents = round(payment.amount * 100)
            assert cents == taken[link.payplug_id], (link, cents)
        payments = self.env["account.payment"].search(
            [("journal_id", "=", self.journal.id), ("state", "in", LIVE)]
        )
        claimed = booked.account_payment_id
        assert payments <= claimed | self.by_hand, payments - claimed
        assert len(booked) == len(claimed), "booked twice"

    @invariant()
    def what_was_seen_paid_is_booked_or_told(self):
        for link in self._links().filtered(lambda link: link.state == "paid"):
            if link.to_book and link.move_id:  # deleted with its calls, it calls again
                assert link.to_book_activity_id.summary == TO_BOOK, link
            if not link.to_book and link.move_id:
                assert self._is_booked_or_told(link), link

    def _is_booked_or_told(self, link):
        """Whether a link's money is in the books, or its invoice says it is missing."""
        is_posted = link.account_payment_id.move_id.state == "posted"
        is_left_to_people = link.is_settled_otherwise or not link._matches_invoice()
        if is_posted or is_left_to_people or not self._held(link):
            return True
        alerts = link.move_id._get_alerts()
        return any("missing" in name for name in alerts)

    @invariant()
    def nothing_is_asked_that_payplug_holds(self):
        for invoice in self.invoices:
            links = invoice.sudo().payplug_link_ids.filtered(
                lambda link: (
                    link.state == "paid"
                    and link._matches_invoice()
                    and not link.is_settled_otherwise
                )
            )
            held = sum(map(self._held, links))
            asked = invoice._payplug_amount_due()
            assert asked <= max(invoice.amount_residual - held, 0) + 0.001, invoice

    def _held(self, link):
        """Return what Payplug took for a link and nothing in the books shows."""
        lines = link.account_payment_id.move_id.line_ids
        credit = lines.filtered(lambda line: line.account_type == "asset_receivable")
        settled = sum(credit.matched_debit_ids.mapped("amount"))
        return self._taken().get(link.payplug_id, 0) / 100 - settled

    @invariant()
    def each_surplus_is_told(self):
        """When it is booked: what accountants undo later is their own business."""
        booked = self._links().filtered("account_payment_id")
        for link in booked - self.known:
            surplus = self._credit(link) > 0
            told = bool(SURPLUS & set(self._calls_about(link)))
            assert surplus == told, (link, surplus)
        self.known |= booked

    @invariant()
    def at_most_one_link_of_an_invoice_is_payable(self):
        for invoice in self.invoices:
            links = invoice.payplug_link_ids
            assert len(links.filtered(lambda link: link.state == "pending")) <= 1
            assert sum(map(self._is_open, links)) <= 1

    def teardown(self):
        """Let everything work again, let Odoo look: all money must be booked."""
        try:
            self.payplug.advance(minutes=10)
            self._deliver()
            self._let_an_hour_pass()
            with patch.object(payplug_payment_link, "UNKNOWN_AFTER", timedelta(0)):
                self._run_cron()
            self._all_money_is_booked()
            self.no_other_money_is_booked()
            self.each_surplus_is_told()
        finally:
            self._forget_copy()
            self.savepoint.close(rollback=True)
            # A story is no transaction: its hooks would hold connections for ever.
            self.env.cr.postrollback.clear()
            self.env.invalidate_all()

    def _all_money_is_booked(self):
        links = {link.payplug_id: link for link in self._links()}
        for entry in self.payplug.ledger():
            link = links[entry["id"]]
            assert link.state == "paid", (link, link.state)
            payment = link.account_payment_id
            is_told = UNKNOWN in self._calls_about(link)
            is_known = is_told or self._is_booked_or_told(link)
            assert payment.state in LIVE or is_known, link
        assert not any(link.to_book for link in links.values())

    # === HOW === #

    def _make_copy(self):
        savepoint = self.env.cr.savepoint()
        savepoint.__enter__()
        self.copy = (savepoint, [*self.invoices], self.known, self.by_hand)

    def _restore_copy(self):
        """Let the database be what it was; Payplug goes on."""
        savepoint, self.invoices, self.known, self.by_hand = self.copy
        savepoint.close(rollback=True)
        self.env.invalidate_all()
        self.copy = None

    def _forget_copy(self):
        if self.copy:
            self._restore_copy()

    def _as_a_user(self, act):
        """Do what a user does: a refusal changes nothing."""
        with suppress(UserError, RedirectWarning), self.env.cr.savepoint():
            act()

    def _at_payplug(self, act, number, **options):
        """Do something to one of the newest payments, if Payplug allows it."""
        for link in self._newest(number):
            with suppress(Refusal):
                act(link.payplug_id, **options)

    def _links(self):
        self.env.invalidate_all()
        links = self.env["payplug.payment.link"].sudo()
        return links.search([("company_id", "=", self.case.company.id)])

    def _newest(self, number):
        """Return one of the newest links, counted from the last; empty without it."""
        return self._links().sorted("id", reverse=True)[number : number + 1]

    def _taken(self):
        """Return the cents that Payplug took, by payment: of those it forgot, too."""
        known = {entry["id"]: entry["cents"] for entry in self.payplug.ledger()}
        return {**self.forgotten, **known}

    def _credit(self, link):
        """Return what of a link's money settles nothing yet."""
        lines = link.account_payment_id.move_id.line_ids
        credit = lines.filtered(lambda line: line.account_type == "asset_receivable")
        return -sum(credit.mapped("amount_residual"))

    def _calls_about(self, link):
        """Return the summaries of what people were asked to do about a link."""
        calls = [
            place.activity_ids
            for place in (link.move_id, link.account_payment_id, link.partner_id)
        ]
        return [
            call.summary
            for some in calls
            for call in some
            if link.payplug_id in call.note
        ]

    def _is_open(self, link):
        try:
            payment = self.payplug.payment(link.payplug_id)
        except Refusal:
            return False  # forgotten
        code = (payment["failure"] or {}).get("code")
        return not payment["is_paid"] and code not in ("aborted", "timeout")

    def _let_an_hour_pass(self):
        """Let Odoo try again what has failed, and look again at what it looked at."""
        for link in self._links():
            checked_at = link.checked_at and link.checked_at - timedelta(hours=1)
            link.write({"retry_at": False, "checked_at": checked_at})

    def _deliver(self):
        self.case._deliver()

    def _run_cron(self):
        self.env.flush_all()
        self.case.cron.method_direct_trigger()
        self.env.invalidate_all()
