"""One account at a time: keys, limits and name are those of whoever signed in."""

from odoo.tests import tagged

from .common import PayplugCommon


@tagged("post_install", "-at_install")
class TestConnection(PayplugCommon):
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

    def _sign_in(self, account):
        window = self.env["payplug.sign.in"].create(
            {"company_id": self.company.id, "email": account.email}
        )
        return window.with_context(payplug_password=account.password).action_sign_in()

    def _test_connection(self):
        settings = self.env["res.config.settings"].create({})
        return settings.action_payplug_test_connection()["params"]

    def assertLimits(self, min_cents, max_cents):
        self.assertRecordValues(
            self.company,
            [{"payplug_min_cents": min_cents, "payplug_max_cents": max_cents}],
        )

    def test_signing_in_to_another_account_removes_the_live_key_of_the_first(self):
        self.assertTrue(self.company.payplug_live_key)
        self._sign_in(self.other_account)
        self.assertEqual(self.company.payplug_test_key, self.other_account.test_key)
        self.assertFalse(self.company.payplug_live_key)

    def test_signing_in_to_the_same_account_keeps_a_live_key_it_does_not_tell(self):
        self._lie(secret_keys={"live": None})
        self._sign_in(self.account)
        self.assertEqual(self.company.payplug_live_key, self.account.live_key)

    def test_signing_in_takes_over_limits_and_name_of_the_account(self):
        self._sign_in(self.other_account)
        self.assertLimits(30, 1_500_000)
        self.assertEqual(self.company.payplug_account_name, self.other_account.id)

    def test_live_key_that_is_typed_in_test_mode_changes_no_limits(self):
        live_account = self.payplug.add_account(
            name="Gaumont", min_cents=500, max_cents=600
        )
        self._test_connection()
        self.assertLimits(99, 2_000_000)
        self.env["res.config.settings"].create(
            {"payplug_live_key": live_account.live_key}
        )
        self.assertEqual(self.company.payplug_live_key, live_account.live_key)
        self.assertLimits(99, 2_000_000)
        self.assertEqual(self.company.payplug_account_name, self.account.id)

    def test_key_that_is_typed_in_its_own_mode_changes_the_limits(self):
        self.env["res.config.settings"].create(
            {"payplug_test_key": self.other_account.test_key}
        )
        self.assertLimits(30, 1_500_000)

    def test_connection_test_says_whether_live_payments_are_allowed(self):
        for allowed, kind, words in [
            (True, "success", "Live payments are allowed."),
            (False, "warning", "does not allow this account to take live payments yet"),
            (None, "success", "does not say whether this account may take live"),
        ]:
            with self.subTest(allowed=allowed):
                self._lie(permissions={"use_live_mode": allowed})
                params = self._test_connection()
                self.assertEqual(params["type"], kind)
                self.assertIn(words, params["message"])

    def test_connection_test_names_mode_and_account(self):
        for mode, words in [("test", "(test mode)"), ("live", "(live)")]:
            with self.subTest(mode=mode):
                self.company.payplug_mode = mode
                title = self._test_connection()["title"]
                self.assertIn(words, title)
                self.assertIn(self.account.id, title)
