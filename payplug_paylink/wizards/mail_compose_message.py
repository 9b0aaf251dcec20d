"""Odoo's window to write a message, on an invoice and with a template."""

from odoo import models

CHECKED = {"account.move", "payplug.payment.link", "payplug.refund", "payplug.sending"}


class MailComposeMessage(models.TransientModel):
    _inherit = "mail.compose.message"

    def _set_value_from_template(self, template_fname, composer_fname=False):
        # EXTEND mail
        self._payplug_check_reader(self._evaluate_res_ids())
        return super()._set_value_from_template(template_fname, composer_fname)

    def _generate_template_for_composer(self, res_ids, *args, **options):
        # EXTEND mail
        self._payplug_check_reader(res_ids)
        return super()._generate_template_for_composer(res_ids, *args, **options)

    def _payplug_check_reader(self, res_ids):
        """Check the user's right on these records: stored fields are rendered in sudo.

        Payment links are not for everyone. A template renders records of its own model
        in a window of any other one, too.
        """
        for name in CHECKED.intersection((self.model, self.template_id.model)):
            records = self.env[name].browse(filter(None, res_ids or ()))
            records.with_user(self.env.user).check_access("read")
