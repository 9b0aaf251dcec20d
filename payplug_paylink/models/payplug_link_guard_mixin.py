"""Who sets the links and refunds of an invoice: this addon's code, and nobody else."""

from odoo import api, models
from odoo.exceptions import AccessError

from .. import payment_messages as messages

SET_BY_CODE = {"payplug_link_id", "payplug_link_ids", "payplug_refund_ids"}


class PayplugLinkGuardMixin(models.AbstractModel):
    """The invoice, and what has its fields by ``_inherits``.

    `readonly` guards the screen only. Everything that follows a link or a refund does
    so in sudo, so only this addon's own code, in sudo too, may set one.
    """

    _name = "payplug.link.guard.mixin"
    _description = "Links set by code alone"

    @api.model
    def default_get(self, fields):
        # EXTEND base: not by a context, nor by a user's own default values, which Odoo
        # fills in for code in sudo, too
        return super().default_get([name for name in fields if name not in SET_BY_CODE])

    @api.model_create_multi
    def create(self, vals_list):
        # EXTEND base
        self._check_payplug_link_is_not_set(set().union(*vals_list))
        return super().create(vals_list)

    def write(self, vals):
        # EXTEND base; not `_has_field_access`, which reading calls for every value
        self._check_payplug_link_is_not_set(vals)
        return super().write(vals)

    def _update_cache(self, values, validate=True):
        # EXTEND base: by an onchange, whose form may show them: what it says of them
        # is not looked at
        if not self.env.su:
            values = {key: values[key] for key in values if key not in SET_BY_CODE}
        return super()._update_cache(values, validate)

    def update(self, values):
        # EXTEND base: by an onchange of another record that shows this one
        self._check_payplug_link_is_not_set(values)
        return super().update(values)

    def _check_payplug_link_is_not_set(self, names):
        # A row names its document, never the other way round: not in sudo either, in
        # which Odoo creates what the default values of a journal's address say.
        found = SET_BY_CODE.intersection(names)
        if found - {"payplug_link_id"} or (found and not self.env.su):
            raise AccessError(self.env._(messages.LINK_SET_BY_CODE))
