"""Links that cannot be followed: shown, never booked, closed by a person."""

from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import LINK_LOG, PayplugBookingCommon


@tagged("post_install", "-at_install", "once")
class TestProblems(PayplugBookingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls._create_payable_invoice()
        cls.link = cls._request_for_all(cls.invoice)

    def _close(self):
        self.invoice.with_user(self.biller).action_payplug_close_link()

    def _sync_quietly(self):
        with mute_logger(LINK_LOG):
            self.link._sync()

    def test_answer_about_another_payment_is_never_booked(self):
        self.payplug.pay(self.link.payplug_id)
        self._lie(id="pay_0123456789abcdefABCDEF")
        self._sync_quietly()
        self.assertRecordValues(
            self.link,
            [{"state": "pending", "problem": "mismatch", "account_payment_id": False}],
        )
        self.assertEqual(self.invoice.amount_residual, 120)
        self.assertEqual(
            self._activities(self.invoice), ["Payplug speaks of another payment"]
        )

    def test_payment_that_we_may_not_see_is_unknown_and_can_be_closed(self):
        self.payplug.fail("403", method="GET")
        self._sync_quietly()
        self.assertRecordValues(self.link, [{"state": "pending", "problem": "unknown"}])
        self._close()
        self.assertEqual(self.link.state, "cancelled")

    def test_closing_tries_to_abort_and_tells_that_it_was_seen(self):
        self.payplug.fail("404", method="GET")
        self._sync_quietly()
        self._new_calls()
        self._close()
        self.assertEqual(self.link.state, "cancelled")
        self.assertEqual(self._failure(self.link), "aborted")
        self.assertEqual([call.method for call in self._new_calls()], ["GET", "PATCH"])
        self.assertTrue(self._logged(self.invoice, "cancelled"))
        self.assertFalse(self._logged(self.invoice, "unseen by Payplug"))

    def test_closing_what_payplug_does_not_know_is_told_as_unseen(self):
        self.payplug.fail("404", method="GET", times=None)
        self._sync_quietly()
        self._close()
        self.assertEqual(self.link.state, "cancelled")
        line = self._logged(self.invoice, "closed by hand, unseen by Payplug")
        self.assertEqual(line.author_id, self.biller.partner_id)

    def test_closing_aborts_nothing_that_another_copy_waits_for(self):
        self.payplug.fail("404", method="GET")
        self._sync_quietly()
        self.env["ir.config_parameter"].sudo().set_param("database.uuid", "a-copy")
        self._close()
        self.assertEqual(self.link.state, "cancelled")
        self.assertIsNone(self._failure(self.link))

    def test_link_that_payplug_forgot_is_closed_although_the_abort_fails(self):
        self.payplug.forget(self.link.payplug_id)
        self._sync_quietly()
        self._close()
        self.assertEqual(self.link.state, "cancelled")

    def test_link_is_closed_when_the_key_of_its_mode_is_gone(self):
        self.payplug.fail("404", method="GET")
        self._sync_quietly()
        self.company.payplug_test_key = False
        self._new_calls()
        self._close()
        self.assertEqual(self.link.state, "cancelled")
        self.assertFalse(self._new_calls())

    def test_healthy_link_is_not_closed_by_hand(self):
        self._close()
        self.assertEqual(self.link.state, "pending")
        self.assertIsNone(self._failure(self.link))
