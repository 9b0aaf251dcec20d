"""Invoices with a payment link are printed without wkhtmltopdf's pause."""

from odoo import models


class IrActionsReport(models.Model):
    _inherit = "ir.actions.report"

    def _build_wkhtmltopdf_args(self, *args, **options):
        # EXTEND base: nothing of an invoice is drawn by a script, for which Odoo has
        # every print wait a second; an administrator's own delay is kept
        command = super()._build_wkhtmltopdf_args(*args, **options)
        params_sudo = self.env["ir.config_parameter"].sudo()  # as Odoo reads it
        at_once = self.env.context.get("payplug_print_at_once")
        if at_once and not params_sudo.get_param("report.print_delay"):
            command[command.index("--javascript-delay") + 1] = "0"
        return command
