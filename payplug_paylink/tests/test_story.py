"""Long random stories: whatever happens, money is booked once, and nothing else is.

Hypothesis plays customers, users, accountants, the network and Payplug in any order.
After each step the books are compared with what the emulator took. At the end
everything works again, Odoo may look once more, and all money must be booked.
"""

import os
from contextlib import suppress

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from odoo.exceptions import UserError
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .common import PayplugCommon
from .payplug_emulator_core import Refusal

MODELS = "odoo.addons.payplug_paylink.models"
EXPECTED_LOGS = (
    f"{MODELS}.payplug_payment_link",
    f"{MODELS}.payplug_payment_link_booking",
    f"{MODELS}.payplug_payment_link_follow",
)
INVOICES = st.integers(0, 1)
PAYMENTS = st.integers(0, 3)  # counted from the newest


class Story(RuleBasedStateMachine):
    """What may happen; `case` is the running test."""

    case = None

    def __init__(self):
        super().__init__()
        self.env = self.case.env
        self.payplug = self.case.payplug
        self.payplug.reset()
        self.savepoint = self.env.cr.savepoint()
        self.savepoint.__enter__()
        self.invoices = [self.case._create_payable_invoice(n) for n in (100, 250)]
        self.journal = self.case.company.payplug_journal_id

    # === USERS === #

    @initialize()
    def begin_with_links(self):
        for number in range(len(self.invoices)):
            self.send_link(number=number)

    @rule(number=INVOICES)
    def send_link(self, number):
        self._as_a_user(self.invoices[number].action_payplug_send_link)

    @rule(number=INVOICES)
    def refresh(self, number):
        self._as_a_user(self.invoices[number].action_payplug_refresh)

    @rule(number=INVOICES)
    def cancel_link(self, number):
        self._as_a_user(self.invoices[number].action_payplug_cancel_link)

    # === CUSTOMERS, BANKS, PAYPLUG === #

    @rule(number=PAYMENTS)
    def pay(self, number):
        self._at_payplug(self.payplug.pay, number)

    @rule(number=PAYMENTS)
    def pay_late(self, number):
        self._at_payplug(self.payplug.pay, number, late=True)

    @rule(number=PAYMENTS)
    def refuse(self, number):
        self._at_payplug(self.payplug.refuse, number)

    @rule(number=PAYMENTS)
    def abort_in_the_portal(self, number):
        self._at_payplug(self.payplug.abort, number)

    @rule(days=st.integers(1, 8))
    def let_time_pass(self, days):
        self.payplug.advance(days=days)

    @rule(copies=st.integers(1, 2), reverse=st.booleans())
    def deliver(self, copies, reverse):
        self.payplug.set_notifications(copies=copies, reverse=reverse)
        self._deliver()

    @rule(number=INVOICES, what=st.sampled_from(["cron", "deliver", "send", "cancel"]))
    def happen_while_payplug_is_down(self, number, what):
        self.payplug.go_down()
        {
            "cron": self._run_cron,
            "deliver": self._deliver,
            "send": lambda: self.send_link(number=number),
            "cancel": lambda: self.cancel_link(number=number),
        }[what]()
        self.payplug.come_back()

    # === ACCOUNTANTS, ODOO === #

    @rule(number=INVOICES)
    def draft_and_post_again(self, number):
        self._as_a_user(self.invoices[number].button_draft)
        self._as_a_user(self.invoices[number].action_post)

    @rule(number=INVOICES, amount=st.sampled_from([10, 1000]))
    def pay_otherwise(self, number, amount):
        invoice = self.invoices[number]
        amount = min(amount, invoice.amount_residual)
        self._as_a_user(
            lambda: self.case._register_payment(
                invoice, amount=amount, payment_difference_handling="open"
            )
        )

    @rule(number=INVOICES)
    def credit(self, number):
        self._as_a_user(
            lambda: self.case._reverse_invoice(self.invoices[number], post=True)
        )

    @rule(number=PAYMENTS)
    def be_paid_while_the_journal_is_archived(self, number):
        self.journal.active = False
        self._at_payplug(self.payplug.pay, number)
        self._deliver()
        self.journal.active = True

    @rule()
    def cron(self):
        self._run_cron()

    # === WHAT MUST ALWAYS HOLD === #

    @invariant()
    def no_other_money_is_booked(self):
        taken = {entry["id"]: entry["cents"] for entry in self.payplug.ledger()}
        booked = self._links().filtered("account_payment_id")
        for link in booked:
            payment = link.account_payment_id
            cents = round(payment.amount * 100)
            assert cents == taken[link.payplug_id], (link, cents)
        payments = self.env["account.payment"].search(
            [("journal_id", "=", self.journal.id)]
        )
        assert sorted(payments.ids) == sorted(booked.account_payment_id.ids)
        assert len(booked) == len(booked.account_payment_id), "booked twice"

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
            self._run_cron()
            self._all_money_is_booked()
            self.no_other_money_is_booked()
        finally:
            self.savepoint.close(rollback=True)
            self.env.invalidate_all()

    def _all_money_is_booked(self):
        links = {link.payplug_id: link for link in self._links()}
        for entry in self.payplug.ledger():
            link = links[entry["id"]]
            assert link.state == "paid", (link, link.state)
            assert link.account_payment_id.state in ("in_process", "paid"), link

    # === HOW === #

    def _as_a_user(self, act):
        """Do what a user does: a refusal changes nothing."""
        with suppress(UserError), self.env.cr.savepoint():
            act()

    def _at_payplug(self, act, number, **options):
        """Do something to one of the newest payments, if Payplug allows it."""
        newest = self._links().sorted("id", reverse=True)[number : number + 1]
        if newest:
            with suppress(Refusal):
                act(newest.payplug_id, **options)

    def _links(self):
        self.env.invalidate_all()
        return self.env["payplug.payment.link"].search(
            [("company_id", "=", self.case.company.id)]
        )

    def _is_open(self, link):
        payment = self.payplug.payment(link.payplug_id)
        code = (payment["failure"] or {}).get("code")
        return not payment["is_paid"] and code not in ("aborted", "timeout")

    def _deliver(self):
        self.env.flush_all()
        with self.case.allow_requests(all_requests=True):
            self.payplug.deliver()
        self.env.invalidate_all()

    def _run_cron(self):
        self.env.flush_all()
        self.env.ref("payplug_paylink.ir_cron_follow").method_direct_trigger()
        self.env.invalidate_all()


@tagged("post_install", "-at_install")
class TestStory(PayplugCommon, HttpCase):
    def test_whatever_happens_money_is_booked_once_and_nothing_else(self):
        self.company.write(
            {"payplug_live_key": False, "payplug_book_test_payments": True}
        )
        story = type("StoryOfThisTest", (Story,), {"case": self})
        with mute_logger(*EXPECTED_LOGS):
            run_state_machine_as_test(
                story,
                settings=settings(
                    max_examples=int(os.environ.get("PAYPLUG_STORIES", 30)),
                    stateful_step_count=25,
                    deadline=None,
                    derandomize=True,
                    database=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
