"""For the settings: a second account at Payplug, with other limits."""

from .common import PayplugCommon


class SettingsCommon(PayplugCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other_account = cls.payplug.add_account(
            name="Méliès SAS",
            live_allowed=False,
            min_cents=30,
            max_cents=1_500_000,
            email="georges@example.com",
            password="moon-1902",
        )

    def _settings(self):
        return self.env["res.config.settings"].create({})

    def _sign_in(self, email, password):
        """Sign in through the window; return the notification that it shows."""
        action = self._settings().action_payplug_sign_in()
        window = self.env[action["res_model"]].browse(action["res_id"])
        window.email = email
        return window.with_context(payplug_password=password).action_sign_in()
