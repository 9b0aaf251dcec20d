"""Money that was taken is booked once, or becomes an activity: rare cases."""

from unittest.mock import patch

from psycopg2 import InterfaceError

from odoo import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import LINK_LOG, PayplugBookingCommon


@tagged("post_install", "-at_install", "once")
class TestMoney(PayplugBookingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls._create_payable_invoice()
        cls.link = cls._request_for_all(cls.invoice)

    def _lose_sight(self):
        """Let Payplug not know the link for a moment, as with another account's key."""
        self.payplug.fail("404", method="GET")
        with mute_logger(LINK_LOG):
            self.link._sync()
        self.assertEqual(self.link.problem, "unknown")

    def _payments(self):
        """Return all payments in the Payplug journal."""
        journal = self.company.payplug_journal_id
        return self.env["account.payment"].search([("journal_id", "=", journal.id)])

    def _pay_unbookable(self):
        """Let the link be paid while the journal takes no payment."""
        self._let_books_refuse()
        with mute_logger(LINK_LOG):
            self._pay(self.link)
        self._let_books_refuse(False)

    def test_lost_connection_is_no_refusal_of_accounting(self):
        """Nothing can be stored any more: the money is seen, and booked, later."""
        lost = InterfaceError("connection already closed")

        def post(_payment):
            raise KeyError("another addon's") from lost

        self.payplug.pay(self.link.payplug_id)
        with (
            patch.object(type(self.env["account.payment"]), "action_post", post),
            self.assertNoLogs(LINK_LOG),
            self.assertRaises(InterfaceError),
            self.env.cr.savepoint(),
        ):
            self.link._sync()
        self.assertFalse(self._activities(self.invoice))
        self.link._sync()
        self.assertEqual(self.invoice.amount_residual, 0)

    def test_closing_a_link_that_turns_out_to_be_paid_books_it(self):
        self._lose_sight()
        self.payplug.pay(self.link.payplug_id)
        self.invoice.with_user(self.biller).action_payplug_close_link()
        self.assertRecordValues(self.link, [{"state": "paid", "problem": False}])
        self.assertEqual(self.link.account_payment_id, self._payments())
        self.assertEqual(self.invoice.amount_residual, 0)

    def test_test_payment_that_waited_for_the_books_stays_out_of_a_live_company(self):
        self._pay_unbookable()
        self.assertTrue(self.link.to_book)
        before = self._triggers()
        self.company.payplug_book_test_payments = False
        self.assertGreater(self._triggers(), before, "the cron is told")
        self.company.payplug_live_key = self.account.live_key
        self.company.payplug_mode = "live"
        self._run_cron()
        self.assertFalse(self._payments())
        self.assertFalse(self.link.to_book)
        self.assertEqual(self.invoice._payplug_amount_due(), 120)
        self.assertFalse(self._activities(self.invoice), "the call is closed")
        self.assertTrue(self._logged(self.invoice, "recorded, not booked"))

    def test_contact_that_becomes_a_company_can_pay_and_settles_the_invoice(self):
        company = self.env["res.partner"].create(
            {"name": "Durand SA", "is_company": True}
        )
        contact = self.env["res.partner"].create(
            {"name": "Paul", "parent_id": company.id, "email": "paul@example.com"}
        )
        invoice = self._create_payable_invoice(partner_id=contact.id)
        contact.is_company = True
        self.assertNotEqual(
            invoice.commercial_partner_id, contact.commercial_partner_id
        )
        self.assertTrue(invoice._payplug_start_payment())
        link = self._pay(invoice.payplug_link_id.sudo())
        self.assertEqual(invoice.amount_residual, 0)
        self.assertEqual(link.account_payment_id, invoice.matched_payment_ids)
        self.assertFalse(self._activities(invoice))

    def test_late_payment_is_found_without_notification_behind_any_number_of_others(
        self,
    ):
        self.link._cancel()
        self.payplug.pay(self.link.payplug_id, late=True)
        self.payplug.add_payments(120, account_id=self.account.id)
        self._run_cron()
        self.assertEqual(self.link.state, "paid")
        self.assertEqual(self.invoice.amount_residual, 0)

    def test_link_that_ended_is_asked_about_once_a_day(self):
        self.link._cancel()
        self.payplug.add_payments(120, account_id=self.account.id)
        self._run_cron()
        self._new_calls()
        self._run_cron()
        self.assertFalse(self._new_calls())

    # === THE ACCOUNTANT'S HANDS === #

    def _lose_payment(self, how):
        """Let an accountant take the booked payment out of the books."""
        payment = self.link.account_payment_id
        if how == "reversed":
            payment.move_id._reverse_moves(cancel=True)
            return
        if how == "cancelled entry":
            payment.move_id.button_draft()
            payment.move_id.button_cancel()
            return
        payment.action_draft()
        if how == "cancelled":
            payment.action_cancel()
        if how == "deleted":
            payment.unlink()

    def test_money_whose_payment_is_lost_is_not_asked_again_and_told(self):
        for how in ("cancelled", "cancelled entry", "deleted", "reversed"):
            with self.subTest(how=how):
                self.invoice = self._create_payable_invoice()
                self.link = self._pay(self._request(self.invoice))
                self._lose_payment(how)
                self.assertEqual(self.invoice.amount_residual, 120)
                self.assertEqual(self.invoice._payplug_amount_due(), 0)
                self.assertFalse(self.invoice.payment_link)
                self.assertTrue(self.invoice.payplug_is_missing)
                [alert] = self._missing_alerts()
                self.assertEqual(alert["level"], "danger")
                self.assertIn("120.00", alert["message"])
                self.assertIn(self.link.payplug_id, alert["message"])
                with self.assertUserError("Book again"):
                    self.invoice.action_payplug_send_link()

    def _missing_alerts(self):
        alerts = self.invoice.with_user(self.biller)._get_alerts()
        return [alerts[name] for name in alerts if name.startswith("payplug_missing")]

    def test_payment_in_draft_is_missing_once_it_settles_nothing(self):
        self._pay(self.link)
        payment = self.link.account_payment_id
        payment.action_draft()
        self.assertEqual(self.invoice.amount_residual, 0, "Odoo keeps it reconciled")
        self.assertFalse(self.invoice.payplug_is_missing)
        payment.move_id.line_ids.remove_move_reconcile()
        self.assertEqual(self.invoice.amount_residual, 120)
        self.assertTrue(self.invoice.payplug_is_missing)
        self.assertEqual(self.invoice._payplug_amount_due(), 0)

    def test_lost_money_of_an_earlier_customer_is_told(self):
        self._pay(self.link)
        self._lose_payment("cancelled")
        self.invoice.button_draft()
        self.invoice.partner_id = self.partner_b
        self.invoice.action_post()
        self.env.invalidate_all()
        self.assertTrue(self.invoice.payplug_is_missing)
        self.assertEqual(self.invoice._payplug_amount_due(), 120)
        self.invoice.with_user(self.biller).action_payplug_book_again()
        payment = self.link.account_payment_id
        self.assertEqual(payment.partner_id, self.partner_a)
        self.assertEqual(self.invoice.amount_residual, 120)

    def test_raised_invoice_asks_for_the_rest_of_money_whose_payment_is_lost(self):
        self._pay(self.link)
        self._lose_payment("cancelled")
        self.invoice.button_draft()
        self.invoice.invoice_line_ids.price_unit = 200
        self.invoice.action_post()
        self.assertEqual(self.invoice._payplug_amount_due(), 80)
        self.invoice.with_user(self.biller).action_payplug_settled_otherwise()
        self.assertEqual(self.invoice._payplug_amount_due(), 200)

    def test_money_that_was_given_back_is_asked_again(self):
        self._pay(self.link)
        self._lose_payment("deleted")
        self.payplug.refund(self.link.payplug_id, 5_000)
        self.link._sync()
        self.assertEqual(self.invoice._payplug_amount_due(), 50)
        self.payplug.refund(self.link.payplug_id, 7_000)
        self.link._sync()
        self.assertEqual(self.invoice._payplug_amount_due(), 120)
        self.env.invalidate_all()
        self.assertTrue(self.invoice.payplug_is_missing, "the refunds are in the books")

    def test_settled_otherwise_asks_again_and_is_told(self):
        self._pay(self.link)
        self._lose_payment("deleted")
        self.invoice.with_user(self.biller).action_payplug_settled_otherwise()
        self.assertEqual(self.invoice._payplug_amount_due(), 120)
        self.assertFalse(self._missing_alerts())
        self.assertTrue(self._logged(self.invoice, "settled otherwise"))
        again = self._pay(self._request(self.invoice))
        self.assertEqual(self.invoice.amount_residual, 0)
        self.assertNotEqual(again, self.link)

    def test_book_again_books_what_was_lost(self):
        self._pay(self.link)
        self._lose_payment("cancelled")
        lost = self.link.account_payment_id
        self.invoice.with_user(self.biller).action_payplug_book_again()
        self.assertEqual(self.invoice.amount_residual, 0)
        self.assertEqual(self.link.account_payment_id.amount, 120)
        self.assertNotEqual(self.link.account_payment_id, lost)
        self.assertFalse(self.invoice.payplug_is_missing)

    def test_payment_that_settles_another_invoice_is_not_counted_for_this_one(self):
        """An accountant moved it: this one is asked again, as the books say."""
        self._pay(self.link)
        other = self._create_payable_invoice()
        lines = self.link.account_payment_id.move_id.line_ids
        credit = lines.filtered(lambda line: line.account_type == "asset_receivable")
        credit.remove_move_reconcile()
        self.assertEqual(self.invoice._payplug_amount_due(), 0, "the customer's credit")
        (credit + other.line_ids).filtered(
            lambda line: line.account_type == "asset_receivable"
        ).reconcile()
        self.assertEqual(self.invoice._payplug_amount_due(), 120)
        self.assertFalse(self.invoice.payplug_is_missing)

    def test_payment_registered_by_hand_in_the_journal_is_taken_over(self):
        self._pay_unbookable()
        journal = self.company.payplug_journal_id
        by_hand = self._register_payment(self.invoice, journal_id=journal.id)
        self.link.retry_at = False
        self._run_cron()
        self.assertEqual(self.link.account_payment_id, by_hand)
        self.assertEqual(self._payments(), by_hand)
        self.assertEqual(self.invoice.amount_residual, 0)
        self.assertFalse(self._activities(self.invoice))
        self.assertTrue(self._logged(self.invoice, "registered by hand"))

    def test_payment_registered_by_hand_before_payplug_tells_is_taken_over(self):
        self.payplug.pay(self.link.payplug_id)
        journal = self.company.payplug_journal_id
        by_hand = self._register_payment(self.invoice, journal_id=journal.id)
        self.link._sync()
        self.assertEqual(self.link.account_payment_id, by_hand)
        self.assertEqual(self._payments(), by_hand)
        self.assertFalse(self._activities(self.invoice))

    def test_payment_by_hand_that_settles_nothing_yet_is_taken_over(self):
        """From the list of payments, before Odoo has seen that the link is paid."""
        self.payplug.pay(self.link.payplug_id)
        values = {
            "payment_type": "inbound",
            "partner_type": "customer",
            "partner_id": self.invoice.commercial_partner_id.id,
            "amount": 120,
            "journal_id": self.company.payplug_journal_id.id,
            "memo": self.link.payplug_id,
        }
        payment = self.env["account.payment"].create(values)
        payment.action_post()
        self._run_cron()
        self.assertEqual(self.link.account_payment_id, payment)
        self.assertEqual(self.invoice.amount_residual, 0)

    def test_money_that_went_back_by_bank_is_asked_again(self):
        self._pay(self.link)
        entry = self.link.account_payment_id.move_id
        entry.line_ids.remove_move_reconcile()
        values = {
            "payment_type": "outbound",
            "partner_type": "customer",
            "partner_id": self.invoice.commercial_partner_id.id,
            "amount": 120,
            "journal_id": self.company_data["default_journal_bank"].id,
        }
        back = self.env["account.payment"].create(values)
        back.action_post()
        lines = self.link._receivable_lines(entry | back.move_id)
        lines.reconcile()
        self.assertEqual(self.invoice._payplug_amount_due(), 120)
        self.assertTrue(self.invoice._payplug_start_payment())

    def test_deleted_payment_that_was_settled_otherwise_can_be_paid_again(self):
        self._pay(self.link)
        self._lose_payment("deleted")
        self.invoice.with_user(self.biller).action_payplug_settled_otherwise()
        self.assertTrue(self.invoice.sudo()._payplug_start_payment())

    def test_payment_of_other_money_is_not_taken_over(self):
        journal = self.company.payplug_journal_id
        for difference in ("amount", "other invoice", "claimed"):
            with self.subTest(difference=difference):
                invoice = self._create_payable_invoice()
                link = self._request(invoice)
                self.payplug.pay(link.payplug_id)
                amount = 60 if difference == "amount" else 120
                settled = invoice
                if difference == "other invoice":
                    settled = self._create_payable_invoice()
                other = self._register_payment(
                    settled, journal_id=journal.id, amount=amount
                )
                if difference == "claimed":
                    self.link.sudo().account_payment_id = other
                link._sync()
                self.assertTrue(link.account_payment_id)
                self.assertNotEqual(link.account_payment_id, other)

    def test_payment_whose_entry_lacks_the_money_is_not_taken_over(self):
        """Its amount and its memo alone are no proof."""
        income = self.company_data["default_account_revenue"].id
        write_off = {
            "name": "write-off",
            "account_id": income,
            "balance": -114,
            "amount_currency": -114,
            "currency_id": self.invoice.currency_id.id,
            "partner_id": self.partner_a.id,
        }
        for values, is_posted in (
            ({"write_off_line_vals": [write_off]}, True),
            ({"destination_account_id": income}, True),
            ({"destination_account_id": income}, False),
            ({"outstanding_account_id": False}, False),
        ):
            with self.subTest(values=values, is_posted=is_posted):
                invoice = self._create_payable_invoice()
                link = self._request(invoice)
                link.sudo().retry_at = False
                self.payplug.pay(link.payplug_id)
                self._let_books_refuse()
                with mute_logger(LINK_LOG):
                    link._sync()
                self._let_books_refuse(refuse=False)
                other = self.env["account.payment"].create(
                    {
                        "payment_type": "inbound",
                        "partner_type": "customer",
                        "partner_id": self.partner_a.id,
                        "amount": 120,
                        "journal_id": self.company.payplug_journal_id.id,
                        "memo": link.payplug_id,
                        **values,
                    }
                )
                if is_posted:
                    other.action_post()
                else:
                    other.write(values)  # Odoo has filled in its own
                link._register_payment()
                self.assertTrue(link.account_payment_id)
                self.assertNotEqual(link.account_payment_id, other)
                self.assertFalse(invoice.amount_residual)

    def _entry_changes(self):
        """Return, by what is wrong, how the entry of a payment of 120 € is changed:
        what becomes of the customer's line, of the journal's, and what else comes.
        """
        dollar = self.env.ref("base.USD").id

        def line(amount, balance=None, **values):
            balance = amount if balance is None else balance
            return {"amount_currency": amount, "balance": balance, **values}

        expense = self.company_data["default_account_expense"].id
        rest = line(119, account_id=expense, name="rest")
        return {
            "another currency": (
                line(-120, -1, currency_id=dollar),
                line(120, 1, currency_id=dollar),
            ),
            "another amount": (line(-1), line(1)),
            "the other way": (line(120), line(-120)),
            "mostly an expense": (line(-120), line(1), rest),
            "another customer": (line(-120, partner_id=self.partner_b.id), line(120)),
        }

    def test_payment_whose_entry_was_changed_by_hand_is_not_taken_over(self):
        """What its header says of amount and currency is no proof."""
        self.env.ref("base.USD").active = True
        journal = self.company.payplug_journal_id
        for change, (customers, journals, *others) in self._entry_changes().items():
            for is_posted in (False, True):
                with self.subTest(change=change, is_posted=is_posted):
                    self.invoice = self._create_payable_invoice()
                    self.link = self._request(self.invoice)
                    self._pay_unbookable()
                    other = self._register_payment(self.invoice, journal_id=journal.id)
                    other.memo = self.link.payplug_id
                    other.action_draft()
                    _money, customer, _others = other._seek_for_lines()
                    money = other.move_id.line_ids - customer
                    other.move_id.line_ids = [
                        Command.update(customer.id, customers),
                        Command.update(money.id, journals),
                        *map(Command.create, others),
                    ]
                    if is_posted:
                        other.action_post()
                    self.link._register_payment()
                    self.assertTrue(self.link.account_payment_id)
                    self.assertNotEqual(self.link.account_payment_id, other)

    def test_payment_that_was_taken_back_or_is_of_another_account_is_not_taken_over(
        self,
    ):
        journal = self.company.payplug_journal_id
        receivable = self.company_data["default_account_receivable"]
        for change in ("reversed", "other account"):
            with self.subTest(change=change):
                self.invoice = self._create_payable_invoice()
                self.link = self._request(self.invoice)
                self._pay_unbookable()
                self._pay_partly(self.invoice, 1)  # somebody has been at it
                account = receivable.copy() if change == "other account" else receivable
                other = self.env["account.payment"].create(
                    {
                        "payment_type": "inbound",
                        "partner_type": "customer",
                        "partner_id": self.partner_a.id,
                        "amount": 120,
                        "journal_id": journal.id,
                        "memo": self.link.payplug_id,
                        "destination_account_id": account.id,
                    }
                )
                other.action_post()
                if change == "reversed":
                    reversal = other.move_id._reverse_moves(cancel=False)
                    reversal.action_post()
                    (other.move_id | reversal).line_ids.remove_move_reconcile()
                self.link._register_payment()
                self.assertTrue(self.link.account_payment_id)
                self.assertNotEqual(self.link.account_payment_id, other)

    def test_payment_registered_by_hand_in_another_journal_is_asked_about(self):
        self.payplug.pay(self.link.payplug_id)
        by_hand = self._register_payment(self.invoice)
        self.link._sync()
        self.assertEqual(self.link.account_payment_id, self._payments())
        [call] = self.invoice.activity_ids
        self.assertEqual(call.summary, "Registered by hand, or paid twice?")
        self.assertIn(by_hand.name, call.note)

    def test_payment_of_an_invoice_on_hold_settles_it(self):
        before = self._triggers()
        self.invoice.action_toggle_block_payment()
        self.assertGreater(self._triggers(), before, "the link is withdrawn at once")
        self.assertEqual(self.invoice._payplug_amount_due(), 0)
        self._pay(self.link)
        self.assertEqual(self.invoice.amount_residual, 0)
        self.assertFalse(self._activities(self.invoice))
        self.invoice.action_toggle_block_payment()
        self.assertEqual(self.invoice.payment_state, "paid")

    def test_credit_that_came_while_a_draft_is_not_asked_again(self):
        self.invoice.button_draft()
        self._pay(self.link)
        self.assertEqual(
            self._activities(self.invoice),
            ["Paid while a draft: reconcile or refund?"],
        )
        self.invoice.action_post()
        self.assertEqual(self.invoice.amount_residual, 120)
        self.assertEqual(self.invoice._payplug_amount_due(), 0)
        self.assertFalse(self.invoice.payment_link)
        [unmet] = self.invoice._payplug_unmet_conditions()
        self.assertIn("reconcile it with the invoice", unmet)
        lines = self.link.account_payment_id.move_id.line_ids + self.invoice.line_ids
        lines.filtered(lambda line: line.account_type == "asset_receivable").reconcile()
        self.assertEqual(self.invoice.payment_state, "paid")

    def test_credit_that_serves_another_invoice_is_asked_for_again(self):
        self.invoice.button_draft()
        self._pay(self.link)
        self.invoice.action_post()
        other = self._create_payable_invoice(120)
        lines = self.link.account_payment_id.move_id.line_ids + other.line_ids
        lines.filtered(lambda line: line.account_type == "asset_receivable").reconcile()
        self.assertEqual(self.invoice._payplug_amount_due(), 120)

    def test_link_of_less_than_is_due_pays_its_part(self):
        self.invoice.button_draft()
        self.invoice.invoice_line_ids.price_unit = 200
        self.invoice.action_post()
        self._pay(self.link)
        self.assertEqual(self.invoice.amount_residual, 80)
        self.assertEqual(self.invoice._payplug_amount_due(), 80)
        self.assertFalse(self._activities(self.invoice))

    def test_chatter_that_fails_does_not_hide_that_the_customer_has_paid(self):
        moves = type(self.env["account.move"])
        broken = patch.object(moves, "_message_log", side_effect=KeyError("an addon"))
        with broken, mute_logger(LINK_LOG):
            self._pay(self.link)
        self.assertRecordValues(self.link, [{"state": "paid", "to_book": True}])
        self.link._sync()
        self.assertEqual(self.invoice.amount_residual, 0)
        self.assertEqual(len(self._payments()), 1)

    def test_form_says_that_an_earlier_link_waits_for_the_books(self):
        self.link._cancel()
        second = self._request(self.invoice)
        self._pay(second)
        self._let_books_refuse()
        with mute_logger(LINK_LOG):
            self._pay(self.link, late=True)
        self.assertEqual(self.invoice.payplug_link_id, second)
        self.assertIn("payplug_to_book", self.invoice._get_alerts())

    def test_mail_and_button_ask_the_same_amount_beside_money_to_book(self):
        self.invoice.button_draft()
        self.invoice.invoice_line_ids.price_unit = 150
        self.invoice.action_post()
        self._pay_unbookable()
        self.partner_a.lang = "en_US"
        template = self.invoice._payplug_template()
        body = template._render_field("body_html", self.invoice.ids)[self.invoice.id]
        self.assertIn("30.00", body)
        self.assertNotIn("150.00", body)
