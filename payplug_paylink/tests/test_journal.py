"""The Payplug journal: made when it is missing, refused when it is not for Payplug."""

from odoo.tests import tagged

from .common import PayplugCommon


@tagged("post_install", "-at_install")
class TestJournal(PayplugCommon):
    def assertRefused(self, journal, words):
        """Check that the company's settings refuse a journal, and keep the one before.

        :param str words: a regular expression for what the refusal says
        """
        before = self.company.payplug_journal_id
        with self.assertUserError(words), self.env.cr.savepoint():
            self.company.payplug_journal_id = journal
        self.env.invalidate_all()
        self.assertEqual(self.company.payplug_journal_id, before)

    def test_payments_are_numbered_by_the_code_of_the_journal_alone(self):
        journal = self.company.payplug_journal_id
        payment = self._register_payment(
            self._create_payable_invoice(), journal_id=journal.id
        )
        self.assertRegex(payment.move_id.name, rf"^{journal.code}/\d{{4}}/0+1$")

    def test_sales_journal_is_refused(self):
        self.assertRefused(
            self.company_data["default_journal_sale"], "cannot take payments: it must"
        )

    def test_cash_journal_is_refused_even_with_an_account_of_its_own(self):
        journal = self.company_data["default_journal_cash"]
        account = self.company.payplug_journal_id._payplug_create_outstanding_account()
        journal._payplug_inbound_line().payment_account_id = account
        self.assertRefused(journal, "must be a bank journal")

    def test_bank_journal_that_shares_its_outstanding_account_is_refused(self):
        journal = self.company_data["default_journal_bank"]
        journal._payplug_inbound_line().payment_account_id = (
            self.company.payplug_journal_id._payplug_inbound_line().payment_account_id
        )
        self.assertRefused(journal, "no other journal uses")

    def test_bank_journal_with_an_account_of_its_own_is_taken(self):
        journal = self.company_data["default_journal_bank"]
        journal._payplug_inbound_line().payment_account_id = (
            journal._payplug_create_outstanding_account()
        )
        journal._payplug_set_outbound_account()
        self.company.payplug_journal_id = journal
        self.assertEqual(self.company.payplug_journal_id, journal)

    def test_journal_of_an_earlier_installation_is_taken_up(self):
        journal = self.company.payplug_journal_id
        self.company.payplug_enabled = False
        self.company.payplug_journal_id = False
        journal.active = False
        accounts = self.env["account.account"].search_count([])
        self.company.payplug_enabled = True
        self.assertEqual(self.company.payplug_journal_id, journal)
        self.assertTrue(journal.active)
        self.assertEqual(self.env["account.account"].search_count([]), accounts)

    def test_journal_of_an_earlier_installation_that_is_of_no_use_is_left_alone(self):
        before = self.company.payplug_journal_id
        before._payplug_inbound_line().payment_account_id = False
        self.company.payplug_journal_id = False
        journal = self.company.payplug_journal_id
        self.assertTrue(journal)
        self.assertNotEqual(journal, before)
        self.assertNotEqual(journal.code, before.code)
        self.assertTrue(journal._payplug_inbound_line().payment_account_id.reconcile)

    def test_journal_stays_while_links_wait_or_money_is_to_book(self):
        journal = self.company.payplug_journal_id
        link = self._request(self._create_payable_invoice()).sudo()
        for go in (lambda: journal.write({"active": False}), journal.unlink):
            with self.subTest(go=go):
                with self.assertUserError("wait for one: 1. Cancel those links"):
                    go()
        link._cancel()
        journal.active = False
        self.assertFalse(journal.active)

    def _create_bare_company(self, name, **values):
        euro = self.env.ref("base.EUR")
        return self.env["res.company"].create(
            {"name": name, "currency_id": euro.id, **values}
        )

    def test_company_without_accounts_is_told_to_choose_the_localization(self):
        company = self._create_bare_company("Fresh SARL")
        for switch_on in (
            lambda: company.write({"payplug_enabled": True}),
            lambda: self._create_bare_company("Fresher SARL", payplug_enabled=True),
        ):
            with (
                self.assertUserError("Choose the fiscal localization"),
                self.env.cr.savepoint(),
            ):
                switch_on()

    def test_money_goes_out_of_the_account_in_which_it_came_in(self):
        journal = self.company.payplug_journal_id
        inbound, outbound = (
            journal._payplug_inbound_line(),
            journal._payplug_outbound_line(),
        )
        self.assertEqual(outbound.payment_account_id, inbound.payment_account_id)
        other = self.company_data["default_journal_bank"]
        account = other._payplug_create_outstanding_account()
        other._payplug_inbound_line().payment_account_id = account
        other._payplug_outbound_line().payment_account_id = False
        self.company.payplug_journal_id = other
        self.assertEqual(other._payplug_outbound_line().payment_account_id, account)

    def test_journal_whose_refunds_leave_another_account_is_refused(self):
        journal = self.company_data["default_journal_bank"]
        line = journal._payplug_inbound_line()
        line.payment_account_id = journal._payplug_create_outstanding_account()
        journal._payplug_outbound_line().payment_account_id = (
            journal._payplug_create_outstanding_account()
        )
        self.assertRefused(journal, "cannot book refunds")

    def test_upgrade_gives_existing_journals_the_account_for_refunds(self):
        journal = self.company.payplug_journal_id
        outbound = journal._payplug_outbound_line()
        outbound.unlink()
        journal._payplug_set_outbound_account()  # what the migration calls
        self.assertEqual(
            journal._payplug_outbound_line().payment_account_id,
            journal._payplug_inbound_line().payment_account_id,
        )
