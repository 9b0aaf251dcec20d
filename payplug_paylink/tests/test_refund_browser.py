"""A refund in a real browser, from the credit note to *refunded*."""

from odoo.tests import tagged

from .common_browser import BrowserCommon


@tagged("post_install", "-at_install", "once")
class TestRefundBrowser(BrowserCommon):
    def setUp(self):
        super().setUp()
        self.accountant = self._create_user(
            "accountant", "account.group_account_invoice,payplug_paylink.group_refund"
        )
        link = self._request(self.invoice)
        self.payplug.pay(link.payplug_id)
        link._sync()
        self.note = self._reverse_invoice(self.invoice)
        self.note.invoice_line_ids.price_unit = 200
        self.note.action_post()
        self.env.flush_all()

    def _log_in(self, user, size=None, **options):
        """Return a page of a browser in which a user is logged in."""
        page = self._new_page(size, **options)
        page.set_default_timeout(90_000)  # Odoo builds its scripts at the first page
        session = self.authenticate(user.login, user.login)
        cookie = {"name": "session_id", "value": session.sid, "url": self.base_url()}
        page.context.add_cookies([cookie])
        return page

    def _show(self, page, move):
        """Open the form of a credit note or invoice."""
        kind = "out_refund" if move.move_type == "out_refund" else "out_invoice"
        action = f"account.action_move_{kind}_type"
        page.goto(f"{self.base_url()}/odoo/action-{action}/{move.id}")
        page.locator(".o_form_view .o-mail-Chatter").wait_for()

    def _leave(self, page):
        """Wait until nothing of a page is on its way: tests share its transaction."""
        page.wait_for_load_state("networkidle")
        page.goto("about:blank")

    def _send(self, page):
        """Let the scheduled action run; in production the request itself sends it."""
        self._leave(page)
        self.env.invalidate_all()
        self.env["payplug.refund"].sudo().search([]).retry_at = False
        self.env.flush_all()
        self.env.ref("payplug_paylink.ir_cron_refund").method_direct_trigger()
        self.env.invalidate_all()

    def test_accountant_refunds_a_credit_note_and_sees_it_refunded(self):
        page = self._log_in(self.accountant)
        self._show(page, self.note)
        page.get_by_role("button", name="Refund by card").first.click()
        window = page.locator(".modal")
        window.get_by_text("A refund is final").wait_for()
        amount = window.locator("[name=amount] input")
        self.assertEqual(amount.input_value().strip("€ \xa0"), "200.00")
        amount.fill("150")
        window.get_by_role("button", name="Refund", exact=True).click()
        page.get_by_text("is being refunded to the customer's card").wait_for()
        self._send(page)
        self._show(page, self.note)
        page.get_by_text("150.00 € was refunded to the customer's card").wait_for()
        badge = page.locator("[name=payplug_refund_state]").first
        self.assertEqual(badge.inner_text(), "Partly refunded")
        self._show(page, self.invoice)
        page.get_by_text("150.00 € was refunded to the customer's card").wait_for()
        self._leave(page)
        self.env.invalidate_all()
        self.assertEqual(self.note.amount_residual, 50)
        self.assertEqual(self.payplug.ledger()[0]["cents_refunded"], 15000)
