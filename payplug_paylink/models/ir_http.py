"""Requests to this addon's public addresses."""

from werkzeug.exceptions import BadRequest

from odoo import models
from odoo.http import request


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _pre_dispatch(cls, rule, args):
        # EXTEND base: Odoo calls a controller with what stands behind the "?", which
        # fails with a traceback where that names "self"
        result = super()._pre_dispatch(rule, args)
        if rule.rule.startswith("/payplug/") and "self" in request.get_http_params():
            raise BadRequest()
        return result
