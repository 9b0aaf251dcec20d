"""Money that goes back in Payplug's portal: seen, and booked, once each."""

from datetime import timedelta
from unittest.mock import ANY

from odoo import Command, fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..payplug_remote import PayplugUnavailable
from .common import LINK_LOG, PayplugRoutesCommon
from .common_refunds import CREDIT_NOTE, REFUND_LOG, TO_BOOK, RefundCommon


@tagged("post_install", "-at_install", "once")
class TestRefunds(RefundCommon):
    def test_more_than_was_paid_is_not_booked_as_refunded(self):
        path = f"/v1/payments/{self.link.payplug_id}/refunds"
        self.payplug.refund(self.link.payplug_id, 1000)
        self.payplug.refund(self.link.payplug_id, 1000)
        balance = self._balance()
        for cents in (2**31 - 1, 12001, 6001):
            with self.subTest(cents=cents):
                self.payplug.fail("lie", path=path, fields={"amount": cents})
                with self.assertRaises(PayplugUnavailable):
                    self.link._sync()
                self.assertEqual(self._balance(), balance)
        self.link._sync()
        self.assertEqual(self._balance(), balance - 20)

    def test_refund_in_the_portal_settles_the_credit_note_that_is_there(self):
        note = self._credit(20)
        self._refund_in_portal(2000)
        refund = self._refunds()
        self.assertRecordValues(
            refund,
            [
                {
                    "state": "done",
                    "origin": "portal",
                    "amount": 20,
                    "credit_note_id": note.id,
                    "to_book": False,
                }
            ],
        )
        payment = refund.account_payment_id
        self.assertRecordValues(
            payment,
            [
                {
                    "payment_type": "outbound",
                    "partner_type": "customer",
                    "partner_id": self.partner_a.id,
                    "amount": 20,
                    "journal_id": self.company.payplug_journal_id.id,
                    "memo": f"{note.name} {refund.payplug_id}",
                    "date": self.link._local_date(refund.refunded_at),
                }
            ],
        )
        self.assertEqual(note.payment_state, "paid")
        self.assertEqual(self.invoice.payment_state, "paid")
        self.assertEqual(self._balance(), 100, "money in and out lie together")
        self.assertEqual(self.link.account_payment_id.amount, 120, "left as it was")
        self.assertFalse(self.invoice.activity_ids)

    def test_partial_and_repeated_refunds_are_booked_once_each(self):
        self._refund_in_portal(2000)
        self._refund_in_portal(3000)
        self.link._sync()
        self.assertEqual(self._refunds().mapped("amount"), [20, 30])
        self.assertEqual(len(self._refunds().account_payment_id), 2)
        self.assertEqual(self.link.amount_refunded, 50)
        self.assertEqual(self.link.amount_net, 70)
        self.assertEqual(self._balance(), 70)

    def test_refund_without_a_credit_note_calls_for_one_that_then_is_settled(self):
        self._refund_in_portal(5000)
        self.assertEqual(self._activities(self.invoice), [CREDIT_NOTE])
        alert = self.invoice._get_alerts()["payplug_no_credit_note"]
        self.assertIn("50.00", alert["message"])
        self.assertEqual(alert["action"]["context"]["active_ids"], self.invoice.ids)
        action = self.invoice.with_user(
            self.biller
        ).action_payplug_prepare_credit_note()
        note = self.env["account.move"].browse(action["res_id"])
        self.assertRecordValues(note, [{"state": "draft", "amount_total": 50}])
        again = self.invoice.action_payplug_prepare_credit_note()
        self.assertEqual(again["res_id"], note.id, "no second one")
        note.action_post()
        self.assertEqual(note.payment_state, "paid")
        self.assertFalse(self.invoice.activity_ids)
        self.assertNotIn("payplug_no_credit_note", self.invoice._get_alerts())
        self.assertEqual(self._refunds().credit_note_id, note)

    def test_prepared_credit_note_of_all_is_the_whole_invoice(self):
        self._refund_in_portal()
        action = self.invoice.action_payplug_prepare_credit_note()
        note = self.env["account.move"].browse(action["res_id"])
        self.assertEqual(note.amount_total, 120)
        with self.assertUserError("no payment by Payplug link"):
            self._create_payable_invoice().action_payplug_prepare_credit_note()

    def test_prepared_credit_note_of_a_part_has_the_cents_of_the_refund(self):
        """33.33 with 20 % of tax is no price of two decimals: its tax is adjusted."""
        tax = self.company_data["default_tax_sale"]
        lines = [
            Command.create({"name": "Part", "price_unit": price, "tax_ids": tax.ids})
            for price in (100, 33.33)
        ]
        for method in ("round_globally", "round_per_line"):
            self.company.tax_calculation_rounding_method = method
            for number in (1, 2):
                invoice = self._create_payable_invoice(invoice_line_ids=lines[:number])
                self._refund_in_portal(3333, self._paid_link(invoice))
                action = invoice.action_payplug_prepare_credit_note()
                note = self.env["account.move"].browse(action["res_id"])
                self.assertEqual(note.amount_total, 33.33, (method, number))
                note.action_post()
                self.assertEqual(note.payment_state, "paid")
                self.assertFalse(invoice.activity_ids)

    def test_credit_note_on_another_account_than_the_customers_is_settled(self):
        account = self.company_data["default_account_receivable"].copy()

        def post_on_account(move):
            lines = move.line_ids.filtered(
                lambda line: line.account_type == "asset_receivable"
            )
            lines.account_id = account
            move.action_post()

        invoice = self._create_payable_invoice(post=False)
        post_on_account(invoice)
        self._refund_in_portal(5000, self._paid_link(invoice))
        note = self._reverse_invoice(invoice)
        note.invoice_line_ids.price_unit = 50
        post_on_account(note)
        self.assertEqual(note.payment_state, "paid")

    def test_credit_note_of_what_is_not_in_the_books_is_not_refunded_again(self):
        self._let_books_refuse_refunds()
        with self.assertLogs(REFUND_LOG, "WARNING"):
            self._refund_in_portal(3000)
        note = self._credit(30)
        self._assert_refunds_no_more(note)
        self._let_books_refuse_refunds(False)
        self._run_refund_cron()
        self.assertEqual(note.payment_state, "paid")
        for how in ("draft", "cancelled"):
            self._refund_in_portal(2000)
            self._lose_refund(self._refunds()[-1], how)
            self._assert_refunds_no_more(self._credit(20))
            self.invoice.action_payplug_book_again()
        self.assertEqual(self._balance(), 50)

    def test_refund_is_seen_even_if_payplug_tells_less_than_before(self):
        self._refund_in_portal(5000)
        payment = self.payplug.store.payments[self.link.payplug_id]
        payment.refunds.clear()  # undone, say
        self.payplug.advance(minutes=1)
        self._refund_in_portal(2000)
        self.assertEqual(self._refunds().mapped("amount"), [50, 20])
        self.assertTrue(all(one.account_payment_id for one in self._refunds()))

    def test_refund_of_no_possible_amount_is_not_stored(self):
        self.payplug.refund(self.link.payplug_id, 2000)
        body = self.payplug.store.payments[self.link.payplug_id].refunds[0]
        for cents in (-2000, 2**40):
            body["amount"] = cents
            with self.assertRaises(PayplugUnavailable):
                self.link._sync()
        self.assertFalse(self._refunds())

    def test_refund_of_a_surplus_uses_the_customers_credit(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self._register_payment(invoice)
        self._pay(link)
        self.assertEqual(link._open_credit(), 120)
        self._refund_in_portal(12000, link)
        self.assertEqual(link._open_credit(), 0)
        self.assertFalse(link.refund_ids._open_debit())

    def test_two_credit_notes_the_one_of_the_same_amount_is_settled(self):
        first, second = self._credit(30), self._credit(20)
        self._refund_in_portal(2000)
        self.assertEqual(second.payment_state, "paid")
        self.assertEqual(first.amount_residual, 30)

    def test_refund_that_an_accountant_has_booked_by_hand_is_not_booked_again(self):
        note = self._credit(20)
        by_hand = self._register_payment(
            note, journal_id=self.company.payplug_journal_id.id
        )
        self._refund_in_portal(2000)
        refund = self._refunds()
        self.assertEqual(refund.account_payment_id, by_hand)
        self.assertEqual(refund.credit_note_id, note)
        self.assertEqual(self._balance(), 100)

    def test_payment_by_hand_that_names_another_refund_is_not_taken_over(self):
        note = self._credit(20)
        by_hand = self._register_payment(
            note, journal_id=self.company.payplug_journal_id.id
        )
        by_hand.memo = f"{note.name} re_0ther"
        self._refund_in_portal(2000)
        booked = self._refunds().account_payment_id
        self.assertTrue(booked)
        self.assertNotEqual(booked, by_hand)

    def test_credit_note_of_another_customer_was_not_refunded(self):
        note = self._credit(20)
        self._refund_in_portal(2000)
        self.assertEqual(note.payplug_amount_refunded, 20)
        for partial in note._get_all_reconciled_invoice_partials():
            note.js_remove_outstanding_partial(partial["partial_id"])
        note.button_draft()
        note.partner_id = self.partner_b
        note.action_post()
        self.env.invalidate_all()
        self.assertFalse(note.payplug_amount_refunded)

    def test_payment_that_has_settled_another_credit_note_is_not_taken_over(self):
        other = self._create_payable_invoice()
        self._paid_link(other)
        note = self._credit(invoice=other)
        self.payplug.refund(self.link.payplug_id)
        [told] = self.link._client().list_refunds(self.link.payplug_id)
        payment = self._register_payment(
            note, journal_id=self.company.payplug_journal_id.id
        )
        payment.memo = f"{note.name} {told.id}"
        self.assertEqual(payment.reconciled_invoice_ids, note)
        self.link._sync()
        booked = self._refunds().account_payment_id
        self.assertTrue(booked)
        self.assertNotEqual(booked, payment)

    def test_refund_that_was_shown_before_this_version_is_not_booked_again(self):
        self.payplug.refund(self.link.payplug_id, 2000)
        self.link.amount_refunded = 20  # and an accountant was asked to book it
        self.link._sync()
        self.assertFalse(self._refunds())
        self.payplug.advance(minutes=1)
        self._refund_in_portal(3000)
        old, new = self._refunds()
        self.assertRecordValues(
            old + new,
            [
                {"amount": 20, "account_payment_id": False, "to_book": False},
                {"amount": 30, "account_payment_id": ANY, "to_book": False},
            ],
        )
        self.assertEqual(self.link.amount_refunded, 50)

    def test_refund_that_cannot_be_booked_waits_and_calls_the_accountant_once(self):
        journal = self.company.payplug_journal_id
        line = journal._payplug_outbound_line()
        account, line.payment_account_id = line.payment_account_id, False
        with self.assertLogs(REFUND_LOG, "WARNING"):
            self._refund_in_portal(2000)
            self._run_refund_cron()
        refund = self._refunds()
        self.assertRecordValues(refund, [{"state": "done", "to_book": True}])
        self.assertEqual(self._activities(self.invoice), [TO_BOOK])
        self.assertIn("cannot book refunds", self.invoice.activity_ids.note)
        line.payment_account_id = account
        self._run_refund_cron()
        self.assertTrue(refund.account_payment_id)
        self.assertEqual(self._activities(self.invoice), [CREDIT_NOTE])

    def test_call_that_its_user_put_on_another_document_is_not_told_there(self):
        """Odoo lets users write the document of their activities, any at all."""
        self.invoice.invoice_user_id = self.accountant
        self._let_books_refuse_refunds()
        with self.assertLogs(REFUND_LOG, "WARNING"):
            self._refund_in_portal(2000)
        refund, other = self._refunds(), self._create_payable_invoice()
        call = refund.activity_id.with_user(self.accountant).sudo(False)
        call.write({"res_id": other.id, "note": "<p>Forged</p>"})
        self._let_books_refuse_refunds(False)
        self._run_refund_cron()
        self.assertTrue(refund.account_payment_id)
        self.assertFalse(self._logged(other, "Forged"))

    def test_refund_waits_for_the_booking_of_its_payment(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self._let_books_refuse()
        self.payplug.pay(link.payplug_id)
        with self.assertLogs(LINK_LOG, "WARNING"):
            link._sync()
            self._refund_in_portal(2000, link)
        self.assertTrue(link.to_book and link.refund_ids.to_book)
        self._let_books_refuse(False)
        link._register_payment()
        self.assertTrue(link.refund_ids.account_payment_id)

    def test_refund_of_a_test_payment_that_is_not_booked_is_not_booked_either(self):
        self.company.payplug_book_test_payments = False
        self._refund_in_portal(2000)
        refund = self._refunds()
        self.assertEqual(refund.state, "done")
        self.assertFalse(refund.account_payment_id or refund.to_book)

    def test_refund_in_a_locked_period_is_booked_on_its_first_open_day(self):
        lock = fields.Date.today() + timedelta(days=3)
        self.company.sudo().fiscalyear_lock_date = lock
        self._refund_in_portal(2000)
        payment = self._refunds().account_payment_id
        self.assertGreater(payment.move_id.date, lock)

    def test_payment_and_refund_seen_together_are_both_booked(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self.payplug.pay(link.payplug_id)
        self.payplug.refund(link.payplug_id, 2000)
        link._sync()
        self.assertEqual(link.state, "paid")
        self.assertTrue(link.account_payment_id)
        self.assertTrue(link.refund_ids.account_payment_id)

    def test_list_of_refunds_that_cannot_be_read_does_not_hide_the_payment(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self.payplug.pay(link.payplug_id)
        self.payplug.refund(link.payplug_id, 2000)
        path = f"/v1/payments/{link.payplug_id}/refunds"
        self.payplug.fail("lie", times=None, path=path, fields={"amount": "much"})
        link._sync()
        self.assertEqual(link.state, "paid")
        self.assertFalse(link.refund_ids)
        self.payplug.clear_faults()
        link._sync()
        self.assertEqual(link.refund_ids.amount, 20)

    def test_cron_sees_a_refund_without_a_notification(self):
        self.payplug.refund(self.link.payplug_id, 2000)
        self._run_cron()
        self.assertEqual(self._refunds().amount, 20)

    def test_cron_looks_ever_more_seldom_and_not_for_ever(self):
        now = fields.Datetime.now()
        days = timedelta(days=1)

        def is_looked_at(paid_ago, checked_ago, **values):
            self.link.write(
                {
                    "paid_at": now - paid_ago * days,
                    "checked_at": now - checked_ago * days,
                    "refundable_until": now + days,
                    **values,
                }
            )
            return self.link in self.link._find_refundable()

        self.assertTrue(is_looked_at(5, 1))
        self.assertFalse(is_looked_at(5, 0.5))
        self.assertFalse(is_looked_at(40, 6))
        self.assertTrue(is_looked_at(40, 7.1))
        self.assertTrue(is_looked_at(200, 8, refundable_until=now - days))
        self.assertFalse(is_looked_at(200, 8, refundable_until=now - 9 * days))
        self.assertTrue(is_looked_at(300, 8, refundable_until=False))
        self.assertFalse(is_looked_at(400, 8, refundable_until=False))
        self.assertFalse(is_looked_at(5, 1, amount_refunded=120))

    def test_look_after_the_last_day_is_repeated_when_it_fails(self):
        self.payplug.refund(self.link.payplug_id, 2000)
        now, days = fields.Datetime.now(), timedelta(days=1)
        self.link.write(
            {
                "paid_at": now - 200 * days,
                "checked_at": now - 8 * days,
                "refundable_until": now - days,
            }
        )
        self.payplug.fail(500, times=2, method="GET")  # the list, then the payment
        with mute_logger(LINK_LOG):
            self._run_cron()
        self.assertFalse(self._refunds())
        self.link.retry_at = False
        self._run_cron()
        self.assertEqual(self._refunds().amount, 20)

    def test_paid_links_are_followed_by_pages_of_the_account(self):
        links = self._make_links(4)
        for link in links:
            self._pay(link)
        self.payplug.refund(links[2].payplug_id, 2000)
        self._new_calls()
        self._run_cron()
        mine = [one for one in self._new_calls() if one.account == self.account.id]
        paths = [call.path for call in mine]
        listed = f"/v1/payments/{links[2].payplug_id}/refunds"
        self.assertEqual(paths, ["/v1/payments", listed])
        self.assertEqual(links[2].refund_ids.amount, 20)

    def test_paid_link_that_another_key_does_not_know_is_no_problem(self):
        other = self.payplug.add_account(name="Another")
        self.company.payplug_test_key = other.test_key
        self._run_cron()
        self.assertFalse(self.link.problem)

    def test_refund_is_told_in_the_chatter_and_in_a_banner(self):
        self._refund_in_portal(2000)
        self.assertTrue(self._logged(self.invoice, "Refunded by card on"))
        banner = self.invoice._get_alerts()["payplug_refunded"]
        self.assertIn("20.00", banner["message"])
        self.assertRecordValues(
            self.invoice,
            [{"payplug_amount_refunded": 20, "payplug_refund_state": "partial"}],
        )
        self._refund_in_portal()
        self.assertRecordValues(
            self.invoice,
            [{"payplug_amount_refunded": 120, "payplug_refund_state": "full"}],
        )

    def test_form_that_names_an_invoice_is_told_nothing_of_its_refunds(self):
        """Whoever edits a document may write there whose credit note it is."""
        self._refund_in_portal(2000)
        moves = self.env["account.move"].with_user(self.biller)
        for kind in ("out_invoice", "out_refund"):
            named = {"move_type": kind, "reversed_entry_id": self.invoice.id}
            asked = {"alerts": {}, "payplug_refund_count": {}, "state": {}}
            values = {**named, "state": "posted"}
            told = moves.onchange(values, ["reversed_entry_id"], asked)["value"]
            self.assertFalse(told.get("payplug_refund_count"))
            self.assertNotIn("refunded", str(told.get("alerts")))

    def test_invoice_that_was_a_credit_note_has_its_own_refunds(self):
        """Odoo turns a draft of one into the other, which keeps its invoice."""
        self._refund_in_portal(2000)
        other = self._create_payable_invoice()
        link = self._paid_link(other)
        self._refund_in_portal(3000, link)
        other.reversed_entry_id = self.invoice
        self.assertEqual(other._payplug_refunds(), link.refund_ids)
        self.assertEqual(other._payplug_missing_credit(), 30)

    def test_filter_finds_refunded_invoices_and_credit_notes(self):
        note = self._credit(20)
        other = self._create_payable_invoice()
        self._refund_in_portal(2000)
        moves = self.env["account.move"].with_user(self.biller)
        found = moves.search([("payplug_amount_refunded", ">", 0)])
        self.assertIn(self.invoice, found)
        self.assertIn(note, found)
        self.assertNotIn(other, found)
        self.assertRecordValues(
            note, [{"payplug_amount_refunded": 20, "payplug_refund_state": "full"}]
        )

    def test_refund_that_settles_two_credit_notes_is_seen_on_both(self):
        notes = self._credit(20) | self._credit(30)
        self._refund_in_portal(6000)
        moves = self.env["account.move"].with_user(self.biller)
        self.env.invalidate_all()
        for note, amount in zip(notes.with_user(self.biller), (20, 30), strict=True):
            with self.subTest(amount=amount):
                self.assertEqual(note.payplug_amount_refunded, amount)
                self.assertEqual(note.payplug_refund_state, "full")
                self.assertEqual(note.payplug_refund_count, 1)
                banner = note._get_alerts()["payplug_refunded"]["message"]
                self.assertIn(f"{amount}.00", banner)
                self.assertTrue(self._logged(note, "booked as"))
                found = moves.search([("payplug_amount_refunded", "=", amount)])
                self.assertEqual(found, note)
        rows = (self.invoice | notes).read(["payplug_amount_refunded"])
        amounts = [row["payplug_amount_refunded"] for row in rows]
        self.assertEqual(amounts, [60, 20, 30])

    def test_refunded_amount_is_searched_by_every_comparison(self):
        self._refund_in_portal(2000)
        other = self._create_payable_invoice()
        moves = self.env["account.move"].with_user(self.biller)
        for operator, value, found in (
            ("=", 20, self.invoice),
            ("!=", 20, other),
            ("in", [20, 5], self.invoice),
            ("not in", [20], other),
            ("=", 0, other),
            ("=", False, other),
            ("!=", 0, self.invoice),
            ("<", 20, other),
            ("<=", 20, self.invoice | other),
            # as Odoo's own amounts take them
            (">", None, self.invoice),
            (">", "", self.invoice),
            (">", "19", self.invoice),
            (">=", True, self.invoice),
        ):
            with self.subTest(operator=operator, value=value):
                domain = [("payplug_amount_refunded", operator, value)]
                both = ("id", "in", (self.invoice | other).ids)
                self.assertEqual(moves.search([*domain, both]), found.sorted())


@tagged("post_install", "-at_install", "once")
class TestRefundRoutes(RefundCommon, PayplugRoutesCommon):
    def setUp(self):
        super().setUp()
        self._deliver()  # that it was paid

    def test_notification_without_the_resource_and_sent_twice_is_booked_once(self):
        self.payplug.set_notifications(copies=2)
        self.payplug.refund(self.link.payplug_id, 2000)
        self.assertEqual(self._deliver(), [[200, 200]])
        told = self.payplug.list_notifications()[-1].body
        self.assertEqual(set(told), {"id", "object", "payment_id"})
        self.assertEqual(self._refunds().mapped("payplug_id"), [told["id"]])
        self.assertTrue(self._refunds().account_payment_id)

    def test_page_of_a_cancelled_invoice_says_that_it_was_refunded(self):
        self.invoice.button_draft()
        self.invoice.button_cancel()
        self._refund_in_portal()
        page = self.url_open(self.invoice._payplug_page_path()).text
        self.assertIn("This invoice was refunded.", page)
        self.assertIn("was refunded to your card", page)

    def test_unanswered_list_makes_payplug_notify_again(self):
        self.payplug.refund(self.link.payplug_id, 2000)
        path = f"/v1/payments/{self.link.payplug_id}/refunds"
        self.payplug.fail(500, path=path)
        self.assertEqual(self._deliver(), [[503]])
        self.assertFalse(self.link.amount_refunded)
        self.payplug.advance(minutes=1)
        self.assertEqual(self._deliver(), [[503, 200]])
        self.assertEqual(self._refunds().amount, 20)

    def test_pay_page_says_what_was_refunded(self):
        path = self.invoice._payplug_page_path()
        self._refund_in_portal(2000)
        page = self.url_open(path).text
        self.assertIn("This invoice is paid", page)
        self.assertIn("20.00", page)
        self.assertIn("was refunded to your card", page)
        self._refund_in_portal()
        page = self.url_open(path).text
        self.assertIn("This invoice was refunded", page)
        self.assertNotIn("is paid, thank you", page)
        self.assertNotIn("by card</button>", page)
