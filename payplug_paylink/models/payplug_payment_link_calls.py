"""Calls for help: activities for what only a person can settle."""

from odoo import SUPERUSER_ID, models
from odoo.exceptions import UserError


class PayplugPaymentLink(models.Model):
    _inherit = "payplug.payment.link"

    def _ask_to_book(self, refusal):
        """Call the accountant, once: the hourly attempts go on by themselves.

        :param Exception refusal: what kept the payment from being booked
        """
        if self.to_book_activity_id:
            return
        self._tell_unbooked()
        self.to_book_activity_id = self._call(
            self.env._("Payplug payment to book"),
            self.env._(
                "%(payment)s (%(amount)s) was paid on Payplug on %(date)s and could "
                "not be booked: %(why)s Odoo tries again every hour.",
                why=refusal.args[0]
                if isinstance(refusal, UserError)
                else self.env._("check the Payplug journal and its accounts."),
                **self._names(),
            ),
        )

    def _end_call_to_book(self):
        """Close what `_ask_to_book` opened: there is nothing to do any more."""
        self.to_book_activity_id.filtered("active").action_done()

    def _ask_to_refund(self, due):
        """Ask what becomes of money that was not due any more.

        :param float due: what the books asked when it came
        """
        if self.move_id.state == "draft":
            self._ask_to_reconcile()
            return
        self._call(
            self.env._("Paid twice: refund?"),
            self.env._(
                "%(payment)s brought %(amount)s by Payplug when %(due)s was due. The "
                "surplus is the customer's credit: refund it, or keep it for another "
                "invoice.",
                due=self.currency_id.format(due),
                **self._names(),
            ),
        )

    def _ask_to_reconcile(self):
        """Ask what becomes of money that came for an invoice while it was a draft."""
        self._call(
            self.env._("Paid while a draft: reconcile or refund?"),
            self.env._(
                "%(payment)s brought %(amount)s by Payplug while the invoice was reset "
                "to draft. It is the customer's credit: reconcile it when the invoice "
                "is confirmed again, or refund it.",
                **self._names(),
            ),
        )

    def _ask_to_book_refund(self):
        """Ask for the entry of a refund that was made in Payplug's portal."""
        self._call(
            self.env._("Refunded on Payplug: book the refund"),
            self.env._(
                "%(refunded)s of %(payment)s was refunded on Payplug. The payment is "
                "booked in full: book the refund too.",
                refunded=self.currency_id.format(self.amount_refunded),
                **self._names(),
            ),
        )

    def _ask_about_mismatch(self):
        """Ask to compare with Payplug what does not fit."""
        self._call(
            self.env._("Payplug speaks of another payment"),
            self.env._(
                "Payplug's answer about %(payment)s has another amount, currency or "
                "mode than the link of %(amount)s. Nothing was booked: compare with "
                "Payplug's portal.",
                **self._names(),
            ),
        )

    def _call(self, summary, note):
        """Give somebody something to do, where he will look for it; return it.

        With an explicit user: the public user of a notification has no activities.
        """
        return self._place_of_calls().activity_schedule(
            "mail.mail_activity_data_warning",
            summary=summary,
            note=note,
            user_id=self._accountant().id,
        )

    def _place_of_calls(self):
        """Return the record on which people look: the invoice, if it still exists."""
        record = self.move_id or self.account_payment_id or self.partner_id
        return (record or self.company_id.partner_id).with_user(SUPERUSER_ID)

    def _for_accountant(self):
        """Return the link as OdooBot in its company alone, in the accountant's tongue.

        Whoever brings the news: the public user of a notification is no bookkeeper,
        and the companies that a user has ticked are not where this money belongs.
        """
        link = self.with_user(SUPERUSER_ID).with_context(
            allowed_company_ids=self.company_id.ids
        )
        return link.with_context(lang=link._accountant().lang, tz=self._booking_zone())

    def _accountant(self):
        """Return the user to call: who made the invoice if he bills, else a manager."""
        seller = self.move_id.invoice_user_id
        return (
            seller.filtered(self._may_bill)
            or self._members("account.group_account_manager")
            or self._members("account.group_account_invoice")
            or self.env.ref("base.user_admin")
        )

    def _members(self, group):
        """Return the first user of the company who is in a group."""
        return self.env.ref(group).all_user_ids.filtered(self._may_bill)[:1]

    def _may_bill(self, user):
        """Tell whether a user is there, and may handle invoices of this company."""
        return (
            user.active
            and self.company_id in user.company_ids
            and user.has_group("account.group_account_invoice")
        )
