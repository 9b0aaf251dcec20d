from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Name the template and the print model of what waits: empty now means deleted."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    usual = env["account.move.send"]._get_default_pdf_report_id
    for row in env["payplug.sending"].search([("state", "=", "waiting")]):
        template = row.template_id or row.move_id._payplug_template()
        report = row.pdf_report_id or usual(row.move_id)
        row.write({"template_id": template.id, "pdf_report_id": report.id})
