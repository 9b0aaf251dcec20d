"""The customer's side in a real browser, from the pay page to the card and back."""

import re

from odoo.tests import tagged

from .common_browser import PHONE, BrowserCommon

GOOD_CARD, POOR_CARD = "4242 4242 4242 4242", "4000 0000 0000 0077"


@tagged("post_install", "-at_install", "once", "long")
class TestBrowser(BrowserCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner_a.lang = "fr_FR"

    def _visit(self, size=None, **options):
        """Return a new visitor's page, on the invoice's pay page."""
        page = self._new_page(size, locale="fr-FR", **options)
        self._go(page)
        return page

    def _go(self, page):
        """Open the pay page, and wait until nothing of it is on its way."""
        page.goto(self.base_url() + self.invoice._payplug_page_path())
        page.wait_for_load_state("networkidle")

    def _start(self, page):
        page.get_by_role("button", name=re.compile("Payer .* par carte")).click()
        page.wait_for_url(f"{self.payplug.url}/**")

    def _pay(self, page, card=GOOD_CARD):
        page.locator("input[name=number]").fill(card)
        page.locator("input[name=expiry]").fill("12/34")
        page.locator("input[name=cvv]").fill("123")
        page.locator("button[type=submit]").first.click()

    def _see(self, page, words):
        page.get_by_text(words).first.wait_for()

    def _sync(self):
        """Let Odoo look, as the cron does."""
        self.env.invalidate_all()
        self.invoice.action_payplug_refresh()
        self.env.flush_all()

    def _see_paid(self, page):
        self._see(page, "Cette facture est payée")
        page.wait_for_load_state("networkidle")
        self.env.invalidate_all()
        self.assertEqual(self.invoice.amount_residual, 0)
        self.assertEqual(len(self.payplug.ledger()), 1)

    def test_customer_pays_on_a_phone_without_javascript(self):
        page = self._visit(PHONE, java_script_enabled=False)
        button = page.get_by_role("button", name=re.compile("Payer .* par carte"))
        box = button.bounding_box()
        self.assertLess(box["x"] + box["width"], PHONE["width"] + 1)
        self.assertLess(box["y"] + box["height"], PHONE["height"], "needs no scrolling")
        self.assertGreater(box["height"], 44, "large enough for a thumb")
        self._start(page)
        self._pay(page)
        self._see_paid(page)

    def test_page_fits_a_phone_and_can_be_used_by_keyboard(self):
        page = self._visit(PHONE)
        self.assertLessEqual(
            page.evaluate("document.documentElement.scrollWidth"), PHONE["width"]
        )
        self.assertEqual(page.locator("html").get_attribute("lang"), "fr-FR")
        self.assertEqual(page.locator("h1").count(), 1)
        page.locator("main button[type=submit]").focus()
        page.keyboard.press("Enter")
        page.wait_for_url(f"{self.payplug.url}/**")

    def _strip_above(self, page, box):
        """Return a picture of the few pixels above an element, where its outline is."""
        strip = {**box, "y": box["y"] - 3, "height": 3}
        return page.screenshot(clip=strip, animations="disabled")

    def test_tab_leads_to_the_button_whose_focus_can_be_seen(self):
        page = self._visit()
        button = page.get_by_role("button", name=re.compile("Payer .* par carte"))
        box = button.bounding_box()
        before = self._strip_above(page, box)
        for _press in range(20):
            page.keyboard.press("Tab")
            if button.evaluate("element => element === document.activeElement"):
                break
        else:
            self.fail("twenty tabs do not lead to the button")
        self.assertNotEqual(self._strip_above(page, box), before)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{self.payplug.url}/**")

    def test_refused_card_can_be_followed_by_a_good_one(self):
        page = self._visit()
        self._start(page)
        self._pay(page, POOR_CARD)
        page.locator("[role=alert]").first.wait_for()
        self._sync()
        other_tab = self._visit()
        self._see(other_tab, "provision insuffisante")
        self._pay(page)
        self._see_paid(page)

    def test_two_tabs_make_one_payment(self):
        first, second = self._visit(), self._visit()
        self._start(first)
        self._start(second)
        self.assertEqual(first.url, second.url)
        self._pay(first)
        self._see_paid(first)
        self._go(second)
        self._see_paid(second)

    def test_customer_renews_an_expired_link(self):
        page = self._visit()
        self._start(page)
        self.payplug.advance(days=8)
        self._sync()
        self.assertEqual(self.invoice.payplug_state, "expired")
        again = self._visit()
        self._start(again)
        self.assertNotEqual(again.url, page.url)
        self._pay(again)
        self._see_paid(again)

    def test_invoice_paid_by_transfer_meanwhile_asks_nothing_more(self):
        page = self._visit()
        self._register_payment(self.invoice)
        self.env.flush_all()
        page.get_by_role("button", name=re.compile("Payer")).click()
        self._see(page, "Cette facture est payée")
        self.assertFalse(self.payplug.calls)

    def test_company_that_switched_off_meanwhile_takes_nothing(self):
        page = self._visit()
        self.company.payplug_enabled = False
        self.env.flush_all()
        page.get_by_role("button", name=re.compile("Payer")).click()
        self._see(page, "ne peut plus être payée en ligne")
        self.assertFalse(self.payplug.calls)
