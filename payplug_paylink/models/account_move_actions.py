"""The buttons of the invoice, and what they open."""

from odoo import models

from ..payplug_remote import PayplugError, PayplugUnavailable
from .res_company_client import in_a_hurry

PORTAL_URL = "https://portal.payplug.com/"


class AccountMove(models.Model):
    _inherit = "account.move"

    def action_payplug_send_link(self):
        """Make or reuse the payment link, then open Odoo's Send window with it.

        Of several, open the window that sends them in the background.

        :raise UserError: if a condition is not met, or Payplug is silent or refuses
        """
        self.check_access("write")
        if len(self) != 1:
            return self.env["payplug.send.links"]._open(self)
        self._payplug_check_conditions()
        links = in_a_hurry(self.env["payplug.payment.link"], payplug_waits=True)
        before_sudo = self.sudo()._payplug_open_link()  # links are for machines
        was_pending = before_sudo.state == "pending"
        try:
            link_sudo = links._request(self)
        except PayplugError as error:
            if was_pending and before_sudo.state != "pending":
                return self._payplug_withdrawn_notification(error)
            raise self.company_id._payplug_user_error(error) from error
        if link_sudo.problem:
            return self._payplug_problem_notification(link_sudo)
        if link_sudo.state == "paid":
            return self._payplug_notification(
                self.env._("Already paid"),
                self.env._(
                    "Payplug says that the customer has paid %(invoice)s. No new link "
                    "was made.",
                    invoice=self.display_name,
                ),
            )
        return self._payplug_send_window()

    def _payplug_send_window(self):
        """Open Odoo's Send window with our template, by e-mail.

        The channel is named because customers set to another one would get no mail.
        """
        action = self.action_send_and_print()
        action["context"]["default_sending_methods"] = ["email"]
        template = self.env["account.move"]._payplug_template()
        if template:
            action["context"]["default_template_id"] = template.id
        return action

    def _payplug_template(self):
        """Return our template; empty if somebody has deleted it."""
        template = self.env.ref(
            "payplug_paylink.mail_template_payment_link", raise_if_not_found=False
        )
        return template or self.env["mail.template"]

    def _payplug_notification(self, title, message):
        """Return the action that shows a message and loads the form again."""
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "title": title,
                "message": message,
                "type": "info",
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def _payplug_withdrawn_notification(self, error):
        """Tell that the earlier link has ended and there is no new one, which stays."""
        return self._payplug_notification(
            self.env._("No new link yet"),
            self.env._(
                "The earlier link of %(invoice)s is at its end, and no new one could "
                "be made (%(why)s). Send it again in a few minutes.",
                invoice=self.display_name,
                why=error.details or self.company_id._payplug_reason(error),
            ),
        )

    def _payplug_problem_notification(self, link_sudo):
        return self._payplug_notification(
            self.env._("Nothing was done"), link_sudo._problem_sentence()
        )

    def action_payplug_refresh(self):
        """Ask Payplug how the invoice's link stands.

        :raise UserError: if Payplug is silent or refuses
        """
        self.check_access("write")
        for link_sudo in self._payplug_link_in_hand_sudo():
            try:
                link_sudo._refresh()
            except PayplugError as error:
                raise link_sudo.company_id._payplug_user_error(error) from error

    def _payplug_link_in_hand_sudo(self):
        """Return the link that a button concerns, in sudo: machines write links."""
        self.ensure_one()
        link_sudo = self.sudo()._payplug_open_link()
        return in_a_hurry(link_sudo, payplug_waits=True)

    def action_payplug_cancel_link(self):
        """Make the link unpayable: on the spot, or as soon as Payplug answers.

        :raise UserError: if money may be on its way, or the link is not ours to end
        """
        self.check_access("write")
        for link_sudo in self._payplug_link_in_hand_sudo():
            if link_sudo.state != "pending":  # on a form that is out of date
                return None
            link_sudo.to_cancel = True
            try:
                link_sudo._withdraw()
                if link_sudo.problem:
                    return self._payplug_problem_notification(link_sudo)
            except PayplugUnavailable:
                link_sudo._trigger_cron()
                return self._payplug_notification(
                    self.env._("Payplug does not answer"),
                    self.env._(
                        "The link will be cancelled as soon as it does. Until then it "
                        "may still be paid."
                    ),
                )
            except PayplugError as error:
                raise link_sudo.company_id._payplug_user_error(error) from error
        return None

    def action_payplug_close_link(self):
        """Close a link that cannot be followed, so that a new one can be made.

        Payplug is asked to abort it all the same, whatever it answers.
        """
        self.check_access("write")
        link_sudo = self._payplug_link_in_hand_sudo()
        if link_sudo.problem and link_sudo.state == "pending":
            link_sudo._close()

    def action_payplug_open_links(self):
        """Show the links of this invoice."""
        self.env["payplug.payment.link"].check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "payplug_paylink.payplug_payment_link_action"
        )
        return {**action, "domain": [("move_id", "in", self.ids)]}

    def action_payplug_open_portal(self):
        """Open Payplug's own site, where the merchant sees the payments."""
        self.env["payplug.payment.link"].check_access("read")
        return {"type": "ir.actions.act_url", "url": PORTAL_URL, "target": "new"}
