"""What a search of attachments tells of other records."""

from odoo import api, models
from odoo.fields import Domain


class IrAttachment(models.Model):
    _inherit = "ir.attachment"

    @api.model
    def _search(
        self,
        domain,
        offset=0,
        limit=None,
        order=None,
        *,
        active_test=True,
        bypass_access=False,
    ):
        # EXTEND base: Odoo follows the paths of a user's domain in sudo; one that leads
        # to mails would spell the address of a pay page, letter by letter
        if not (self.env.su or bypass_access):
            domain = Domain(domain).optimize(self).map_conditions(self._with_own_rights)
        return super()._search(
            domain,
            offset,
            limit,
            order,
            active_test=active_test,
            bypass_access=bypass_access,
        )

    def _with_own_rights(self, condition):
        """Return the condition with the other records that the user may search."""
        if condition.operator not in ("any", "not any"):
            return condition
        field = self._fields[condition.field_expr]
        others = self.env[field.comodel_name]._search(condition.value)
        operator = {"any": "in", "not any": "not in"}[condition.operator]
        return Domain(condition.field_expr, operator, others)
