"""Whether a mail arrived decides whether its payment link was sent."""

from odoo import models


class MailNotification(models.Model):
    _inherit = "mail.notification"

    def write(self, vals):
        # EXTEND mail: the mail server's answer, a bounce, somebody who cancels it
        result = super().write(vals)
        if "notification_status" in vals:
            queue_sudo = self.env["payplug.sending"].sudo()  # only code writes it
            queue_sudo._judge_before_commit(self.sudo().mail_message_id.ids)
        return result
