"""The line of a statement, which has the fields of its entry."""

from odoo import models


class AccountBankStatementLine(models.Model):
    _name = "account.bank.statement.line"
    _inherit = ["account.bank.statement.line", "payplug.link.guard.mixin"]
