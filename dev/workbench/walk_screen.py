"""What the steps of the walk share: Odoo's screens, and pictures of them."""

import re

from playwright.sync_api import expect

# wide enough for the lists, too narrow for Odoo to load a PDF beside the form
DESKTOP = {"width": 1380, "height": 960}
WIDE = {"width": 1600, "height": 960}
PHONE = {"width": 375, "height": 812}
WAIT = 20_000  # milliseconds until something is missed
SETTLED = """document.fonts.status === "loaded"
    && [...document.images].every(image => image.complete)
    && !document.querySelector(".o_loading_indicator, .o_blockUI, .fa-spin")"""


class Screen:
    """The administrator's page, and how things are found on it.

    :ivar page: the page; the customer has pages of his own
    """

    def __init__(self, browser, odoo_url, mailbox_url, pictures):
        self.browser = browser
        self.odoo_url = odoo_url
        self.mailbox_url = mailbox_url
        self.pictures = pictures
        self.number = 0
        self.page = self._new_page(DESKTOP)

    def _new_page(self, size):
        page = self.browser.new_context(viewport=size, locale="fr-FR").new_page()
        page.set_default_timeout(WAIT)
        return page

    def _picture(self, name, page=None):
        page = page or self.page
        page.mouse.move(0, 0)  # else what lies under it looks chosen
        page.wait_for_function(SETTLED)
        self.number += 1
        path = self.pictures / f"{self.number:02d}-{name}.png"
        page.screenshot(path=path, animations="disabled")
        print(f"  {path}", flush=True)

    def _see_notification(self, text, wait=WAIT):
        shown = self.page.locator(".o_notification", has_text=text).first
        expect(shown).to_be_visible(timeout=wait)

    def _show_payplug_settings(self):
        setting = self.page.locator("#payplug_paylink")
        expect(setting).to_be_visible()
        setting.evaluate("element => element.scrollIntoView({block: 'center'})")

    def _show_payplug_fields(self):
        self.page.get_by_role("tab", name="Other Info").click()
        field = self.page.locator("[name=payment_id]").first
        expect(field).to_be_visible()
        field.evaluate("element => element.scrollIntoView({block: 'center'})")

    def _open_list(self):
        self.page.goto(f"{self.odoo_url}/odoo/customer-invoices?view_type=list")
        expect(self.page.locator(".o_list_renderer")).to_be_visible()

    def _open_invoice(self, amount):
        row = self.page.locator(".o_data_row", has_text=amount).first
        row.locator("[name=name]").first.click()
        expect(self.page.locator(".o_form_view")).to_be_visible()
        self._see_chatter()

    def _see_chatter(self):
        """See its messages, or that there is none."""
        chatter = self.page.locator(".o-mail-Chatter")
        none = chatter.get_by_text("The conversation is empty")
        expect(chatter.locator(".o-mail-Message").or_(none).first).to_be_visible()

    def _links(self):
        """The rows of the list of links, and of no other list."""
        shown = self.page.locator(
            ".o_list_view", has=self.page.locator("th[data-name=payplug_id]")
        )
        return shown.locator(".o_data_row")

    def _send_button(self):
        return self.page.locator("button[name=action_payplug_send_link]:visible").first

    def _fill_card(self, page, number):
        page.get_by_label(re.compile("num|card number", re.IGNORECASE)).first.fill(
            number
        )
        page.get_by_label(re.compile("expir", re.IGNORECASE)).first.fill("09/30")
        page.get_by_label(
            re.compile("crypto|cvv|secur|sécur", re.IGNORECASE)
        ).first.fill("123")
        page.locator("button[type=submit]").first.click()
