"""R1: connecting a company to Payplug."""

import logging

from odoo.exceptions import ValidationError
from odoo.modules.neutralize import neutralize_database
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .common_settings import SettingsCommon


@tagged("post_install", "-at_install", "once")
class TestSettings(SettingsCommon):
    def test_switching_on_creates_a_journal_with_its_own_outstanding_account(self):
        journal = self.company.payplug_journal_id
        account = journal._payplug_inbound_line().payment_account_id
        common = self.env["account.payment"].with_company(self.company)
        self.assertEqual(journal.type, "bank")
        self.assertTrue(account.reconcile)
        self.assertNotEqual(account, common._get_outstanding_account("inbound"))
        self.assertNotEqual(account, journal.default_account_id)

    def test_switching_on_again_keeps_the_journal(self):
        journal = self.company.payplug_journal_id
        self.company.payplug_enabled = False
        self.company.payplug_enabled = True
        self.assertEqual(self.company.payplug_journal_id, journal)

    def test_switching_on_with_an_unfit_journal_says_what_to_correct(self):
        self.company.payplug_enabled = False
        journal = self.company.payplug_journal_id
        journal._payplug_inbound_line().payment_account_id = False
        with self.assertUserError("outstanding account that allows"):
            self.company.payplug_enabled = True

    def test_signing_in_stores_the_keys_and_the_limits(self):
        self.company.payplug_live_key = False
        notification = self._sign_in("georges@example.com", "moon-1902")
        self.assertRecordValues(
            self.company,
            [
                {
                    "payplug_test_key": self.other_account.test_key,
                    "payplug_live_key": False,
                    "payplug_min_cents": 30,
                    "payplug_max_cents": 1_500_000,
                    "payplug_enabled": True,
                }
            ],
        )
        message = notification["params"]["message"].replace("\N{NO-BREAK SPACE}", " ")
        self.assertIn("1.00 € to 15,000.00 €", message)
        self.assertIn("does not allow this account to take live payments", message)

    def test_wrong_password_changes_nothing_and_says_so(self):
        with self.assertUserError("Nothing was changed"):
            self._sign_in("georges@example.com", "earth")
        self.assertEqual(self.company.payplug_test_key, self.account.test_key)

    def test_missing_password_is_asked_for_and_nothing_is_sent(self):
        with self.assertUserError("Type the e-mail address and the password"):
            self._sign_in("georges@example.com", "")
        self.assertFalse(self.payplug.calls)

    def test_password_is_no_column_and_is_never_logged(self):
        self.env.cr.execute(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_name = 'payplug_sign_in'"
        )
        self.assertNotIn("password", {name for (name,) in self.env.cr.fetchall()})
        with self.assertLogs(level=logging.DEBUG) as logs:
            self._sign_in("georges@example.com", "moon-1902")
        for secret in ("moon-1902", self.other_account.test_key):
            self.assertNotIn(secret, "".join(logs.output))

    def test_password_is_sent_to_payplug_alone_and_only_to_fetch_the_keys(self):
        self._sign_in("georges@example.com", "moon-1902")
        carrying = [
            (call.method, call.path)
            for call in self.payplug.calls
            if "moon-1902" in str(vars(call))
        ]
        self.assertEqual(carrying, [("POST", "/v1/keys")])
        self.assertGreater(len(self.payplug.calls), 1, "others do not")

    def test_keys_are_masked_on_screen(self):
        shown = self._settings().payplug_test_key
        self.assertTrue(shown.startswith("sk_test_•"))
        self.assertNotIn(self.account.test_key[8:-2], shown)

    def test_saving_the_settings_untouched_keeps_the_keys(self):
        with Form(self.env["res.config.settings"]) as settings:
            settings.payplug_book_test_payments = False
        settings.save().execute()
        self.assertEqual(self.company.payplug_test_key, self.account.test_key)
        self.assertEqual(self.company.payplug_live_key, self.account.live_key)

    def test_typed_key_replaces_the_stored_one(self):
        self.env["res.config.settings"].create(
            {"payplug_test_key": f" {self.other_account.test_key} "}
        )
        self.assertEqual(self.company.payplug_test_key, self.other_account.test_key)

    def test_malformed_key_is_refused_by_its_shape(self):
        for key in ("pk_test_abc", "sk_test_", "sk_test_a b", "sk_test_é", "x"):
            with (
                self.subTest(key=key),
                self.assertRaisesRegex(ValidationError, "must start with sk_test_"),
            ):
                self.env["res.config.settings"].create({"payplug_test_key": key})
        self.assertFalse(self.payplug.calls)

    def test_key_of_the_other_mode_is_refused(self):
        test_key, live_key = self.account.test_key, self.account.live_key
        with (
            self.assertRaisesRegex(ValidationError, "a live key .* as the test key"),
            self.env.cr.savepoint(),
        ):
            self.company.payplug_test_key = live_key
        with (
            self.assertRaisesRegex(ValidationError, "a test key .* as the live key"),
            self.env.cr.savepoint(),
        ):
            self.company.payplug_live_key = test_key
        self.assertEqual(self.company.payplug_test_key, test_key)
        self.assertEqual(self.company.payplug_live_key, live_key)

    def test_key_that_payplug_does_not_accept_is_refused_and_the_stored_one_kept(self):
        with (
            self.assertUserError("Nothing was changed"),
            self.env.cr.savepoint(),
        ):
            self.env["res.config.settings"].create({"payplug_test_key": "sk_test_no"})
        self.assertEqual(self.company.payplug_test_key, self.account.test_key)

    def test_connection_test_tells_mode_limits_and_account(self):
        params = self._settings().action_payplug_test_connection()["params"]
        self.assertIn("test mode", params["title"])
        self.assertEqual(params["type"], "success")
        self.assertIn("20,000.00", params["message"])

    def test_connection_test_with_a_dead_key_says_what_to_do(self):
        self.company.payplug_test_key = "sk_test_forgotten"
        with self.assertUserError("sign in to Payplug again"):
            self._settings().action_payplug_test_connection()

    def assertSaveRefused(self, words, company=None, **values):
        """Check that saving these settings is refused, and changes nothing."""
        company = company or self.company
        settings = self.env["res.config.settings"].with_company(company)
        before = [company[name] for name in values]
        with self.assertUserError(words), self.env.cr.savepoint():
            settings.create(values).execute()
        self.env.invalidate_all()
        self.assertEqual([company[name] for name in values], before)

    def test_live_mode_without_a_live_key_is_refused_on_save(self):
        self.company.payplug_live_key = False
        self.assertSaveRefused("has no live key of Payplug", payplug_mode="live")

    def test_live_mode_and_its_key_are_saved_together_in_any_order(self):
        live_key = self.account.live_key
        values = {"payplug_mode": "live", "payplug_live_key": live_key}
        for names in (list(values), list(values)[::-1]):
            with self.subTest(names=names):
                self.company.write({"payplug_mode": "test", "payplug_live_key": False})
                settings = self.env["res.config.settings"]
                settings.create({name: values[name] for name in names}).execute()
                self.assertRecordValues(self.company, [values])

    def test_live_key_stays_while_the_mode_is_live(self):
        self.company.payplug_mode = "live"
        self.assertSaveRefused("choose the test mode", payplug_live_key="")

    def test_live_mode_is_not_left_without_a_key_by_signing_in_elsewhere(self):
        self.company.payplug_mode = "live"
        with self.assertUserError("has no live key"), self.env.cr.savepoint():
            self._sign_in("georges@example.com", "moon-1902")
        self.env.invalidate_all()
        self.assertEqual(self.company.payplug_test_key, self.account.test_key)
        self.assertEqual(self.company.payplug_live_key, self.account.live_key)

    def test_company_that_is_not_in_euros_is_refused_on_save(self):
        company = self.env["res.company"].create(
            {"name": "Dollar Inc.", "currency_id": self.env.ref("base.USD").id}
        )
        self.env.user.company_ids |= company
        words = "Dollar Inc. keeps its books in USD"
        self.assertSaveRefused(words, company=company, payplug_enabled=True)

    def test_connection_names_the_merchant_or_the_number_of_the_account(self):
        self._settings().action_payplug_test_connection()
        said = self._settings().payplug_connection
        self.assertIn(
            f"(test mode): account no.\N{NO-BREAK SPACE}{self.account.id}", said
        )
        self._lie(company_name="Lumière SARL")
        self._settings().action_payplug_test_connection()
        self.assertIn("(test mode): Lumière SARL", self._settings().payplug_connection)
        self.company.payplug_mode = "live"
        self._settings().action_payplug_test_connection()
        self.assertIn("(live): Lumière SARL", self._settings().payplug_connection)

    def test_connection_that_is_missing_or_untried_says_what_to_do(self):
        self._settings().action_payplug_test_connection()
        self.company.payplug_test_key = self.other_account.test_key
        self.assertIn("test the connection", self._settings().payplug_connection)
        self.company.payplug_test_key = False
        said = self._settings().payplug_connection
        self.assertIn("there is no test key. Sign in to Payplug", said)

    def test_company_that_never_had_a_key_is_not_told_that_it_is_gone(self):
        self.company.payplug_test_key = False
        with self.assertUserError("has no test key of Payplug: an administrator"):
            self._settings().action_payplug_test_connection()

    def test_settings_begin_with_the_connection(self):
        view = self.env.ref("account.res_config_settings_view_form")
        arch = self.env["res.config.settings"].get_view(view.id)["arch"]
        shown = ("enabled", "connection", "url", "mode", "test_key", "limits")
        places = [arch.index(f'<field name="payplug_{name}"') for name in shown]
        self.assertEqual(places, sorted(places))

    def test_who_switches_payplug_off_is_told_of_links_that_wait(self):
        settings = self.env["res.config.settings"]
        specification = {"payplug_enabled": {}, "company_id": {}}
        stored = {"company_id": self.company.id}

        def told(is_enabled):
            values = {**stored, "payplug_enabled": is_enabled}
            found = settings.onchange(values, ["payplug_enabled"], specification)
            return found.get("warning", {}).get("message", "")

        self.assertFalse(told(False))
        self._request(self._create_payable_invoice())
        self.assertIn("not paid yet: 1.", told(False))
        self.assertFalse(told(True))
        self.company.payplug_enabled = False
        self.assertFalse(told(False), "it is off already")

    def test_mode_that_changes_warns_of_links_of_the_other_one(self):
        self.company.payplug_link_target = "page"
        settings = self.env["res.config.settings"]
        specification = {name: {} for name in ("payplug_mode", "company_id")}
        stored = {"payplug_mode": "test", "company_id": self.company.id}

        def told(mode):
            values = {**stored, "payplug_mode": mode}
            found = settings.onchange(values, ["payplug_mode"], specification)
            return found.get("warning", {}).get("message", "")

        self.assertFalse(told("live"))
        self._request(self._create_payable_invoice())
        self.assertIn("takes real money", told("live"))
        self.assertFalse(told("test"), "it is so already")
        self.company.payplug_mode = "live"
        self.assertFalse(told("test"), "no link of the live mode waits")
        self.company.payplug_link_target = "payplug"
        self._request(self._create_payable_invoice())
        self.assertFalse(told("test"), "those mails lead to Payplug")

    def test_demo_that_went_live_can_be_started_again(self):
        self.company.write(
            {"payplug_live_key": self.account.live_key, "payplug_mode": "live"}
        )
        self.env["payplug.demo"]._connect(self.company, self.account.test_key)
        self.assertEqual(self.company.payplug_mode, "test")
        self.assertTrue(self.company.payplug_book_test_payments)

    def test_test_payments_cannot_be_booked_beside_a_live_key(self):
        with self.assertRaisesRegex(ValidationError, "beside a live key"):
            self.company.payplug_book_test_payments = True

    def test_what_is_no_live_key_is_told_so_even_beside_booked_tests(self):
        self.company.payplug_live_key = False
        self.company.payplug_book_test_payments = True
        for key, words in (("bonjour", "sk_live_"), (self.account.test_key, "test")):
            with self.subTest(key=key):
                with self.assertRaisesRegex(ValidationError, words) as refused:
                    self.company.payplug_live_key = key
                self.assertNotIn("Book test payments", str(refused.exception))
                self.company.invalidate_recordset()

    def test_live_key_in_place_of_booked_tests_is_saved_at_once(self):
        live_key = self.account.live_key
        trial = {"payplug_live_key": "", "payplug_book_test_payments": True}
        live = {"payplug_live_key": live_key, "payplug_book_test_payments": False}
        settings = self.env["res.config.settings"]
        for before, after in ((trial, live), (live, trial)):
            for names in (list(after), list(after)[::-1]):
                with self.subTest(after=after, names=names):
                    values = {name: after[name] for name in names}
                    self.company.write({**before, "payplug_book_test_payments": False})
                    self.company.write(before)
                    settings.create(values).execute()
                    self.assertRecordValues(self.company, [after])
                    self.company.write({**before, "payplug_book_test_payments": False})
                    self.company.write(before)
                    saved = settings.create({})
                    saved.write(values)
                    self.assertRecordValues(self.company, [after])

    def test_branch_uses_the_account_of_its_root(self):
        branch = self.env["res.company"].create(
            {"name": "Branch", "parent_id": self.company.id}
        )
        self.assertTrue(all(branch._payplug_account_facts()[:3]))
        self.assertEqual(branch._payplug_key(is_live=False), self.account.test_key)

    @mute_logger("odoo.modules.neutralize")
    def test_neutralized_copy_of_the_database_has_no_key(self):
        neutralize_database(self.env.cr)
        self.env.invalidate_all()
        self.assertRecordValues(
            self.company,
            [
                {
                    "payplug_enabled": False,
                    "payplug_mode": "test",
                    "payplug_test_key": False,
                    "payplug_live_key": False,
                }
            ],
        )

    def test_settings_warn_where_the_internet_cannot_reach_this_odoo(self):
        self.assertFalse(self._settings().payplug_url_warning)  # the emulator is near
        params = self.env["ir.config_parameter"]
        params.set_param("payplug_paylink.api_url", False)
        params.set_param("web.base.url", "http://localhost:8069")
        self.assertIn("http://localhost:8069", self._settings().payplug_url_warning)
        self.assertFalse(self._settings().payplug_url)
        params.set_param("web.base.url", "https://odoo.example.com")
        self.assertFalse(self._settings().payplug_url_warning)
        self.assertIn("at once, at https://odoo.example", self._settings().payplug_url)
