"""Secrets in the database."""

from odoo import fields

from . import payment_messages as messages
from .payment_messages import user_error


class WholeChar(fields.Char):
    """A secret text that a search finds whole, or not at all.

    A field's groups do not suffice: some of Odoo's own searches follow in sudo the path
    that a user names, and a search by one letter after the other would spell it.
    """

    def condition_to_sql(self, field_expr, operator, value, model, alias, query):
        if operator not in ("in", "not in"):
            name = self._description_string(model.env)
            raise user_error(model.env, messages.SEARCH_WHOLE, field=name)
        return super().condition_to_sql(
            field_expr, operator, value, model, alias, query
        )
