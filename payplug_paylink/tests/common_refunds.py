"""What tests of refunds share: an invoice that was paid by its link, and its books."""

from .common import PayplugBookingCommon

REFUND_LOG = "odoo.addons.payplug_paylink.models.payplug_refund"
CREDIT_NOTE = "Refunded by card: credit note?"
TO_BOOK = "Refund by card to book"
ANSWER_LOST = "Refund by card: answer lost"


class RefundCommon(PayplugBookingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.accountant = cls._create_user(
            "accountant", "account.group_account_invoice,payplug_paylink.group_refund"
        )
        cls.refund_cron = cls.env.ref("payplug_paylink.ir_cron_refund")
        cls.invoice = cls._create_payable_invoice()
        cls.link = cls._paid_link(cls.invoice)
        cls.payplug.keep()

    def _credit(self, amount=None, invoice=None):
        """Return a posted credit note of an invoice, of a part of it with `amount`."""
        invoice = invoice or self.invoice
        note = self._reverse_invoice(invoice)
        if amount:
            note.invoice_line_ids.price_unit = amount
        note.action_post()
        return note

    def _open(self, document, user=None):
        """Return the window that *Refund by card* opens for a user."""
        self.env.flush_all()
        document = document.with_user(user or self.accountant)
        action = document.action_payplug_refund()
        return document.env[action["res_model"]].browse(action["res_id"])

    def _ask(self, document, amount=None, user=None):
        """Confirm a refund in the window; return its row, which is still to send."""
        window = self._open(document, user)
        if amount is not None:
            window.amount = amount
        window.action_confirm()
        return self.env["payplug.refund"].sudo().search([], limit=1)

    def _refund(self, document, amount=None, user=None):
        """Confirm a refund in the window, and let it be sent; return its row."""
        refund = self._ask(document, amount, user)
        self._run_refund_cron(wait=False)
        return refund

    def _run_refund_cron(self, wait=True):
        """Run the scheduled action, after as long a time as rows have to wait.

        :param bool wait: whether even what may still be at Payplug's is looked for
        """
        self._let_wait_end(["to_send", "unknown"] if wait else ["to_send"])
        self.env["payplug.refund"].sudo().search([("to_book", "=", True)]).write(
            {"retry_at": False}
        )
        self.env.flush_all()
        with self.enter_registry_test_mode():
            self.refund_cron.method_direct_trigger()
        self.env.invalidate_all()

    def _let_wait_end(self, states=("unknown",)):
        """Let the time pass for which refunds of these states are left alone."""
        waiting = [("state", "in", list(states))]
        self.env["payplug.refund"].sudo().search(waiting).retry_at = False

    def _let_books_refuse_refunds(self, refuse=True):
        """Let accounting refuse what Payplug gave back, or take it again."""
        journal = self.company.payplug_journal_id
        line = journal._payplug_outbound_line()
        inbound = journal._payplug_inbound_line()
        line.payment_account_id = not refuse and inbound.payment_account_id

    def _lose_refund(self, refund, how):
        """Let an accountant delete, cancel or reset the payment of a refund."""
        payment = refund.account_payment_id
        payment.action_draft()
        if how == "deleted":
            payment.unlink()
        elif how == "cancelled":
            payment.action_cancel()
        self.env.invalidate_all()

    def _assert_refunds_no_more(self, note):
        """Check that a credit note, which was given back, offers nothing more."""
        self.env.invalidate_all()
        self.assertFalse(note.payplug_can_refund)
        before = self._posts()
        with self.assertUserError("no payment by Payplug link"):
            self._refund(note)
        self.assertEqual(self._posts(), before)

    def _refunds(self, invoice=None):
        """Return the rows of an invoice, oldest first."""
        self.env.invalidate_all()
        return (invoice or self.invoice).payplug_link_ids.refund_ids.sorted("id")

    def _refunded_cents(self, link=None):
        """Return what Payplug has given back of a link's payment."""
        link = link or self.link
        return self.payplug.payment(link.payplug_id)["amount_refunded"]

    def _refund_in_portal(self, cents=None, link=None):
        """Refund in Payplug's portal, and let Odoo look."""
        link = link or self.link
        self.payplug.refund(link.payplug_id, cents)
        link._sync()

    def _posts(self):
        """Return how often Payplug was asked to give money back."""
        return sum(
            call.method == "POST" and call.path.endswith("/refunds")
            for call in self.payplug.calls
        )

    def _balance(self):
        """Return what lies on the account of Payplug's payments."""
        journal = self.company.payplug_journal_id
        account = journal._payplug_inbound_line().payment_account_id
        lines = self.env["account.move.line"].search(
            [("account_id", "=", account.id), ("parent_state", "=", "posted")]
        )
        return self.company.currency_id.round(sum(lines.mapped("balance")))
