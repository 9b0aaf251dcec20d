"""Making, reusing and withdrawing links: at most one payable link per invoice."""

from datetime import timedelta

from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import LINK_LOG, WEEK, PayplugCommon


@tagged("post_install", "-at_install", "once")
class TestLinks(PayplugCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls._create_payable_invoice(1234.56)

    def assertPaymentsMade(self, count):
        """Check how many payments Payplug has made."""
        made = [call for call in self.payplug.calls if call.status == 201]
        self.assertEqual(len(made), count)

    def test_link_shows_on_the_invoice(self):
        link = self._request(self.invoice)
        self.assertRecordValues(
            self.invoice,
            [
                {
                    "payment_id": link.payplug_id,
                    "online_payment": True,
                    "payplug_state": "pending",
                    "payment_link": self.invoice._payplug_page_url(),
                    "payplug_link_count": 1,
                }
            ],
        )
        self.assertAlmostEqual(
            link.expires_at,
            link.create_date + timedelta(days=7),
            delta=timedelta(minutes=1),
        )

    def test_payment_is_what_payplug_documents(self):
        self.partner_a.lang = "fr_FR"
        link = self._request(self.invoice)
        payment = self.payplug.payment(link.payplug_id)
        database = self.env["ir.config_parameter"].sudo().get_param("database.uuid")
        self.assertEqual(payment["amount"], 123456)
        self.assertEqual(payment["currency"], "EUR")
        self.assertEqual(payment["hosted_payment"]["sent_by"], "OTHER")
        self.assertEqual(payment["description"], self.invoice.name)
        self.assertEqual(
            payment["metadata"],
            {
                "invoice": self.invoice.name,
                "link_id": str(link.id),
                "database": database,
            },
        )
        billing = {
            "first_name": "Marie",
            "last_name": "Durand",
            "email": "marie.durand@example.com",
            "address1": "12 rue des Lilas",
            "postcode": "75020",
            "city": "Paris",
            "country": "FR",
            "language": "fr",
        }
        self.assertEqual(payment["billing"], {**payment["billing"], **billing})
        self.assertEqual(payment["shipping"]["delivery_type"], "BILLING")

    def test_incomplete_address_is_left_out_as_a_whole(self):
        self.partner_a.zip = False
        link = self._request(self.invoice)
        payment = self.payplug.payment(link.payplug_id)
        self.assertFalse((payment["billing"] or {}).get("address1"))

    def test_second_click_reuses_the_link_after_asking_payplug(self):
        first = self._request(self.invoice)
        self._new_calls()
        self.assertEqual(self._request(self.invoice), first)
        self.assertEqual(
            [(call.method, call.status) for call in self._new_calls()], [("GET", 200)]
        )

    def test_link_near_its_end_is_replaced_and_aborted(self):
        first = self._request(self.invoice)
        first.expires_at -= timedelta(days=6, hours=1)
        second = self._request(self.invoice)
        self.assertNotEqual(first, second)
        self.assertEqual(first.state, "cancelled")
        self.assertEqual(self._failure(first), "aborted")
        self.assertEqual(self.invoice.payplug_link_id, second)

    def test_expired_link_is_replaced(self):
        first = self._request(self.invoice)
        self.payplug.advance(WEEK + 1)
        second = self._request(self.invoice)
        self.assertEqual(first.state, "expired")
        self.assertEqual(second.state, "pending")

    def test_link_of_another_amount_is_replaced(self):
        first = self._request(self.invoice)
        self._register_payment(
            self.invoice, amount=234.56, payment_difference_handling="open"
        )
        second = self._request(self.invoice)
        self.assertEqual(first.state, "cancelled")
        self.assertEqual(second.amount, 1000)

    def test_link_of_the_other_mode_is_replaced_with_its_own_key(self):
        first = self._request(self.invoice)
        self.company.payplug_mode = "live"
        second = self._request(self.invoice)
        self.assertEqual((first.is_live, first.state), (False, "cancelled"))
        self.assertEqual((second.is_live, second.state), (True, "pending"))
        self.assertEqual(self._failure(first), "aborted")

    def test_paid_meanwhile_is_followed_instead_of_asking_again(self):
        link = self._request(self.invoice)
        self.payplug.pay(link.payplug_id)
        action = self.invoice.with_user(self.biller).action_payplug_send_link()
        self.assertEqual(action["tag"], "display_notification")
        self.assertIn("has paid", action["params"]["message"])
        self.assertEqual(link.state, "paid")
        self.assertPaymentsMade(1)

    def test_payment_being_checked_gets_no_second_link(self):
        link = self._request(self.invoice)
        self._register_payment(
            self.invoice, amount=1, payment_difference_handling="open"
        )
        self._lie(payment_method={"type": "oney", "is_pending": True})
        with self.assertUserError("a payment may be under way"):
            self.invoice.action_payplug_send_link()
        self.assertIsNone(self.payplug.payment(link.payplug_id)["failure"])
        self.assertPaymentsMade(1)

    def test_abort_that_does_not_happen_gets_no_second_link(self):
        self._request(self.invoice)
        self._register_payment(
            self.invoice, amount=1, payment_difference_handling="open"
        )
        self._lie(failure=None)
        with self.assertUserError("has not yet ended the earlier link"):
            self.invoice.action_payplug_send_link()
        self.assertPaymentsMade(1)

    def test_link_of_a_restored_copy_is_left_alone(self):
        link = self._request(self.invoice)
        link.expires_at -= timedelta(days=7)
        self.env["ir.config_parameter"].sudo().set_param("database.uuid", "a-copy")
        with self.assertUserError("another copy of this database"):
            self.invoice.action_payplug_send_link()
        self.assertIsNone(self._failure(link))

    def test_second_pending_link_is_refused_by_the_database(self):
        link = self._request(self.invoice)
        other = self._request(self._create_payable_invoice())
        with (
            self.assertRaisesRegex(Exception, "one_pending_link"),
            mute_logger("odoo.sql_db"),
            self.env.cr.savepoint(),
        ):
            other.move_id = link.move_id
            self.env.flush_all()

    def test_link_that_payplug_no_longer_knows_can_be_closed(self):
        link = self._request(self.invoice)
        self.payplug.forget(link.payplug_id)
        with mute_logger(LINK_LOG):
            self.invoice.with_user(self.biller).action_payplug_send_link()
        self.assertEqual(self.invoice.payplug_problem, "unknown")
        self.assertIn("payplug_problem", self.invoice._get_alerts())
        action = self.invoice.action_payplug_send_link()
        self.assertIn("no longer knows it", action["params"]["message"])
        self.invoice.with_user(self.biller).action_payplug_close_link()
        self.assertEqual(link.state, "cancelled")
        self.assertNotEqual(self._request(self.invoice), link)

    def test_user_cancels_a_link_on_the_spot(self):
        link = self._request(self.invoice)
        self.invoice.with_user(self.biller).action_payplug_cancel_link()
        self.assertEqual(link.state, "cancelled")
        self.assertEqual(self._failure(link), "aborted")

    def test_search_group_and_sort_by_the_columns(self):
        link = self._request(self.invoice)
        other = self._create_payable_invoice()
        moves = self.env["account.move"].with_user(self.biller)
        ours = [("id", "in", (self.invoice + other).ids)]
        self.assertEqual(
            moves.search([*ours, ("payment_id", "=", link.payplug_id)]), self.invoice
        )
        for domain, found in [
            ([("online_payment", "=", True)], self.invoice),
            ([("online_payment", "=", False)], other),
            ([("online_payment", "!=", True)], other),
            ([("payplug_state", "=", "pending")], self.invoice),
            ([("payment_link", "=", link.url)], self.invoice),
            ([("payment_link", "=", link.url + "0")], other.browse()),
        ]:
            with self.subTest(domain=domain):
                self.assertEqual(moves.search(ours + domain), found)
        groups = moves._read_group(ours, ["online_payment"], ["__count"])
        self.assertEqual(sorted(groups), [(False, 1), (True, 1)])
        by_column = moves.search(ours, order="online_payment desc")
        self.assertEqual(by_column, self.invoice + other)
