"""The states of a link: what Payplug says is followed, and money always wins."""

from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import LINK_LOG, PayplugCommon


@tagged("post_install", "-at_install", "once")
class TestStates(PayplugCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls._create_payable_invoice(1234.56)

    def test_refused_card_is_shown_in_words_and_the_link_stays_payable(self):
        link = self._request(self.invoice)
        self.payplug.refuse(link.payplug_id, "insufficient_funds")
        self.invoice.action_payplug_refresh()
        self.assertRecordValues(
            link,
            [
                {
                    "state": "pending",
                    "refusal": "insufficient_funds",
                    "refusal_text": "not enough funds",
                }
            ],
        )
        banner = self.invoice._get_alerts()["payplug_refused"]["message"]
        self.assertIn("not enough funds", banner)
        self.assertTrue(self.invoice.payment_link)

    def test_unknown_refusal_is_shown_as_it_is(self):
        link = self._request(self.invoice)
        link.refusal = "do_not_honor"
        self.assertEqual(link.refusal_text, "do_not_honor")

    def test_every_documented_refusal_has_words(self):
        link = self._request(self.invoice)
        for code in (
            "processing_error",
            "card_declined",
            "insufficient_funds",
            "3ds_declined",
            "incorrect_number",
            "fraud_suspected",
            "method_unsupported",
            "card_scheme_mismatch",
            "card_expiration_date_prior_to_last_installment_date",
        ):
            with self.subTest(code=code):
                link.refusal = code
                self.assertNotEqual(link.refusal_text, code)
                french = link.with_context(lang="fr_FR")
                self.assertNotEqual(french.refusal_text, link.refusal_text)

    def test_late_payment_of_a_cancelled_link_wins(self):
        link = self._request(self.invoice)
        link._cancel()
        self.assertEqual(link.state, "cancelled")
        self.payplug.pay(link.payplug_id, late=True)
        link._sync()
        self.assertEqual(link.state, "paid")

    def test_paid_is_final(self):
        link = self._request(self.invoice)
        self.payplug.pay(link.payplug_id)
        link._sync()
        with mute_logger(LINK_LOG):
            for state in ("cancelled", "expired"):
                self.assertFalse(link._move_to(state))
        self.assertEqual(link.state, "paid")

    def test_replay_writes_nothing(self):
        link = self._request(self.invoice)
        self.payplug.pay(link.payplug_id)
        link._sync()
        self.env.flush_all()
        before = link.write_date
        remote = link._sync()
        self.env.flush_all()
        self.assertFalse(link._differs_from(remote))
        self.assertEqual(link.write_date, before)

    def test_wrong_amount_currency_or_mode_is_never_booked(self):
        self.company.write(
            {"payplug_live_key": False, "payplug_book_test_payments": True}
        )
        for lie in ({"amount": 100}, {"currency": "USD"}, {"is_live": True}):
            with self.subTest(lie=lie):
                invoice = self._create_payable_invoice()
                link = self._request(invoice)
                self.payplug.pay(link.payplug_id)
                self._lie(**lie)
                with mute_logger(LINK_LOG):
                    link._sync()
                self.assertRecordValues(
                    link, [{"state": "pending", "problem": "mismatch"}]
                )
                self.assertFalse(link.account_payment_id)
                self.assertEqual(
                    invoice.activity_ids.mapped("summary"),
                    ["Payplug speaks of another payment"],
                )
                self._lie()
                link._sync()
                self.assertTrue(link.account_payment_id)
