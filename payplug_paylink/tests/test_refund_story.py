"""Random stories of refunds: Payplug's ledger and the books agree in the end.

Refunds from Odoo and in Payplug's portal, credit notes before and after them, lost
answers, and a Payplug that only records: in any order.
"""

import os
from contextlib import suppress

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common_refunds import REFUND_LOG, RefundCommon
from .emulator.rules import Refusal

CENTS = st.sampled_from([10, 2000, 3333, 5000, 12000])
LOST = st.sampled_from([None, None, "drop", "null", 500, "error"])


class Story(RuleBasedStateMachine):
    """One invoice that was paid by its link; `case` is the running test."""

    case = None

    def __init__(self):
        super().__init__()
        self.env, self.payplug = self.case.env, self.case.payplug
        self.savepoint = self.env.cr.savepoint()
        self.savepoint.__enter__()
        self.payplug.reset()
        self.invoice = self.case._create_payable_invoice()
        self.link = self.case._paid_link(self.invoice)
        self.path = f"/v1/payments/{self.link.payplug_id}/refunds"
        self.asked = 0  # cents that people confirmed, by hand or in the portal

    # === WHAT HAPPENS === #

    @rule(cents=CENTS)
    def credit(self, cents):
        self._as_a_user(lambda: self.case._credit(cents / 100, self.invoice))

    @rule(cents=CENTS, lost=LOST)
    def refund_by_card(self, cents, lost):
        notes = self.link._credit_notes().filtered("payplug_can_refund")
        if lost:
            self.payplug.fail(lost, path=self.path, method="POST")
        if notes:
            self._as_a_user(lambda: self.case._ask(notes[0], cents / 100))
        self.case._run_refund_cron(wait=False)
        self.payplug.clear_faults()

    @rule(cents=CENTS)
    def refund_in_the_portal(self, cents):
        with suppress(Refusal):
            self.payplug.refund(self.link.payplug_id, cents)

    @rule(by_hand=st.booleans())
    def record_refunds(self, by_hand):
        self.case.account.refunds_by_hand = by_hand

    @rule()
    def process_recorded(self):
        with suppress(Refusal):
            self.payplug.process_refunds(self.link.payplug_id)

    @rule()
    def look(self):
        self.link._sync()

    @rule()
    def cron(self):
        self.case._run_refund_cron()

    @rule()
    def try_again(self):
        refused = self.link.refund_ids.filtered(lambda one: one.state == "refused")
        for refund in refused[:1]:
            user = self.case.accountant
            self._as_a_user(refund.with_user(user).action_retry)

    @rule()
    def give_up(self):
        for refund in self.link.refund_ids.filtered(lambda one: one.state == "unknown"):
            user = self.case.accountant
            self._as_a_user(refund.with_user(user).action_close)

    # === WHAT MUST HOLD === #

    @invariant()
    def nothing_is_booked_that_did_not_go(self):
        self.env.invalidate_all()
        given = self.case._refunded_cents(self.link)
        refunds = self.link.refund_ids
        done = refunds.filtered(lambda refund: refund.state == "done")
        assert self._cents(done) <= given, (done, given)
        assert len(set(done.mapped("payplug_id"))) == len(done)
        assert len(done.account_payment_id) == len(done), "each is booked once"
        assert given <= 12000

    @invariant()
    def at_most_one_is_under_way(self):
        under_way = self.link.refund_ids.filtered(
            lambda refund: refund.state in ("to_send", "unknown")
        )
        assert len(under_way) <= 1

    @invariant()
    def no_credit_note_is_given_back_more_than_once(self):
        """By Odoo: what the portal does is its own business."""
        for note in self.link._credit_notes():
            sent = note.payplug_refund_ids.filtered(
                lambda refund: refund.origin == "odoo" and refund.state == "done"
            )
            assert self._cents(sent) <= round(note.amount_total * 100), note

    def teardown(self):
        """Let everything work again, let Odoo look: all must agree."""
        try:
            self.case.account.refunds_by_hand = False
            self.case._run_refund_cron()
            self.give_up()
            # If more was recorded than is left, Payplug's staff does only a part.
            with suppress(Refusal):
                self.payplug.process_refunds(self.link.payplug_id)
            self.link._sync()
            self.case._run_refund_cron()
            self._all_agrees()
        finally:
            self.savepoint.close(rollback=True)
            self.env.cr.postrollback.clear()
            self.env.cr.postcommit.clear()
            self.env.invalidate_all()

    def _all_agrees(self):
        self.env.invalidate_all()
        given = self.case._refunded_cents(self.link)
        done = self.link.refund_ids.filtered(lambda one: one.state == "done")
        assert self._cents(done) == given
        assert round(self.link.amount_refunded * 100) == given
        assert round(self.case._balance() * 100) == 12000 - given + self.before
        assert all(refund.account_payment_id for refund in done)
        credited = sum(self.link._credit_notes().mapped("amount_total"))
        left = sum(self.link._credit_notes().mapped("amount_residual"))
        missing = sum(refund._open_debit() for refund in done)
        settled = given - round(missing * 100)
        assert settled == round((credited - left) * 100), (settled, credited, left)
        assert not (round(left * 100) and round(missing * 100)), "left unsettled"

    @property
    def before(self):
        """What lies on the journal's account of the test's own invoice, in cents."""
        return 12000

    def _cents(self, refunds):
        return sum(round(refund.amount * 100) for refund in refunds)

    def _as_a_user(self, act):
        """Do what a user does: a refusal changes nothing."""
        with suppress(UserError), self.env.cr.savepoint():
            act()


@tagged("post_install", "-at_install", "once")
class TestRefundStory(RefundCommon):
    def test_ledger_links_payments_and_credit_notes_agree_in_the_end(self):
        story = type("StoryOfThisTest", (Story,), {"case": self})
        with mute_logger(REFUND_LOG):
            run_state_machine_as_test(
                story,
                settings=settings(
                    max_examples=int(os.environ.get("PAYPLUG_STORIES", 6)),
                    stateful_step_count=12,
                    deadline=None,
                    derandomize=True,
                    database=None,
                    phases=(Phase.generate,),
                    suppress_health_check=list(HealthCheck),
                ),
            )
