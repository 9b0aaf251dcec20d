"""The customer's portal: account_payment's *Pay overdue*, beside Payplug."""

from odoo import http
from odoo.fields import Domain
from odoo.http import request

from odoo.addons.account.controllers.portal import PortalAccount

OVERDUE_PAGE = "/my/invoices/overdue"


class PayplugPortal(PortalAccount):
    @http.route()
    def home(self, **kw):
        # EXTEND portal: no dead button on the alert of what is to pay
        response = super().home(**kw)
        response.qcontext["payplug_bars_pay_overdue"] = self._payplug_bars_pay_overdue()
        return response

    def _prepare_my_invoices_values(self, *args, **kwargs):
        # EXTEND account: no dead button above the list. Only it looks at the count
        values = super()._prepare_my_invoices_values(*args, **kwargs)
        if values.get("overdue_invoice_count") and self._payplug_bars_pay_overdue():
            values["overdue_invoice_count"] = 0
        return values

    def _get_overdue_invoices_domain(self, partner_id=None):
        # EXTEND account: what is under way through Payplug is not asked for again
        domain = super()._get_overdue_invoices_domain(partner_id)
        moves_sudo = request.env["account.move"].sudo()  # only code writes links
        if not moves_sudo._payplug_has_native_payment():
            return domain
        found_sudo = moves_sudo.search([*domain, ("payplug_link_id", "!=", False)])
        under_way_sudo = found_sudo.filtered(lambda move: move._payplug_is_under_way())
        domain = [*domain, ("id", "not in", under_way_sudo.ids)]
        if request.httprequest.path.endswith(OVERDUE_PAGE) and self._is_barred(domain):
            # Nothing to show there leads to the list, where each invoice has a button.
            # By the path: account_payment's methods for this page call no `super`, and
            # which of two addons' controllers comes first is not for us to say.
            return Domain.FALSE
        return domain

    def _payplug_bars_pay_overdue(self):
        """Tell whether *Pay overdue* would be a dead button for this visitor."""
        moves = request.env["account.move"]
        return (
            moves._payplug_has_native_payment()
            and moves.has_access("read")
            and self._is_barred(self._get_overdue_invoices_domain())
        )

    def _is_barred(self, domain):
        return request.env["account.move"].search(domain)._payplug_bars_pay_overdue()
