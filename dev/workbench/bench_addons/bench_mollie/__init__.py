"""What Odoo's own Mollie needs to be measured without Mollie.

Nothing of its work is replaced: only the address of its API, which is fixed in
`payment_mollie`, becomes a system parameter; and its scheduled action, which comes by
every ten minutes, can be called.
"""

import time

from odoo import SUPERUSER_ID, http, models
from odoo.http import request
from odoo.tools import urls

PARAMETER = "bench_mollie.api_url"


class PaymentProvider(models.Model):
    _inherit = "payment.provider"

    def _build_request_url(self, endpoint, **kwargs):
        # OVERRIDE payment_mollie
        if self.code != "mollie":
            return super()._build_request_url(endpoint, **kwargs)
        base = self.env["ir.config_parameter"].sudo().get_param(PARAMETER)
        return urls.urljoin(base, endpoint.strip("/"))


class BenchMollie(http.Controller):
    @http.route(
        "/bench/post_process",
        type="http",
        auth="public",
        methods=["POST"],
        csrf=False,
        save_session=False,
    )
    def post_process(self):
        """Do what the scheduled action does; tell its seconds, commit included."""
        started = time.perf_counter()
        request.env["payment.transaction"].sudo().with_user(
            SUPERUSER_ID
        )._cron_post_process()
        return str(time.perf_counter() - started)
