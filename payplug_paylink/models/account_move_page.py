"""The stable page of an invoice: always current, the same address as long as it lives.

Everything here is a question, answered from what Odoo knows; only
`_payplug_start_payment`, which the page's button calls, asks Payplug.
"""

from datetime import timedelta

from markupsafe import escape

from odoo import SUPERUSER_ID, fields, models

from .res_company_client import in_a_hurry


class AccountMove(models.Model):
    _inherit = "account.move"

    def _payplug_page_url(self):
        """Return the absolute address of this invoice's stable page (design 7)."""
        return self.company_id.get_base_url() + self._payplug_page_path()

    def _payplug_page_path(self):
        """Return the same on whatever host the visitor is: the path alone."""
        self.ensure_one()
        signature = self.env["payplug.payment.link"]._signature("pay", self.id)
        return f"/payplug/pay/{self.id}/{signature}"

    def _payplug_page_state(self):
        """Return what the stable page shows.

        :return: ``payable``; ``refused``, payable after a refused card; ``paid``;
            ``checking``, money may be on its way; ``expired``, and the customer may not
            renew the link; ``closed``, not payable online
        :rtype: str
        """
        self.ensure_one()
        link = self._payplug_open_link()
        if self._payplug_is_settled():
            return "paid"
        if self._payplug_is_being_checked():
            return "checking"
        is_barred = link.to_cancel or (link.state == "pending" and link.problem)
        if is_barred or self._payplug_payment_obstacles():
            return "closed"
        if link.state == "expired" and not self._payplug_may_renew():
            return "expired"
        return "refused" if link.state == "pending" and link.refusal else "payable"

    def _payplug_is_payable(self):
        """Tell, to whoever sees the invoice, whether its stable page takes payments."""
        return self.sudo()._payplug_page_state() in ("payable", "refused")

    def _payplug_may_renew(self):
        """Tell whether customers may make a new link after the old one's end."""
        return self.company_id._payplug_root().payplug_customer_renewal

    def _payplug_is_settled(self):
        """Tell whether the customer has paid, in the books or not yet."""
        if self.state != "posted" or self.move_type != "out_invoice":
            return False
        if self.payment_state in ("paid", "in_payment"):
            return True
        return bool(self._payplug_residual()) and (
            not self._payplug_amount_due() or bool(self._payplug_recorded_link())
        )

    def _payplug_recorded_link(self):
        """Return the link whose payment of all that is due was recorded, not booked.

        A test payment while the company tests; or one whose booking was deleted.
        """
        link = self._payplug_open_link()  # a later one may still be paid
        recorded = (
            link.state == "paid"
            and not (link.account_payment_id or link.to_book)
            and link.is_live == self.company_id._payplug_is_live()
            and link._asks_what_is_due()
        )
        return link if recorded else link.browse()

    def _payplug_is_being_checked(self):
        """Tell whether a payment is under way, by Payplug or by another provider."""
        link = self._payplug_open_link()
        if link.state == "pending" and link.is_being_checked:
            return True
        if not self._payplug_has_native_payment():
            return False
        return any(
            transaction.state in ("pending", "authorized")
            or (transaction.state == "done" and not transaction.is_post_processed)
            for transaction in self.transaction_ids
            if transaction.provider_code not in ("none", "custom")
        )

    def _payplug_paid_on(self):
        """Return the day of the last payment, False if nobody knows it.

        What came by Payplug came at the moment that Payplug tells: its entry may be
        missing yet, or be dated later, where a period is locked.
        """
        entries = self.line_ids.matched_credit_ids.credit_move_id.move_id
        payments = self.matched_payment_ids | entries.origin_payment_id
        links = (
            self.payplug_link_ids.filtered(
                lambda link: link.account_payment_id in payments
            )
            | self._payplug_links_to_book()
            | self._payplug_recorded_link()
        )
        booked = links.account_payment_id
        dates = [link._booking_date() for link in links]
        dates += (payments - booked).mapped("date")
        dates += (entries - booked.move_id).mapped("date")
        return max(dates, default=False)

    def _payplug_start_payment(self):
        """Return the address of Payplug's page for what is due today.

        The pending payment is reused, or a new one made, under the invoice's lock.

        :return: "" if there is nothing to pay there: the stable page tells why
        :raise PayplugError: if Payplug is silent or refuses
        :raise UserError: if an earlier payment is not known to be at its end
        :raise ConcurrencyError: if somebody else is at it
        """
        if not self._payplug_is_payable():
            return ""
        links = in_a_hurry(self.env["payplug.payment.link"], payplug_waits=True)
        link = links._request(self, customer=True)
        # Payplug may have told just now that it examines what was paid there.
        return link.url if link._fits_today() and not link.is_being_checked else ""

    def _payplug_tell_refusal(self, error):
        """Tell the company, once a day, that a customer could not pay and why.

        :param PayplugRejected error: what Payplug said
        """
        # As OdooBot: the visitor is no author, and the line is for the company.
        move = self.with_user(SUPERUSER_ID).with_context(
            lang=self.company_id.partner_id.lang or self.env.lang
        )
        told = move.env._(
            "The customer wanted to pay online and could not. %(why)s",
            why=move.company_id._payplug_explain(error),
        )
        if not move._payplug_was_told_today(told):
            move._message_log(body=told)

    def _payplug_was_told_today(self, told):
        """Tell whether the chatter has had this line for less than a day."""
        since = fields.Datetime.now() - timedelta(days=1)
        lines = self.message_ids.filtered(lambda line: line.date > since)
        return any(escape(told) in (line.body or "") for line in lines)

    def _payplug_page_values(self):
        """Return what the stable page's template needs, as plain values.

        :rtype: dict
        """
        company = self.company_id
        link = self._payplug_open_link()
        amount = self.currency_id.format(self._payplug_amount_due())
        return {
            "state": self._payplug_page_state(),
            "number": self.name if self.name != "/" else "",
            "company": company.name,
            "company_id": company.id,  # for its logo
            "path": self._payplug_page_path(),
            "amount": amount,
            "button": self._payplug_button_label(),
            "due_date": self.invoice_date_due,
            "is_late": self.invoice_date_due
            and self.invoice_date_due < fields.Date.context_today(self),
            "paid_on": self._payplug_paid_on(),
            "is_test": not company._payplug_is_live(),
            "refusal": self.env._(
                "Your last attempt was refused: %(why)s. You can try again, also with "
                "another card.",
                why=link.refusal_text,
            ),
            "email": company.email,
            "phone": company.phone,
        }
