"""What this addon costs: nothing where there is no link, and few steps where one is."""

import contextlib
import os
import sys
import threading
from collections import Counter
from pathlib import Path

from odoo.tests import tagged

from .common import PayplugBookingCommon, PayplugCommon

TESTS = f"{Path(__file__).parent}{os.sep}"
OURS = f"{Path(__file__).parents[1]}{os.sep}"
MOST_FILES = 10
MOST_AMOUNTS_DUE = 3


@tagged("post_install", "-at_install", "once")
class TestCost(PayplugCommon):
    def setUp(self):
        super().setUp()
        self.tables = [
            model._table for model in self.env.values() if model._name[:8] == "payplug."
        ]

    @contextlib.contextmanager
    def _questions(self):
        """Give the list of statements on our tables that are executed meanwhile."""
        self.env.flush_all()
        self.env.invalidate_all()
        found = []

        def watch(_cursor, query, *_times):
            if any(table in str(query) for table in self.tables):
                found.append(str(query))

        thread = threading.current_thread()
        before = getattr(thread, "query_hooks", [])
        thread.query_hooks = [*before, watch]
        try:
            yield found
            self.env.flush_all()
        finally:
            thread.query_hooks = before

    def _read(self, moves, kind, view):
        """Read what a view shows of these, as the web client does for a biller."""
        mine = moves.with_user(self.biller)
        names = mine.get_view(self.env.ref(view).id, kind)["models"]["account.move"]
        self.assertIn("payplug_status", names)
        with self._questions() as asked:
            mine.web_read({name: {} for name in names})
        return asked

    def _receivable(self, moves):
        return moves.line_ids.filtered(
            lambda line: line.account_type == "asset_receivable"
        )

    def test_posting_asks_nothing_of_us(self):
        drafts = self._create_payable_invoice(post=False)
        drafts += self._create_payable_invoice(post=False)
        with self._questions() as asked:
            drafts.with_user(self.biller).action_post()
        self.assertEqual(set(drafts.mapped("state")), {"posted"})
        self.assertEqual(asked, [])

    def test_paying_and_taking_it_back_ask_nothing_of_us(self):
        invoice = self._create_payable_invoice()
        with self._questions() as asked:
            payment = self._register_payment(invoice.with_user(self.biller))
            self.assertEqual(invoice.amount_residual, 0)
            self._receivable(payment.move_id).remove_move_reconcile()
            self.assertEqual(invoice.amount_residual, 120)
            self._receivable(payment.move_id + invoice).reconcile()
        self.assertEqual(invoice.amount_residual, 0)
        self.assertEqual(asked, [])

    def test_resetting_to_draft_asks_nothing_of_us(self):
        invoice = self._create_payable_invoice()
        with self._questions() as asked:
            invoice.with_user(self.biller).button_draft()
        self.assertEqual(asked, [])

    def test_list_of_invoices_asks_once_for_the_status(self):
        invoices = self._create_payable_invoice() + self._create_payable_invoice()
        asked = self._read(invoices, "list", "account.view_out_invoice_tree")
        self.assertEqual(len(asked), 1, asked)
        self.assertIn("payplug_sending", asked[0])

    def test_form_of_an_invoice_without_a_link_asks_once_for_the_status(self):
        invoice = self._create_payable_invoice()
        asked = self._read(invoice, "form", "account.view_move_form")
        about = [statement for statement in asked if "payplug_sending" in statement]
        self.assertEqual(len(about), 1, about)
        for table in self.tables:
            with self.subTest(table=table):
                self.assertNotIn(f'FROM "{table}"', "".join(asked))

    def test_form_of_a_vendor_bill_asks_nothing_of_us(self):
        bill = self._create_invoice(move_type="in_invoice")
        self.assertEqual(self._read(bill, "form", "account.view_move_form"), [])


@tagged("post_install", "-at_install", "once")
class TestTrace(PayplugBookingCommon):
    @contextlib.contextmanager
    def _traced(self):
        """Give the calls of this addon's functions, by file and name, of meanwhile."""
        calls = Counter()

        def profile(frame, event, _argument):
            path = frame.f_code.co_filename  # texts: this is asked a million times
            if event == "call" and path.startswith(OURS) and not path.startswith(TESTS):
                calls[Path(path).name, frame.f_code.co_name] += 1

        before = sys.getprofile()
        sys.setprofile(profile)
        try:
            yield calls
        finally:
            sys.setprofile(before)

    def assertShort(self, calls):
        files = {name for name, _function in calls}
        self.assertLessEqual(len(files), MOST_FILES, files)
        due = calls["account_move.py", "_payplug_amount_due"]
        self.assertLessEqual(due, MOST_AMOUNTS_DUE)

    def test_button_reaches_the_link_by_few_files(self):
        first, invoice = (
            self._create_payable_invoice().with_user(self.biller) for _n in range(2)
        )
        first.action_payplug_send_link()  # from here on Odoo has its rules in memory
        with self._traced() as calls:
            invoice.action_payplug_send_link()
        self.assertEqual(invoice.payplug_state, "pending")
        self.assertShort(calls)

    def test_notification_reaches_the_books_by_few_files(self):
        link = self._request(self._create_payable_invoice())
        self.payplug.pay(link.payplug_id)
        self.env.flush_all()
        with self._traced() as calls:
            link._sync()
            self.env.flush_all()
        self.assertTrue(link.account_payment_id)
        self.assertShort(calls)
