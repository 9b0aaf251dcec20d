"""The journal in which Payplug's payments wait until Payplug pays them out."""

from odoo import Command, api, models

from .. import payment_messages as messages
from ..payment_messages import user_error

JOURNAL_NAME = "Payplug"


class AccountJournal(models.Model):
    _inherit = "account.journal"

    def write(self, vals):
        # EXTEND account
        result = super().write(vals)
        if not vals.get("active", True):
            self._check_payplug_does_not_need_it()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_payplug_needs_it(self):
        self._check_payplug_does_not_need_it()

    def _check_payplug_does_not_need_it(self):
        """Let no journal go in which customers' payments are still to be booked."""
        companies_sudo = self.env["res.company"].sudo()  # whoever may change journals
        served_sudo = companies_sudo.search([("payplug_journal_id", "in", self.ids)])
        links_sudo = served_sudo.env["payplug.payment.link"]
        needed = ["|", ("state", "=", "pending"), ("to_book", "=", True)]
        mine = [("company_id", "child_of", served_sudo.ids), *needed]
        if served_sudo and (count := links_sudo.search_count(mine)):
            names = {"journal": self[:1].display_name, "count": count}
            raise user_error(self.env, messages.JOURNAL_NEEDED, **names)

    @api.model
    def _payplug_create(self, company):
        """Return the bank journal *Payplug*, with an outstanding account of its own.

        The one that an earlier installation has left, or a new one. Without the account
        a payment would have no entry, and would not settle the invoice; with the
        company's common one, Payplug's money would be lost among the others. Payments
        are numbered by the journal's code: Odoo's own "P" for them would double its P.
        """
        if left := self._payplug_find(company):
            left.active = True
            return left
        code = self._payplug_free_code(company)
        values = {"name": JOURNAL_NAME, "type": "bank", "code": code}
        own = {"company_id": company.id, "payment_sequence": False}
        journal = self.with_company(company).create({**values, **own})
        account = journal._payplug_create_outstanding_account()
        journal._payplug_inbound_line().payment_account_id = account
        journal._payplug_set_outbound_account()
        return journal

    @api.model
    def _payplug_find(self, company):
        """Return a journal that was made for Payplug and can be used; empty if none."""
        journals = self.with_context(active_test=False)
        named = [("name", "=", JOURNAL_NAME), ("code", "=like", "PP%")]
        own = [("company_id", "=", company.id), ("type", "=", "bank")]
        return journals.search(own + named).filtered(
            lambda journal: (
                journal._payplug_inbound_line().payment_account_id.reconcile
                and not journal._payplug_shares_account()
            )
        )[:1]

    @api.model
    def _payplug_free_code(self, company):
        """Return a journal code that the company, archived journals included, lacks."""
        journals = self.with_context(active_test=False)
        taken = set(journals.search([("company_id", "=", company.id)]).mapped("code"))
        codes = ("PPLUG", *(f"PPL{number}" for number in range(1, 100)))
        return next(code for code in codes if code not in taken)

    def _payplug_create_outstanding_account(self):
        """Create the account in which Payplug's money waits for the payout."""
        accounts = self.env["account.account"].with_company(self.company_id)
        return accounts.create(
            {
                "name": self.env._(messages.OUTSTANDING_ACCOUNT),
                "code": accounts._search_new_account_code(self.default_account_id.code),
                "account_type": "asset_current",
                "reconcile": True,
                "company_ids": [Command.link(self.company_id.id)],
            }
        )

    def _payplug_inbound_line(self):
        """Return the way to receive money that Payplug's payments use."""
        return self.inbound_payment_method_line_ids.filtered(
            lambda line: line.code == "manual"
        )[:1]

    def _payplug_outbound_line(self):
        """Return the way to send money back that refunds by Payplug use."""
        return self.outbound_payment_method_line_ids.filtered(
            lambda line: line.code == "manual"
        )[:1]

    def _payplug_set_outbound_account(self):
        """Let refunds leave the account in which the payments lie.

        By itself Odoo would book them on the company's outstanding payments.
        """
        for journal in self:
            line = journal._payplug_outbound_line()
            if not line:
                method = self.env.ref("account.account_payment_method_manual_out")
                values = {"payment_method_id": method.id, "journal_id": journal.id}
                line = self.env["account.payment.method.line"].create(values)
            account = journal._payplug_inbound_line().payment_account_id
            line.payment_account_id = account

    def _payplug_shares_account(self):
        """Tell whether another journal uses the outstanding account, too."""
        lines = self.env["account.payment.method.line"]
        account = self._payplug_inbound_line().payment_account_id
        same_account = [("payment_account_id", "=", account.id)]
        others = [*same_account, ("journal_id", "!=", self.id)]
        return bool(account and lines.search_count(others, limit=1))

    def _payplug_can_book(self):
        """Tell whether Payplug's payments can be booked in this journal, if any."""
        account = self._payplug_inbound_line().payment_account_id
        return bool(self.active and account.reconcile and account.active)

    def _payplug_can_book_refunds(self):
        """Tell whether refunds leave the account in which the payments lie."""
        account = self._payplug_outbound_line().payment_account_id
        is_same = account == self._payplug_inbound_line().payment_account_id
        return self._payplug_can_book() and is_same
