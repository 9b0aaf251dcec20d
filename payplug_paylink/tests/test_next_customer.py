"""An invoice that has become another customer's, after the first one had a link."""

from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import LINK_LOG
from .common_page import PageCommon


@tagged("post_install", "-at_install", "once")
class TestNextCustomer(PageCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner_b.write({"email": "b@example.com", "lang": "en_US"})

    def setUp(self):
        super().setUp()
        self.link = self._request(self.invoice)

    def _hand_over(self):
        """Reset the invoice, make it out to another customer, and confirm it."""
        for partial in self.invoice._get_all_reconciled_invoice_partials():
            self.invoice.js_remove_outstanding_partial(partial["partial_id"])
        self.invoice.button_draft()
        self.invoice.partner_id = self.partner_b
        self.invoice.invoice_payment_term_id = self.pay_terms_a
        self.invoice.action_post()
        self.env.flush_all()
        self.env.invalidate_all()

    def _pay_first(self):
        self.payplug.pay(self.link.payplug_id)
        self.link._sync()

    def _refund_first(self):
        self.payplug.refund(self.link.payplug_id, 123456)
        self.link._sync()

    def _assert_owes(self):
        """Check that the next customer is asked, and told nothing of the first one."""
        self.assertEqual(self.invoice._payplug_amount_due(), 1234.56)
        self.assertFalse(self.invoice.payplug_status)
        self._assert_knows_nothing("Amount due")
        for name in ("payplug_status", "payplug_amount_refunded"):
            self.assertFalse(self.invoice.read([name])[0][name], name)

    def _assert_knows_nothing(self, *words):
        shown = self._words(self.assertShows(*words))
        for word in ("refused", "checked", "refunded", self.link.payplug_id):
            self.assertNotIn(word, shown)

    def test_refused_card_of_the_first_is_not_told(self):
        self.payplug.refuse(self.link.payplug_id, "insufficient_funds")
        self.link._sync()
        self._hand_over()
        self._assert_owes()

    def test_payment_of_the_first_that_is_being_checked_is_not_told(self):
        self._lie(payment_method={"type": "oney", "is_pending": True})
        self.link._sync()
        self._hand_over()
        self._assert_owes()

    @mute_logger(LINK_LOG)
    def test_money_of_the_first_that_waits_for_the_books_pays_nothing(self):
        self._let_books_refuse()
        self._pay_first()
        self.assertTrue(self.link.to_book)
        self._hand_over()
        self.assertEqual(self.link.status, "to_book")
        banners = str(self.invoice.with_user(self.biller).alerts)
        self.assertIn("could not be booked yet", banners)
        self._let_books_refuse(False)
        self._assert_owes()
        second = self._request(self.invoice)
        self.assertEqual(second.partner_id, self.partner_b)
        self.link._register_payment()
        self.assertEqual(self.link.account_payment_id.partner_id, self.partner_a)
        self.assertEqual(self.invoice.payplug_status, "created")
        self._assert_knows_nothing("Amount due")

    def test_refund_of_the_first_is_not_told(self):
        self._pay_first()
        self._hand_over()
        self._refund_first()
        self._assert_owes()
        second = self._request(self.invoice)
        self.payplug.pay(second.payplug_id)
        second._sync()
        self.assertEqual(self.invoice.payplug_status, "paid")
        self.assertFalse(self.invoice.payplug_amount_refunded)
        self._assert_knows_nothing("This invoice is paid", second.payplug_id)

    def test_receipt_after_a_payment_by_bank_is_not_that_of_the_first(self):
        self._pay_first()
        self._hand_over()
        self._refund_first()
        register = self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=self.invoice.ids
        )
        register.create({})._create_payments()
        self._assert_knows_nothing("This invoice is paid")

    def test_nobody_is_thanked_for_what_the_first_paid_late(self):
        self.company.payplug_thank_customer = True
        self._hand_over()
        before = self.invoice.message_ids
        self._pay_first()
        told = (self.invoice.message_ids - before).filtered("notification_ids")
        self.assertFalse(told.mapped("body"))
        self._assert_owes()

    def test_first_customer_again_has_paid_all_the_same(self):
        self._pay_first()
        self._hand_over()
        self.invoice.button_draft()
        self.invoice.partner_id = self.partner_a
        self.invoice.invoice_payment_term_id = self.pay_terms_a
        self.invoice.action_post()
        self.assertEqual(self.invoice._payplug_amount_due(), 0)
        self.assertEqual(self.invoice.payplug_status, "paid")
