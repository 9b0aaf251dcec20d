"""The conditions: may this invoice be paid by a link, and if not, why not."""

from odoo import models
from odoo.tools import format_date, format_list

from ..confidential import ConfidentialUserError
from ..payplug_remote import to_cents


class AccountMove(models.Model):
    _inherit = "account.move"

    def _payplug_amount_due(self):
        """Return what may be asked of the customer; the only source of it.

        What the customer has paid by a link is not asked again, whether the books know
        it or not.

        :return: in the invoice's currency, 0 if nothing may be asked
        :rtype: float
        """
        due = self._payplug_residual()
        if not due:
            return 0.0  # a form may have no currency yet
        return max(self.currency_id.round(due - self._payplug_paid_ahead()), 0.0)

    def _payplug_paid_ahead(self):
        """Return what was paid by links and does not lower the residual.

        It waits for the books; or it lies there as the customer's credit, because the
        invoice was a draft, say, when it came.

        :return: in the invoice's currency
        :rtype: float
        """
        move_sudo = self.sudo()  # whoever asks what is due
        if not move_sudo.payplug_link_id:
            return 0.0  # spares the usual invoice a query
        return sum(link_sudo._paid_ahead() for link_sudo in move_sudo.payplug_link_ids)

    def _payplug_residual(self):
        """Return what the books say is left to pay by the customer.

        With Odoo's Accounting app a paid invoice may keep its residual while its
        payment is on the way (``in_payment``): the residual alone would ask twice.

        :return: the residual, in the invoice's currency, or 0
        :rtype: float
        """
        self.ensure_one()
        payable = (
            self.move_type == "out_invoice"
            and self.state == "posted"
            and self.payment_state in ("not_paid", "partial")
        )
        return self.amount_residual if payable else 0.0

    def _payplug_links_to_book(self):
        """Return, in sudo, the links that were paid and are not booked yet."""
        move_sudo = self.sudo()  # whoever asks what is due
        if not move_sudo.payplug_link_id:
            return move_sudo.payplug_link_id  # spares the usual invoice a query
        return move_sudo.payplug_link_ids.filtered("to_book")

    def _payplug_open_link(self):
        """Return the link that may still be paid, else the one that the form shows.

        They differ when an earlier link was paid late.
        """
        if not self.payplug_link_id:
            return self.payplug_link_id  # spares the usual invoice a query
        pending = self.payplug_link_ids.filtered(lambda link: link.state == "pending")
        return pending[:1] or self.payplug_link_id

    def _payplug_unmet_conditions(self):
        """Return what keeps this invoice from being paid by a link.

        :return: a sentence for each unmet condition: the value found, what to do
        :rtype: list[str]
        """
        self.ensure_one()
        found = self._payplug_payment_obstacles()
        if self.move_type == "out_invoice":
            found.append(self._payplug_email_obstacle())
        return [sentence for sentence in found if sentence]

    def _payplug_payment_obstacles(self):
        """Return what keeps this invoice from being paid on Payplug's page.

        All conditions but the e-mail address, which is only needed to send.

        :return: as `_payplug_unmet_conditions`
        :rtype: list[str]
        """
        if self.move_type != "out_invoice":
            return [
                self.env._(
                    "It is not a customer invoice but another document (%(found)s): "
                    "select customer invoices only.",
                    found=self._payplug_label("move_type"),
                )
            ]
        found = [
            self._payplug_state_obstacle(),
            self._payplug_currency_obstacle(),
            self.company_id._payplug_obstacle(),
            self._payplug_amount_obstacle(),
            self._payplug_due_date_obstacle(),
        ]
        return [sentence for sentence in found if sentence]

    def _payplug_check_conditions(self):
        """Check that the invoice may be paid by a link.

        :raise UserError: naming every unmet condition
        """
        unmet = self._payplug_unmet_conditions()
        if unmet:
            raise ConfidentialUserError(
                self.env._(
                    "No payment link can be sent for %(invoice)s:\n%(reasons)s",
                    invoice=self.display_name,
                    reasons="\n".join(f"• {sentence}" for sentence in unmet),
                )
            )

    def _payplug_label(self, name):
        """Return the words for the value of a selection field."""
        return dict(self._fields[name]._description_selection(self.env))[self[name]]

    def _payplug_state_obstacle(self):
        if self.state == "cancel":
            return self.env._(
                "It is not validated (%(found)s): reset it to draft and confirm it, if "
                "it shall be paid.",
                found=self._payplug_label("state"),
            )
        if self.state != "posted":
            return self.env._(
                "It is not validated (%(found)s): confirm it first.",
                found=self._payplug_label("state"),
            )
        if self._payplug_links_to_book() and not self._payplug_amount_due():
            return self.env._(
                "The customer has paid it on Payplug (%(payment)s), and the payment is "
                "not booked yet: see to the Payplug journal, no link is needed.",
                payment=self.sudo().payment_id,
            )
        if self._payplug_residual() and not self._payplug_amount_due():
            return self.env._(
                "The customer has paid it on Payplug (%(payment)s), which the books "
                "show as his credit: reconcile it with the invoice, no link is needed.",
                payment=self.sudo().payment_id,
            )
        if not self._payplug_amount_due():
            return self.env._(
                "Nothing is left to pay on it (%(found)s): no link is needed.",
                found=self._payplug_label("payment_state"),
            )
        return ""

    def _payplug_currency_obstacle(self):
        currencies = self.company_id.currency_id | self.currency_id
        foreign = currencies.filtered(lambda currency: currency.name != "EUR")
        if not foreign:
            return ""
        return self.env._(
            "Payplug takes euros only; the invoice is in %(invoice)s and the company "
            "%(company)s keeps its books in %(books)s: have it paid another way.",
            invoice=self.currency_id.name,
            company=self.company_id.name,
            books=self.company_id.currency_id.name,
        )

    def _payplug_email_obstacle(self):
        if not self.partner_id.has_access("read"):
            return self.env._(
                "You may not read its contact, to whom the mail would go: ask an "
                "administrator for that right."
            )
        if self.partner_id._payplug_email():
            return ""
        return self.env._(
            "The contact %(contact)s has no valid e-mail address (%(found)s): write "
            "one on the contact.",
            contact=self.partner_id.display_name or self.env._("of the invoice"),
            found=self.partner_id.email or self.env._("none"),
        )

    def _payplug_amount_obstacle(self):
        draft = self.state == "draft"
        amount = self.amount_total if draft else self._payplug_amount_due()
        if self.currency_id.name != "EUR" or not (draft or amount):
            return ""  # told by another condition
        minimum, maximum = self.company_id._payplug_limits()
        if minimum <= to_cents(amount) <= maximum:
            return ""
        return self.env._(
            "The amount due is %(found)s; Payplug takes %(limits)s: have it paid "
            "another way.",
            found=self.currency_id.format(amount),
            limits=self.company_id._payplug_limits_text(),
        )

    def _payplug_due_date_obstacle(self):
        terms = self.line_ids.filtered(lambda line: line.display_type == "payment_term")
        dates = sorted(set(terms.mapped("date_maturity")) - {False})
        if len(dates) < 2:
            return ""
        return self.env._(
            "It has %(count)s due dates (%(dates)s), a link has one: choose payment "
            "terms with a single due date.",
            count=len(dates),
            dates=format_list(self.env, [format_date(self.env, day) for day in dates]),
        )
