"""Invoices of two companies, each with its own Payplug account, in one queue."""

from odoo.tests import tagged

from .common_company import create_company, create_drafts
from .common_queue import QueueCommon


@tagged("post_install", "-at_install", "once")
class TestSendingCompanies(QueueCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.payplug_live_key = False
        cls.other_account = cls.payplug.add_account(name="Méliès", live_allowed=False)
        cls.other = create_company(
            cls.env, cls.other_account, email="melies@example.com"
        )
        cls.env.user.company_ids |= cls.other
        cls.biller.company_ids |= cls.other

    def _create_other_invoice(self, amount):
        invoice = create_drafts(self.env, self.other, self.partner_a, amount)
        invoice.action_post()
        return invoice

    def _enqueue_both(self, count):
        """Queue invoices of both companies by turns; return them in this order."""
        invoices = self.env["account.move"]
        for n in range(count):
            invoices += self._create_payable_invoice(100 + n)
            invoices += self._create_other_invoice(200 + n)
        queue = self.env["payplug.sending"].with_user(self.biller).sudo()
        queue._enqueue(
            invoices, invoices._payplug_template(), self.env["ir.actions.report"]
        )
        self._new_calls()
        return invoices

    def test_each_link_is_made_in_its_own_companys_account(self):
        invoices = self._enqueue_both(4)
        self.assertEqual(len(self._run_cron()), 8)
        amounts = {self.account.id: [], self.other_account.id: []}
        for call in self._new_calls():
            self.assertEqual((call.method, call.status), ("POST", 201))
            amounts[call.account].append(call.body["amount"])
        self.assertEqual(
            {account: sorted(cents) for account, cents in amounts.items()},
            {
                self.account.id: [10000, 10100, 10200, 10300],
                self.other_account.id: [20000, 20100, 20200, 20300],
            },
        )
        self.assertEqual(self._states(invoices), ["sent"] * 8)

    def test_answers_in_another_order_go_to_the_right_invoices(self):
        """Also where Payplug refuses one in between."""
        invoices = self._enqueue_both(4)
        self.payplug.fail("403", method="POST")
        for seconds in (0.4, 0.2):  # the next to be asked answer last
            self.payplug.fail("delay", method="POST", seconds=seconds)
        self.assertEqual(len(self._run_cron()), 7)
        linked = invoices.filtered("payplug_link_id")
        self.assertEqual(self._states(invoices - linked), ["failed"])
        for invoice in linked:
            payment = self.payplug.payment(invoice.payment_id)
            self.assertEqual(payment["amount"], invoice.amount_total * 100)
            self.assertEqual(payment["metadata"]["invoice"], invoice.name)
