"""Long random stories: whatever happens, money is booked once, and nothing else is.

Hypothesis plays customers, users, accountants, the network and Payplug in any order.
After each step the books are compared with what the emulator took. At the end
everything works again, Odoo may look once more, and all money must be booked.
"""

import os
from contextlib import suppress
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import LINK_LOG, PayplugRoutesCommon
from .common_story import World
from .emulator.rules import Refusal

INVOICES = st.integers(0, 1)
PAYMENTS = st.integers(0, 3)  # counted from the newest


class Story(World):
    """What may happen."""

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

    @rule(number=INVOICES)
    def close_link(self, number):
        self._as_a_user(self.invoices[number].action_payplug_close_link)

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

    @rule(
        number=INVOICES,
        key=st.sampled_from(["sk_test_wrong", "of another account", False]),
        what=st.sampled_from(["cron", "deliver", "refresh", "close"]),
        paid=st.booleans(),
        is_back=st.booleans(),
    )
    def happen_with_a_wrong_key(self, number, key, what, paid, is_back):
        """Somebody stores another key for a while; a link may be closed after it."""
        company = self.case.company.sudo()
        if paid:
            self._at_payplug(self.payplug.pay, number)
        other = self.case.other_account.test_key
        company.payplug_test_key = other if key == "of another account" else key
        if what == "close":
            self.refresh(number=number)
        if is_back:
            company.payplug_test_key = self.case.account.test_key
        {
            "cron": self._run_cron,
            "deliver": self._deliver,
            "refresh": lambda: self.refresh(number=number),
            "close": lambda: self.close_link(number=number),
        }[what]()
        company.payplug_test_key = self.case.account.test_key

    @rule(number=PAYMENTS)
    def forget(self, number):
        """Payplug loses a payment, taken or not."""
        taken = self._taken()
        for link in self._newest(number):
            with suppress(Refusal):
                self.payplug.forget(link.payplug_id)
                if link.payplug_id in taken:
                    self.forgotten[link.payplug_id] = taken[link.payplug_id]

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
        self.case._let_books_refuse()
        self._at_payplug(self.payplug.pay, number)
        self._deliver()
        self.case._let_books_refuse(False)

    @rule(number=INVOICES)
    def cancel_and_delete(self, number):
        """Delete an invoice for good; another takes its place."""

        def delete():
            invoice.button_draft()
            invoice.button_cancel()
            invoice.with_context(force_delete=True).unlink()

        invoice = self.invoices[number]
        self._as_a_user(delete)
        if not invoice.exists():
            self.invoices[number] = self.case._create_payable_invoice(70 + number)
            self.send_link(number=number)

    @rule(number=INVOICES)
    def change_the_customer(self, number):
        invoice = self.invoices[number]
        both = self.case.partner_a + self.case.partner_b
        self._as_a_user(invoice.button_draft)
        self._as_a_user(
            lambda: invoice.write({"partner_id": (both - invoice.partner_id).id})
        )
        self._as_a_user(invoice.action_post)

    @rule(
        number=PAYMENTS,
        how=st.sampled_from(["cancel", "delete", "reject", "draft", "unreconcile"]),
    )
    def undo_a_payment(self, number, how):
        def undo():
            if how == "reject":
                payment.action_reject()
            elif how == "unreconcile":
                payment.move_id.line_ids.remove_move_reconcile()
            else:
                payment.action_draft()
            if how == "cancel":
                payment.action_cancel()
            if how == "delete":
                payment.unlink()

        for link in self._newest(number):
            payment = link.account_payment_id
            self._as_a_user(undo)

    @rule(number=INVOICES, in_our_journal=st.booleans())
    def register_by_hand(self, number, in_our_journal):
        journal = {"journal_id": self.journal.id} if in_our_journal else {}
        invoice = self.invoices[number]
        payments = self.env["account.payment"]
        before = payments.search([])
        self._as_a_user(lambda: self.case._register_payment(invoice, **journal))
        self.by_hand |= payments.search([]) - before

    @rule(number=INVOICES, again=st.booleans())
    def decide_about_missing_money(self, number, again):
        invoice = self.invoices[number]
        act = "book_again" if again else "settled_otherwise"
        self._as_a_user(getattr(invoice, f"action_payplug_{act}"))

    @rule()
    def make_a_backup(self):
        if not self.copy:
            self._make_copy()

    @rule()
    def restore_the_backup(self):
        if self.copy:
            self._restore_copy()

    @rule(days=st.integers(0, 40))
    def lock_the_books(self, days):
        until = fields.Date.today() - timedelta(days=days)
        company = self.case.company.sudo()
        self._as_a_user(lambda: company.write({"fiscalyear_lock_date": until}))

    @rule(is_an_hour_later=st.booleans())
    def cron(self, is_an_hour_later):
        if is_an_hour_later:
            self._let_an_hour_pass()
        self._run_cron()


@tagged("post_install", "-at_install", "once", "long")
class TestStory(PayplugRoutesCommon):
    def test_whatever_happens_money_is_booked_once_and_nothing_else(self):
        self.partner_b.email = "georges@example.com"
        self.other_account = self.payplug.add_account(name="Another")
        self.invoices = [self._create_payable_invoice(n) for n in (100, 250)]
        story = type("StoryOfThisTest", (Story,), {"case": self})
        with mute_logger(LINK_LOG, LINK_LOG, LINK_LOG):
            run_state_machine_as_test(
                story,
                settings=settings(
                    max_examples=int(os.environ.get("PAYPLUG_STORIES", 6)),
                    stateful_step_count=25,
                    deadline=None,
                    derandomize=True,
                    database=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
