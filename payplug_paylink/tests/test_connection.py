"""One account at a time: keys, limits and name are those of whoever signed in."""

from odoo.tests import tagged

from .common_settings import SettingsCommon


@tagged("post_install", "-at_install", "once")
class TestConnection(SettingsCommon):
    def _sign_in_to(self, account):
        return self._sign_in(account.email, account.password)

    def _test_connection(self):
        return self._settings().action_payplug_test_connection()["params"]

    def _save(self, **values):
        self.env["res.config.settings"].create(values).execute()

    def assertLimits(self, min_cents, max_cents):
        self.assertRecordValues(
            self.company,
            [{"payplug_min_cents": min_cents, "payplug_max_cents": max_cents}],
        )

    def test_signing_in_to_another_account_removes_the_live_key_of_the_first(self):
        self.assertTrue(self.company.payplug_live_key)
        self._sign_in_to(self.other_account)
        self.assertEqual(self.company.payplug_test_key, self.other_account.test_key)
        self.assertFalse(self.company.payplug_live_key)

    def test_signing_in_to_the_same_account_keeps_a_live_key_it_does_not_tell(self):
        self._lie(secret_keys={"live": None})
        self._sign_in_to(self.account)
        self.assertEqual(self.company.payplug_live_key, self.account.live_key)

    def test_signing_in_takes_over_limits_and_name_of_the_account(self):
        self._sign_in_to(self.other_account)
        self.assertLimits(30, 1_500_000)
        self.assertEqual(self.company.payplug_account_name, self.other_account.id)

    def test_live_key_that_is_typed_in_test_mode_changes_no_limits(self):
        live_account = self.payplug.add_account(
            name="Gaumont", min_cents=500, max_cents=600
        )
        self._test_connection()
        self.assertLimits(99, 2_000_000)
        self._save(payplug_live_key=live_account.live_key)
        self.assertEqual(self.company.payplug_live_key, live_account.live_key)
        self.assertLimits(99, 2_000_000)
        self.assertEqual(self.company.payplug_account_name, self.account.id)

    def test_key_that_is_typed_in_its_own_mode_changes_the_limits(self):
        self._save(payplug_test_key=self.other_account.test_key)
        self.assertLimits(30, 1_500_000)

    def test_limits_follow_the_mode_in_whatever_order_it_is_saved(self):
        live = self.payplug.add_account(name="Gaumont", min_cents=700, max_cents=800)
        self._save(payplug_live_key=live.live_key, payplug_mode="live")
        self.assertLimits(700, 800)
        self._save(payplug_mode="test")
        self.assertLimits(99, 2_000_000)
        self._save(payplug_mode="live", payplug_live_key=self.account.live_key)
        self.assertLimits(99, 2_000_000)

    def test_limits_of_another_key_are_forgotten_when_payplug_cannot_be_asked(self):
        self._sign_in_to(self.other_account)
        self.payplug.go_down()
        self.company.payplug_test_key = self.account.test_key
        self._save(payplug_qr_code=True)
        self.assertLimits(100, 2_000_000)
        self.assertFalse(self.company.payplug_account_name)
        self.assertTrue(self.company.payplug_qr_code)

    def test_key_that_payplug_cannot_be_asked_about_is_not_stored(self):
        for fault in ("html", "drop", "empty", "500", "429"):
            with (
                self.subTest(fault=fault),
                self.assertUserError("Nothing was changed: try again"),
                self.env.cr.savepoint(),
            ):
                self.payplug.fail(fault, times=None)
                self._save(payplug_test_key="sk_test_wrong")
        self.assertEqual(self.company.payplug_test_key, self.account.test_key)

    def test_connection_test_is_not_content_with_rubbish(self):
        self._test_connection()
        for fault in ("empty", "null", "html", "bad_utf8"):
            with (
                self.subTest(fault=fault),
                self.assertUserError("Payplug could not be reached"),
            ):
                self.payplug.fail(fault)
                self._test_connection()
        self.assertEqual(self.company.payplug_account_name, self.account.id)

    def test_connection_test_says_whether_live_payments_are_allowed(self):
        self.company.payplug_mode = "live"  # who tests needs none of it
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
