"""Several companies: each has its own account, a branch has its root's."""

from odoo import Command
from odoo.tests import tagged

from .common import PayplugCommon
from .common_company import create_company, create_drafts


@tagged("post_install", "-at_install", "once")
class TestCompanies(PayplugCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write(
            {"payplug_live_key": False, "payplug_book_test_payments": True}
        )
        cls.other_account = cls.payplug.add_account(name="Méliès", live_allowed=False)
        cls.other = create_company(
            cls.env, cls.other_account, payplug_book_test_payments=True
        )
        cls.env.user.company_ids |= cls.other
        cls.branch = cls.env["res.company"].create(
            {"name": "Lumière Lyon", "parent_id": cls.company.id}
        )
        cls.env.cr.precommit.run()  # gives the branch its root's accounts
        cls.env.user.company_ids |= cls.branch

    def _invoice_of(self, company):
        return create_drafts(self.env, company, self.partner_a)

    def _pay(self, invoice):
        invoice.action_post()
        self.assertEqual(invoice._payplug_unmet_conditions(), [])
        link = self._request(invoice)
        self.payplug.pay(link.payplug_id)
        link._sync()
        return link

    def test_each_company_uses_its_own_account_journal_and_books(self):
        for company, account in (
            (self.company, self.account),
            (self.other, self.other_account),
        ):
            with self.subTest(company=company.name):
                invoice = self._invoice_of(company)
                link = self._pay(invoice)
                taken = self.payplug.ledger()[-1]
                self.assertEqual(taken["account"], account.id)
                self.assertEqual(link.company_id, company)
                self.assertEqual(link.account_payment_id.company_id, company)
                self.assertEqual(
                    link.account_payment_id.journal_id, company.payplug_journal_id
                )
                self.assertEqual(invoice.amount_residual, 0)

    def test_branch_uses_its_roots_account_and_books_its_own_invoice(self):
        invoice = self._invoice_of(self.branch)
        link = self._pay(invoice)
        self.assertEqual(self.payplug.ledger()[-1]["account"], self.account.id)
        self.assertEqual(link.company_id, self.branch)
        self.assertRecordValues(
            link.account_payment_id,
            [
                {
                    "company_id": self.branch.id,
                    "journal_id": self.company.payplug_journal_id.id,
                }
            ],
        )
        self.assertEqual(invoice.amount_residual, 0)

    def test_credit_on_account_of_a_branch_is_booked_in_the_branch(self):
        """Whatever companies the user who brings the news has ticked."""
        for ticked in (self.branch, self.company + self.branch):
            with self.subTest(ticked=ticked.mapped("name")):
                invoice = self._invoice_of(self.branch)
                invoice.action_post()
                link = self._request(invoice)
                invoice.button_draft()
                self.payplug.pay(link.payplug_id)
                invoice.with_context(
                    allowed_company_ids=ticked.ids
                ).action_payplug_refresh()
                self.assertRecordValues(
                    link.account_payment_id,
                    [
                        {
                            "company_id": self.branch.id,
                            "journal_id": self.company.payplug_journal_id.id,
                            "is_reconciled": False,
                        }
                    ],
                )
                self.assertEqual(
                    link.account_payment_id.move_id.company_id, self.branch
                )
                self.assertEqual(
                    invoice.activity_ids.mapped("summary"),
                    ["Paid while a draft: reconcile or refund?"],
                )

    def test_scheduler_user_of_a_branch_ends_no_payment_of_the_other_companies(self):
        """What this user may not read is no unknown payment."""
        groups = "base.group_system,account.group_account_invoice"
        boss = self._create_user("lyon", groups)
        boss.sudo().write(
            {"company_ids": self.branch.ids, "company_id": self.branch.id}
        )
        hidden = self._request(self._create_payable_invoice())
        own = self._invoice_of(self.branch)
        own.action_post()
        for link in hidden, self._request(own):
            now = self.payplug.payment(link.payplug_id)["created_at"]
            self.payplug.alter(link.payplug_id, {"created_at": now - 3700})
        cron = self.env.ref("payplug_paylink.ir_cron_follow")
        cron.sudo().user_id = boss
        self.env.flush_all()
        with self.enter_registry_test_mode():
            cron.method_direct_trigger()
        self.env.invalidate_all()
        self.assertFalse(self.payplug.payment(hidden.payplug_id)["failure"])
        self.assertTrue(hidden.checked_at)

    def test_cron_follows_each_company_and_mode_with_its_own_key(self):
        links = self.env["payplug.payment.link"].sudo()
        for company in (self.company, self.other):
            invoice = self._invoice_of(company)
            invoice.action_post()
            links += self._request(invoice)
        self.company.write(
            {
                "payplug_book_test_payments": False,
                "payplug_live_key": self.account.live_key,
                "payplug_mode": "live",
            }
        )
        links += self._request(self._create_payable_invoice())
        for link in links:
            self.payplug.pay(link.payplug_id)
        self._new_calls()
        self.env.flush_all()
        with self.enter_registry_test_mode():
            self.env.ref("payplug_paylink.ir_cron_follow").method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual(links.mapped("state"), ["paid"] * 3)
        asked = [(call.account, call.is_live, call.path) for call in self._new_calls()]
        self.assertEqual(
            sorted(asked),
            sorted(
                [
                    (self.account.id, False, "/v1/payments"),
                    (self.account.id, True, "/v1/payments"),
                    (self.other_account.id, False, "/v1/payments"),
                ]
            ),
        )

    def test_billing_user_of_a_branch_alone_sends_its_links(self):
        invoice = self._invoice_of(self.branch)
        invoice.action_post()
        user = self._create_user("lyon", "account.group_account_invoice")
        user.write(
            {
                "company_id": self.branch.id,
                "company_ids": [Command.set(self.branch.ids)],
            }
        )
        action = (
            invoice.with_user(user).with_company(self.branch).action_payplug_send_link()
        )
        self.assertEqual(action["res_model"], "account.move.send.wizard")

    def test_links_are_followed_with_the_key_of_their_own_mode(self):
        self.company.payplug_book_test_payments = False
        self.company.payplug_live_key = self.account.live_key
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self.company.payplug_mode = "live"
        live_invoice = self._create_payable_invoice()
        live_link = self._request(live_invoice)
        for one in (link, live_link):
            self.payplug.pay(one.payplug_id)
            one._sync()
        self.assertRecordValues(
            link + live_link,
            [
                {"is_live": False, "state": "paid", "to_book": False},
                {"is_live": True, "state": "paid", "to_book": False},
            ],
        )
        self.assertFalse(link.account_payment_id)
        self.assertEqual(live_link.account_payment_id.amount, 120)
        self.assertEqual(
            [entry["is_live"] for entry in self.payplug.ledger()], [False, True]
        )
