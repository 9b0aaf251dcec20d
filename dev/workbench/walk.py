"""`dev/demo --walk`: the whole journey through the real screens, in a hidden browser.

From the settings to the paid invoice, as an administrator and then as the customer.
Each step waits for what a person would look for; what does not appear ends the walk.
"""

import re

import polib
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from .cache import ROOT
from .odoo import ADDON

BROWSER = (
    "--no-sandbox --disable-gpu --disable-quic"
    " --disable-background-networking --disable-component-update"
).split()
# wide enough for the lists, too narrow for Odoo to load a PDF beside the form
DESKTOP = {"width": 1380, "height": 960}
WIDE = {"width": 1600, "height": 960}
PHONE = {"width": 375, "height": 812}
TIMEOUT = 20_000  # milliseconds
LONG_TIMEOUT = 120_000
IS_LOADED = """document.fonts.status === "loaded"
    && [...document.images].every(image => image.complete)
    && !document.querySelector(".o_loading_indicator, .o_blockUI, .fa-spin")"""
GOOD_CARD, REFUSED_CARD = "4242 4242 4242 4242", "4000 0000 0000 0051"
TRANSLATIONS = ROOT / ADDON / "i18n" / "fr.po"
BANNER = ROOT / "dev" / "workbench" / "banner.html"
BANNER_SIZE = {"width": 560, "height": 280}
LINKS_MENU = f"{ADDON}.payplug_payment_link_menu"
# the pictures of README, guide and module page
PUBLISHED = (
    "connected send-window stable-page-phone paid many-not-sent many-sent not-sent"
    " refund-window"
).split()
PUBLIC = ROOT / ADDON / "static" / "description"


def walk(urls, browser, options):
    """Go through the screens and leave their pictures.

    :param urls: addresses of Odoo and of the page with the mails
    :param browser: the browser's program
    :param options: of the command: `pictures`, `lang` and `publish`
    :raise AssertionError: if something did not appear
    """
    expect.set_options(timeout=TIMEOUT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser, args=BROWSER)
        steps = Walk(browser, urls, options)
        steps.log_in()
        steps.connect()
        steps.see_the_list()
        steps.read_a_refusal()
        steps.send_the_link()
        page = steps.read_the_mail()
        steps.see_the_page(page)
        steps.pay(page)
        steps.see_it_paid()
        steps.see_the_link()
        steps.send_many()
        steps.see_a_refused_mail()
        steps.see_all_links()
        steps.refund_by_card()
        steps.see_it_refunded()
        if options.publish:
            steps.draw_the_banner()
        browser.close()


class Walk:
    """The steps, in their order; `page` is the administrator's."""

    def __init__(self, browser, urls, options):
        self.browser = browser
        self.odoo_url, self.mailbox_url = urls
        self.lang = options.lang
        self.prefix = "" if self.lang == "en" else f"{self.lang}-"
        self.published = PUBLISHED if options.publish else ()
        self.pictures = options.pictures
        self.pictures.mkdir(parents=True, exist_ok=True)
        for earlier in self.pictures.glob(f"{self.prefix}[0-9][0-9]-*.png"):
            earlier.unlink()
        self.number = 0
        self.page = self._new_page()
        self.window = self.page.locator(".modal")
        self.chatter = self.page.locator(".o-mail-Chatter")

    def log_in(self):
        """Log in as the administrator."""
        self.page.goto(f"{self.odoo_url}/web/login", timeout=LONG_TIMEOUT)
        self.page.fill("#login", "admin")
        self.page.fill("#password", "admin")
        self.page.click("button[type=submit]")
        # Odoo compiles its scripts and styles meanwhile
        self.page.wait_for_selector(".o_main_navbar", timeout=LONG_TIMEOUT)

    def connect(self):
        """Sign in to Payplug from the settings, and test the connection."""
        self.page.goto(f"{self.odoo_url}/odoo/settings#account")
        self._scroll_to(self.page.locator("#payplug_paylink"))
        self._picture("settings")
        self.page.locator("button[name=action_payplug_sign_in]").click()
        self.window.locator("[name=email] input").fill("demo@example.com")
        self.window.locator("[name=password] input").fill("demo-password")
        self._picture("sign-in")
        self.window.locator("button[name=action_sign_in]").click()
        self._see_notification("Connected to Payplug (test mode)")
        self._scroll_to(self.page.locator(".alert-success [name=payplug_connection]"))
        self._picture("connected")

    def see_the_list(self):
        """Look at the invoices, with the two columns."""
        self._open_list()
        for name in ("payment_id", "online_payment"):
            self.page.locator(".o_optional_columns_dropdown button").click()
            self.page.locator(f".o-dropdown--menu input[name={name}]").click()
            self.page.keyboard.press("Escape")
            expect(self.page.locator(f"th[data-name={name}]")).to_be_visible()
        self._picture("invoices")

    def read_a_refusal(self):
        """Ask for a link of an invoice that is too large."""
        self._open_invoice("25,000.00")
        self._send_button().click()
        message = self.page.locator(".modal .o_error_dialog, .modal-body")
        expect(message.first).to_contain_text(_figures("25,000.00"))
        self._picture("refusal")
        self.page.keyboard.press("Escape")

    def send_the_link(self):
        """Send the link of a good invoice through Odoo's Send window."""
        self._open_list()
        self._open_invoice("1,234.56")
        self._picture("invoice")
        self._send_button().click()
        expect(self.window.locator("[name=body]")).to_contain_text("Payer")
        self._picture("send-window")
        self.window.locator("button[name=action_send_and_print]").click()
        expect(self.window).to_have_count(0)
        expect(self.chatter).to_contain_text("Bonjour Marie Durand")
        self.page.locator(".nav-link[name=other_info]").click()
        self._scroll_to(self.page.locator("[name=payment_id]").first)
        self._picture("sent")

    def read_the_mail(self):
        """Open the customer's mail, and return the page behind its button."""
        mail = self._new_page()
        mail.goto(self.mailbox_url)
        mail.get_by_role("link", name=re.compile("réglez votre facture")).first.click()
        body = mail.frame_locator("iframe")
        button = body.get_by_role("link", name=re.compile("Payer .* par carte"))
        expect(button).to_be_visible()
        self._picture("mail", mail)
        with mail.context.expect_page() as opened:
            button.click()
        return opened.value

    def see_the_page(self, page):
        """Look at the invoice's stable page, and begin to pay on a phone."""
        button = page.get_by_role("button", name=re.compile("Payer .* par carte"))
        expect(button).to_be_visible()
        self._picture("stable-page", page, DESKTOP)
        self._picture("stable-page-phone", page, PHONE)
        button.click()

    def pay(self, page):
        """Pay by card as the customer: refused first, then accepted."""
        self._picture("card-page", page, DESKTOP)
        self._picture("card-page-phone", page, PHONE)
        self._fill_card(page, REFUSED_CARD)
        expect(page.locator("[role=alert]").first).to_be_visible()
        self._picture("card-refused-phone", page)
        self._fill_card(page, GOOD_CARD)
        page.wait_for_url(f"{self.odoo_url}/payplug/pay/**", timeout=TIMEOUT)
        expect(page.get_by_text("Cette facture est payée")).to_be_visible()
        self._picture("customer-back-phone", page)
        self._picture("customer-back", page, DESKTOP)

    def see_it_paid(self):
        """See the invoice paid, and its payment booked."""
        self.page.reload()
        ribbon = self.page.locator(".o_widget_web_ribbon").first
        expect(ribbon).to_contain_text(re.compile("paid|payé", re.IGNORECASE))
        expect(self.chatter).to_contain_text(self._said("Paid by card on"))
        self._picture("paid")

    def see_the_link(self):
        """See the invoice's link, in a list and in its form."""
        self.page.locator("button[name=action_payplug_open_links]").click()
        rows = self._link_rows()
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text(self._said("Paid"))
        self._picture("link-in-list")
        rows.locator("td[name=partner_id]").click()
        form = self.page.locator(".o_form_view")
        # of the link: the invoice's form has no such field
        expect(form.locator("h1 [name=payplug_id]")).to_contain_text("pay_")
        expect(form.locator("[name=move_id]")).to_contain_text("INV/")
        expect(form.locator("[name=account_payment_id]")).to_be_visible()
        self._picture("link")

    def send_many(self):
        """Send the links of many invoices at once, and see each mail arrive."""
        self._open_list()
        self.page.locator("thead .o_list_record_selector input").click()
        self._send_button().click()
        expect(self.window.locator("[name=ready_title]").first).to_be_visible()
        self._picture("many-to-be-sent")
        self._scroll_to(self.window.get_by_text(_figures("25,000.00")))
        self._picture("many-not-sent")
        self.window.locator("button[name=action_send]").click()
        self._see_notification("Invoices being sent in the background")
        self._picture("many-being-sent")
        self._open_invoice("1,234.56")  # one can go on working
        self._see_notification("Payment links sent", LONG_TIMEOUT)
        self._picture("many-through")
        self.page.set_viewport_size(WIDE)  # full columns want more room
        self._open_list()
        states = self.page.locator("td[name=payplug_status]")
        expect(states.filter(has_text=self._said("Sent")).first).to_be_visible()
        expect(states.filter(has_text=self._said("Being sent"))).to_have_count(0)
        self._picture("many-sent")
        self.page.set_viewport_size(DESKTOP)

    def see_a_refused_mail(self):
        """See why one of the many was not sent."""
        self._open_list()
        self._open_invoice("132.00")
        banner = self.page.locator(".alert", has_text="550 5.1.1 No such mailbox")
        expect(banner.first).to_be_visible()
        self._picture("not-sent")

    def see_all_links(self):
        """See the links of all invoices, from the menu."""
        for menu in ("account.menu_finance_receivables", LINKS_MENU):
            self.page.locator(f"[data-menu-xmlid='{menu}']").click()
        expect(self._link_rows().nth(1)).to_be_visible()
        self._picture("links")

    def refund_by_card(self):
        """Credit a part of an invoice that was paid by a link, and refund it."""
        self._open_list()
        self._open_invoice("640.00")
        self.page.locator("button[name=action_reverse]:visible").click()
        self.window.locator("button[name=refund_moves]").click()
        confirm = self.page.locator("button[name=action_post]:visible").first
        expect(confirm).to_be_visible()  # of the credit note: the invoice has none
        self.page.locator(".o_data_row td[name=price_unit]").first.click()
        self.page.locator(".o_data_row td[name=price_unit] input").first.fill("140")
        confirm.click()
        refund = self.page.locator("button[name=action_payplug_refund]:visible").first
        expect(refund).to_be_visible()
        self._picture("credit-note")
        refund.click()
        expect(self.window).to_contain_text(self._said("A refund is final"))
        self._picture("refund-window")
        self.window.locator("button[name=action_confirm]").click()
        expect(self.window).to_have_count(0)

    def see_it_refunded(self):
        """See the credit note refunded by Payplug and settled, and the invoice."""
        words = self._said("%(amount)s was refunded to the customer")
        said = self.page.locator(".alert", has_text=words)
        expect(said.first).to_contain_text(_figures("140.00"))
        self._picture("credit-note-refunded")
        self._open_list()
        self._open_invoice("640.00")
        expect(said.first).to_be_visible()
        self._picture("invoice-refunded")

    def draw_the_banner(self):
        """Draw the banner of the module's page, from HTML."""
        self.page.set_viewport_size(BANNER_SIZE)
        self.page.goto(BANNER.as_uri())
        self.page.wait_for_function(IS_LOADED)
        self.page.screenshot(path=PUBLIC / "banner.png")

    # How things are found on the screens

    def _new_page(self):
        page = self.browser.new_context(viewport=DESKTOP, locale="fr-FR").new_page()
        page.set_default_timeout(TIMEOUT)
        return page

    def _picture(self, name, page=None, size=None):
        page = page or self.page
        if size:
            page.set_viewport_size(size)
        page.mouse.move(0, 0)  # what lies under the mouse would look chosen
        page.wait_for_function(IS_LOADED)
        self.number += 1
        path = self.pictures / f"{self.prefix}{self.number:02d}-{name}.png"
        page.screenshot(path=path, animations="disabled")
        print(f"  {path}", flush=True)
        if name in self.published:
            image = Image.open(path).convert("RGB")
            image.thumbnail((900, 900))  # at most
            image.quantize(96).save(PUBLIC / f"{self.prefix}{name}.png", optimize=True)

    def _said(self, text):
        """The longest words of the shortest sentence that begins with `text`."""
        entries = {entry.msgid: entry for entry in polib.pofile(TRANSLATIONS)}
        found = [msgid for msgid in entries if msgid.startswith(text)]
        shortest = entries[min(found, key=len)]
        sentence = shortest.msgid if self.lang == "en" else shortest.msgstr
        words = re.split(r"%\(\w+\)s", sentence)
        return max(words, key=len).strip()

    def _see_notification(self, text, timeout=TIMEOUT):
        shown = self.page.locator(".o_notification", has_text=self._said(text))
        expect(shown.first).to_be_visible(timeout=timeout)

    def _scroll_to(self, locator):
        expect(locator).to_be_visible()
        locator.evaluate("element => element.scrollIntoView({block: 'center'})")

    def _open_list(self):
        self.page.goto(f"{self.odoo_url}/odoo/customer-invoices?view_type=list")
        expect(self.page.locator(".o_list_renderer")).to_be_visible()

    def _open_invoice(self, amount):
        row = self.page.locator(".o_data_row", has_text=_figures(amount)).first
        row.locator("[name=name]").first.click()
        expect(self.page.locator(".o_form_view")).to_be_visible()
        self.page.wait_for_selector(".o-mail-Message, .o-mail-Thread-empty span")

    def _link_rows(self):
        """The rows of the list of links, and of no other list."""
        return self.page.locator(
            ".o_list_view:has(th[data-name=payplug_id]) .o_data_row"
        )

    def _send_button(self):
        return self.page.locator("button[name=action_payplug_send_link]:visible").first

    def _fill_card(self, page, number):
        page.fill("#number", number)
        page.fill("#expiry", "09/30")
        page.fill("#cvv", "123")
        page.click("button[type=submit]")


def _figures(amount):
    """The pattern of an amount, in the notation of any language."""
    return re.compile(re.sub(r"\D", r"\\D", amount))
