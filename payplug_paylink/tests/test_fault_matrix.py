"""Faults of Payplug at each call of each flow.

A flow is run once to count its calls, then once for each call and fault. Nobody sees an
error page; what must always hold does; and as soon as Payplug answers well, money is in
the books once.

Each call meets a fault of each sort (not carried out, carried out but unanswered, a
lie), and one of all by turns. With PAYPLUG_FAULTS=all, each call meets each fault: that
takes a quarter of an hour.
"""

import os
from itertools import cycle
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .. import payplug_api
from .common import LINK_LOG, PayplugRoutesCommon
from .emulator.faults import KINDS, SLOW_KINDS
from .emulator.rules import Refusal

LOGS = (
    LINK_LOG,
    "odoo.addons.payplug_paylink.controllers.main",
    "odoo.addons.payplug_paylink.models.payplug_process_mixin",
)
STATUSES = "400 401 403 404 409 429 500 503".split()
NASTY = "no\0 end\ud800"
NESTED = {"a": {"b": {"c": [[[[[[[[[[[[["d"]]]]]]]]]]]]]}}}
LIES = (
    {"created_at": 10**17},
    {"created_at": None},
    {"paid_at": -(10**15)},
    {"amount": 1},
    {"amount": 10**30},
    {"amount_refunded": 10**30},
    {"currency": NASTY},
    {"is_live": True},
    {"id": "pay_0123456789abcdefABCDEF"},
    {"failure": {"code": NASTY * 50, "message": NASTY}},
    {"failure": {"code": NESTED}},
    {"metadata": '{"database": "\\ud800"}'},
    {"metadata": NESTED, "payment_method": {"is_pending": NESTED}},
    {"hosted_payment": {"payment_url": "https://payplug.com\0.example.com/"}},
    {"object": "error", "message": NASTY, "details": {"billing": NESTED}},
)
PLAIN = sorted(KINDS - SLOW_KINDS - {"lie", "delay"}) + STATUSES
SORTS = [
    ("500", {}),
    ("drop", {}),
    ("lie", {"fields": {"id": "pay_0123456789abcdefABCDEF"}}),
]
FAULTS = [
    *((kind, {}) for kind in PLAIN),
    *((kind, {"seconds": 1}) for kind in sorted(SLOW_KINDS | {"delay"})),
    *(("lie", {"fields": fields}) for fields in LIES),
]


@tagged("post_install", "-at_install", "once")
class TestFaultMatrix(PayplugRoutesCommon):
    def setUp(self):
        super().setUp()
        self.invoice = self._create_payable_invoice()
        self.other = self._create_payable_invoice(30)

    def _run_cron(self):
        self.env.flush_all()
        self.cron.method_direct_trigger()  # in the test mode of HttpCase
        self.env.invalidate_all()

    # === FLOWS === #

    def _send(self):
        self._click("action_payplug_send_link")

    def _refresh(self):
        self._click("action_payplug_refresh")

    def _cancel(self):
        self._click("action_payplug_cancel_link")

    def _click(self, button):
        """Click as a user does: a refusal is one sentence, and changes nothing."""
        try:
            with self.env.cr.savepoint():
                getattr(self.invoice.with_user(self.biller), button)()
        except UserError as refusal:
            self.assertNotIn("\n", refusal.args[0])
            refusal.args[0].encode()

    def _visit(self, path, method="GET"):
        self.env.flush_all()
        answer = self.url_open(path, allow_redirects=False, method=method)
        self.env.invalidate_all()
        self.assertIn(answer.status_code, (200, 303, 503))
        return answer

    def _pay_page(self):
        answer = self._visit(self.invoice._payplug_page_path(), "POST")
        address = answer.headers.get("Location", self.payplug.url)
        self.assertTrue(address.startswith((self.payplug.url, "/", self.base_url())))

    def _return(self):
        self._visit(f"/payplug/return/{self._signed('return')}")

    def _notify(self):
        self._visit(f"/payplug/notify/{self._signed('notify')}", "POST")

    def _signed(self, route):
        link = self.invoice.payplug_link_id
        return f"{link.id}/{link._signature(route, link)}"

    def _follow(self):
        self._run_cron()

    def _withdraw(self):
        """The cron cancels what is no longer due."""
        self._pay_partly(self.invoice, 20)
        self._run_cron()

    def _renew(self):
        """A user sends the link again after the amount changed: abort, then create."""
        self._pay_partly(self.invoice, 20)
        self._send()

    # === WHAT MUST ALWAYS HOLD === #

    def _check_always(self):
        no_invoice = self.env["account.move"]
        links = self.env["payplug.payment.link"].sudo()
        links = links.search([("company_id", "=", self.company.id)])
        links = links.filtered(lambda link: link.move_id in (self.invoice, no_invoice))
        pending = links.filtered(lambda link: link.move_id and link.state == "pending")
        self.assertLessEqual(len(pending), 1)
        taken = {entry["id"]: entry["cents"] for entry in self.payplug.ledger()}
        for link in links:
            self.assertTrue(link.state != "paid" or link.payplug_id in taken)
        booked = self._booked()
        self.assertEqual(len(set(booked)), len(booked), "booked twice")
        self.assertLessEqual(set(booked), {f"{taken[one]} {one}" for one in taken})
        payable = [one for one in links.mapped("payplug_id") if self._is_open(one)]
        self.assertLessEqual(len(payable), 1, "two links are payable")

    def _booked(self):
        journal = self.company.payplug_journal_id
        payments = self.env["account.payment"].search([("journal_id", "=", journal.id)])
        return [f"{round(one.amount * 100)} {one.memo.split()[-1]}" for one in payments]

    def _is_open(self, payment_id):
        try:
            payment = self.payplug.payment(payment_id)
        except Refusal:
            return False  # an id that was a lie
        code = (payment["failure"] or {}).get("code")
        return not payment["is_paid"] and code not in ("aborted", "timeout")

    def _check_in_the_end(self):
        """Payplug answers well again, an hour passes, and Odoo looks."""
        self.payplug.clear_faults()
        for link in self.env["payplug.payment.link"].sudo().search([]):
            names = ("retry_at", "checked_at", "answered_at", "started_at")
            link.write(dict.fromkeys(names, False))
        for payment in self.payplug.list_payments(self.account, is_live=False):
            payment.body["created_at"] -= 3700
        self._request(self.other)  # one to be looked for in pages
        self._run_cron()
        self._check_always()
        taken = [f"{entry['cents']} {entry['id']}" for entry in self.payplug.ledger()]
        self.assertEqual(sorted(self._booked()), sorted(taken))
        known = self.env["payplug.payment.link"].sudo().search([]).mapped("payplug_id")
        for payment in self.payplug.list_payments(self.account, is_live=False):
            payment_id = payment.body["id"]
            self.assertTrue(payment_id in known or not self._is_open(payment_id))

    # === THE MATRIX === #

    def _cases(self):
        """Return the flows, and what was before them."""
        for flow in (self._send, self._pay_page):
            yield flow, "nothing"
        for flow in (self._send, self._refresh, self._cancel, self._pay_page):
            yield flow, "link"
        for flow in (self._withdraw, self._renew):
            yield flow, "link"
        for flow in (self._refresh, self._return, self._notify, self._follow):
            yield flow, "paid"
        yield self._cancel, "paid"

    def _play(self, flow, before, *fault, **options):
        """Play a case in a savepoint; return how many calls the flow made."""
        savepoint = self.env.cr.savepoint()
        with savepoint, patch.object(payplug_api, "CALL_SECONDS", 0.8):
            self.payplug.reset()
            self._calls_seen = 0
            if before != "nothing":
                self._request(self.invoice)
            if before == "paid":
                self.payplug.pay(self.invoice.sudo().payment_id)
            self._new_calls()
            if fault:
                self.payplug.fail(*fault, **options)
            flow()
            calls = len(self._new_calls())
            self._check_always()
            self._check_in_the_end()
            savepoint.close(rollback=True)
        self.env.cr.postrollback.clear()
        self.env.invalidate_all()
        return calls

    def test_faults_at_each_call_of_each_flow(self):
        others = cycle(FAULTS)
        with mute_logger(*LOGS):
            for flow, before in self._cases():
                calls = self._play(flow, before)
                self.assertTrue(calls, flow.__name__)
                for number in range(calls):
                    faults = [*SORTS, next(others)]
                    if os.environ.get("PAYPLUG_FAULTS") == "all":
                        faults = FAULTS
                    for kind, options in faults:
                        case = {"flow": flow.__name__, "before": before, "call": number}
                        with self.subTest(**case, kind=kind, **options):
                            self._play(flow, before, kind, skip=number, **options)
