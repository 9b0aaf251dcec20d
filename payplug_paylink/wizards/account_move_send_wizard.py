"""Odoo's Send window, beside the queue of payment links and with our template."""

from odoo import api, fields, models

from .. import payment_messages as messages
from ..payment_messages import text, user_error


class AccountMoveSendWizard(models.TransientModel):
    _inherit = "account.move.send.wizard"

    payplug_with_link = fields.Boolean(
        "Opened to send a payment link", help="Then a mail without one is warned of."
    )
    payplug_seen_at = fields.Datetime(
        string="Sent when opened",
        compute="_compute_payplug_seen_at",
        store=True,
        readonly=False,
        help="When the link had last been sent, as this window opened.",
    )

    @api.depends("move_id")
    def _compute_payplug_seen_at(self):
        for wizard in self:
            # stored fields are computed in sudo
            move = wizard.move_id._origin.with_user(self.env.user)
            move = move._filtered_access("read")
            wizard.payplug_seen_at = move._payplug_sendings_sudo().sent_at

    @api.depends("template_id", "subject", "body", "payplug_with_link")
    def _compute_alerts(self):
        # EXTEND account
        result = super()._compute_alerts()
        template = self.env["account.move"]._payplug_template()
        for wizard in self.filtered(lambda wizard: wizard._payplug_mails()):
            if wizard._payplug_mails_link():
                wizard._payplug_add_alert("credit", wizard._payplug_credit_text())
            elif wizard.payplug_with_link or wizard.template_id & template:
                wizard._payplug_add_alert("no_link", wizard._payplug_no_link_text())
        return result

    def _payplug_add_alert(self, name, message):
        if message:
            alert = {"level": "warning", "message": message}
            self.alerts = {**(self.alerts or {}), f"payplug_{name}": alert}

    def _payplug_credit_text(self):
        """Return what the customer has as an open credit, "" for none."""
        move = self.move_id
        found = move.invoice_outstanding_credits_debits_widget or {}
        credit = sum(line["amount"] for line in found.get("content", ()))
        if not credit:
            return ""
        return text(
            self.env,
            messages.CUSTOMER_CREDIT,
            customer=move.commercial_partner_id.display_name,
            credit=move.currency_id.format(credit),
            due=move.currency_id.format(move.payment_link_amount),
        )

    def _get_mail_default_field_value_from_template(
        self, mail_template, lang, move, field, **kwargs
    ):
        # EXTEND account
        self._payplug_check_reader(move, mail_template)
        return super()._get_mail_default_field_value_from_template(
            mail_template, lang, move, field, **kwargs
        )

    def _get_default_mail_lang(self, move, mail_template):
        # EXTEND account: a template finds the language by what it reads of an invoice
        self._payplug_check_reader(move, mail_template)
        return super()._get_default_mail_lang(move, mail_template)

    def _payplug_check_reader(self, move, template):
        """Check the user's right: Odoo renders in sudo the invoice that it is given.

        Its payment link is not for everyone. An onchange gives a new record of it,
        which Odoo does not check: its origin is.
        """
        move._origin.with_user(self.env.user).check_access("read")
        if template and template.model != move._name:  # it would show another record
            name = template.display_name
            raise user_error(self.env, messages.NOT_FOR_INVOICES, name=name)

    def _payplug_no_link_text(self):
        """Return why the mail would have no link, and what to do."""
        name, url = self.move_id.display_name, self.move_id.payment_link
        if url:
            return text(self.env, messages.TEXT_WITHOUT_LINK, url=url)
        return text(self.env, messages.MAIL_WITHOUT_LINK, invoice=name)

    def _payplug_mails(self):
        return "email" in (self.sending_methods or [])

    def _payplug_mails_link(self):
        """Tell whether a mail leaves that leads to where the invoice is paid.

        Any template may hold the link, and any text that is typed here.
        """
        holds_link = self.move_id._payplug_holds_link(self.subject, self.body)
        return self._payplug_mails() and holds_link

    def action_send_and_print(self, allow_fallback_pdf=False):
        # EXTEND account: what is sent here is not sent in the background, too
        self.move_id.check_access("write")
        by_hand = self.filtered(lambda wizard: wizard._payplug_mails_link())
        by_hand._payplug_leave_queue()
        for wizard in by_hand:
            if not wizard.mail_partner_ids.filtered("active"):  # Odoo would say nothing
                raise user_error(self.env, messages.NOBODY_TO_MAIL)
        wizard = self.with_context(payplug_print_at_once=True) if by_hand else self
        return super(AccountMoveSendWizard, wizard).action_send_and_print(
            allow_fallback_pdf=allow_fallback_pdf
        )

    def _payplug_leave_queue(self):
        """Lock the row; refuse what is being sent, or was since this window opened."""
        for wizard in self:
            sending_sudo = wizard.move_id._payplug_sendings_sudo()
            was_sent = sending_sudo.sent_at != wizard.payplug_seen_at
            if sending_sudo and (was_sent or not sending_sudo.try_lock_for_update()):
                name = wizard.move_id.display_name
                raise user_error(wizard.env, messages.SENT_MEANWHILE, invoice=name)
