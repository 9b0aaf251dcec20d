"""Every mail with a payment link is recorded, whoever sends it."""

from odoo import models

from .. import payment_messages as messages
from ..payment_messages import user_error


class AccountMoveSend(models.AbstractModel):
    _inherit = "account.move.send"

    def _send_mail(self, move, mail_template, **kwargs):
        # EXTEND account
        known = move.message_ids
        holds_link = move._payplug_holds_link(kwargs.get("subject"), kwargs.get("body"))
        if self.env.context.get("payplug_link_required") and not holds_link:
            name = mail_template.display_name
            raise user_error(self.env, messages.TEMPLATE_WITHOUT_LINK, name=name)
        result = super()._send_mail(move, mail_template, **kwargs)
        if holds_link:
            queue_sudo = self.env["payplug.sending"].sudo()  # only code writes it
            new = (move.message_ids - known).filtered(
                lambda one: move._payplug_holds_link(one.subject, one.body)
            )
            queue_sudo._store_mail(move, new[:1], mail_template)
        return result
