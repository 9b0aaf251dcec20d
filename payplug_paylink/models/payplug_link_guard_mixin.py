"""Who sets the link that an invoice shows: this addon's code, and nobody else."""

from odoo import models

SET_BY_CODE = {"payplug_link_id", "payplug_link_ids"}


class PayplugLinkGuardMixin(models.AbstractModel):
    """The invoice, and what has its fields by ``_inherits``.

    `readonly` guards the screen only. Everything that follows a link does so in sudo,
    so only this addon's own code, in sudo too, may set one.
    """

    _name = "payplug.link.guard.mixin"
    _description = "Links set by code alone"

    def _has_field_access(self, field, operation):
        # EXTEND base: by write, create, import
        if field.name in SET_BY_CODE and operation == "write" and not self.env.su:
            return False
        return super()._has_field_access(field, operation)

    def _update_cache(self, values, validate=True):
        # EXTEND base: by an onchange
        self._check_payplug_link_is_not_set(values)
        return super()._update_cache(values, validate)

    def update(self, values):
        # EXTEND base: by an onchange of another record that shows this one
        self._check_payplug_link_is_not_set(values)
        return super().update(values)

    def _check_payplug_link_is_not_set(self, values):
        for name in SET_BY_CODE.intersection(values):
            self._check_field_access(self._fields[name], "write")
