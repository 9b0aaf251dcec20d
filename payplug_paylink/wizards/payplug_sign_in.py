"""The window that exchanges the portal's credentials for the account's secret keys."""

from odoo import fields, models

from .. import payment_messages as messages
from ..models.res_company import with_deadline
from ..payment_messages import user_error
from ..payplug_api import PayplugClient
from ..payplug_remote import PayplugError, PayplugRejected


class PayplugSignIn(models.TransientModel):
    _name = "payplug.sign.in"
    _description = "Sign in to Payplug"

    company_id = fields.Many2one(
        "res.company",
        required=True,
        ondelete="cascade",
        default=lambda self: self.env.company,
    )
    email = fields.Char(string="E-mail")
    # Not a column, not even for a moment: the button carries it in its context, as
    # Odoo's own password check does. Payplug forbids to store it.
    password = fields.Char(store=False)

    def action_sign_in(self):
        """Fetch the secret keys, store them and switch Payplug on.

        The password comes in the context key ``payplug_password``.

        :raise UserError: if the credentials are wrong or Payplug is silent; the stored
            keys are then kept
        """
        self.ensure_one()
        self.company_id.check_access("write")
        company = with_deadline(self.company_id._payplug_root())
        keys = self._fetch_keys(company)
        company.write({**self._prepare_keys(company, keys), "payplug_enabled": True})
        company._payplug_check_live_key()
        settings = company.env["res.config.settings"].with_company(company).create({})
        return settings.action_payplug_test_connection()

    def _prepare_keys(self, company, keys):
        """Return the keys to store; those of two accounts never stand together."""
        known = company.payplug_test_key, company.payplug_live_key
        is_same = not keys.test or not known[0] or keys.test == known[0]
        kept = known if is_same else (False, False)
        return {
            "payplug_test_key": keys.test or kept[0],
            "payplug_live_key": keys.live or kept[1],
        }

    def _fetch_keys(self, company):
        password = self.env.context.get("payplug_password")
        if not self.email or not password or not isinstance(password, str):
            raise user_error(self.env, messages.SIGN_IN_INCOMPLETE)
        try:
            return PayplugClient.fetch_keys(
                self.email.strip(),
                password,
                company._payplug_api_url(),
                company.env.context["payplug_deadline"],
            )
        except PayplugRejected as error:
            message, reason = messages.SIGN_IN_REFUSED, error.reason
            raise user_error(self.env, message, reason=reason) from error
        except PayplugError as error:
            raise company._payplug_user_error(error) from error
