"""What axe-core finds on the pages that people read: nothing serious or critical."""

import os
from unittest import SkipTest

from odoo.tests import tagged

from odoo.addons.mail.tests.common import MailCase

from ..colors import ENOUGH, contrast
from .common import CompiledAssets
from .common_browser import DESKTOP, PHONE, BrowserCommon

AXE_CORE = os.environ.get("AXE_CORE")  # a script of npm, which dev/test has installed
GRAVE = {"serious", "critical"}
# So high that nothing is scrolled away, whose contrast the engine would not see.
HIGH_PHONE, HIGH_DESKTOP = {**PHONE, "height": 2000}, {**DESKTOP, "height": 2000}
LANGUAGES = ("en_US", "fr_FR")
LONG_HOST = "https://facturation.maison-lumiere-et-fils.example.com"
SETTINGS = {
    "include": "#payplug_paylink",
    # Odoo's own grey for a setting's help: 4.33 in all of its settings
    "exclude": "#payplug_paylink > .o_setting_right_pane > .text-muted",
}
CARD = "div:has(> table a[href*='/payplug/pay/'])"  # our text, in Odoo's layout
# A reader's own colours, which a mail must not mix with its own.
DARK_READER = ":root {color-scheme: dark} body {background: #000; color: #fff}"
# the pairs of text and background of an element and what is in it
COLORS = r"""selector => {
    const hex = color => "#" + color.match(/\d+/g).slice(0, 3)
        .map(part => (+part).toString(16).padStart(2, "0")).join("");
    const says = element => [...element.childNodes]
        .some(node => node.nodeType === 3 && node.data.trim());
    const card = document.querySelector(selector);
    return [card, ...card.querySelectorAll("*")].filter(says).map(element => {
        const color = getComputedStyle(element).color;
        const clear = "rgba(0, 0, 0, 0)";
        while (element !== document.body
                && getComputedStyle(element).backgroundColor === clear)
            element = element.parentElement;
        return [hex(color), hex(getComputedStyle(element).backgroundColor)];
    });
}"""
SELECTED = """element => {
    getSelection().selectAllChildren(element);
    return getSelection().toString();
}"""
FOCUSED = """() => {
    const element = document.activeElement;
    return element.closest("main") && element.textContent.trim();
}"""
RUN = "within => axe.run(within || document, {resultTypes: ['violations']})"


@tagged("post_install", "-at_install", "once", "long")
class TestAccessibility(CompiledAssets, MailCase, BrowserCommon):
    @classmethod
    def setUpClass(cls):
        if not AXE_CORE:
            raise SkipTest("axe-core is not installed: AXE_CORE names no script")
        super().setUpClass()
        cls.company.write(
            {
                "email": "compta@lumiere.example.com",
                "phone": "+33 1 23 45 67 89",
                "payplug_customer_renewal": False,
            }
        )

    def assertAccessible(self, page, what, within=None):
        """Check a page by the rules of axe-core.

        :param within: a selector, or what the engine's *context* holds; else all
        """
        page.add_script_tag(path=AXE_CORE)
        found = page.evaluate(RUN, within)
        self.assertGreater(len(found["passes"]), 5, "the engine has looked")
        self.assertEqual(
            [
                (rule["id"], node["html"][:200], node["failureSummary"])
                for rule in found["violations"]
                if rule["impact"] in GRAVE
                for node in rule["nodes"]
            ],
            [],
            what,
        )

    def _invoices(self):
        """Return an invoice in each state that its page shows."""
        refused, paid, expired, checking = (
            self._create_payable_invoice(1234.56) for _n in range(4)
        )
        link = self._request(expired)
        self.payplug.advance(days=8)
        link._sync()
        self.payplug.refuse(self._request(refused).payplug_id, "insufficient_funds")
        self.payplug.pay(self._request(paid).payplug_id)
        for invoice in (refused, paid):
            invoice.payplug_link_id.sudo()._sync()
        link = self._request(checking)
        self._lie(payment_method={"type": "oney", "is_pending": True})
        link._sync()
        self.payplug.clear_faults()
        return {
            "payable": self.invoice,
            "refused": refused,
            "paid": paid,
            "expired": expired,
            "checking": checking,
            "closed": self._create_payable_invoice(20_000.01),
        }

    def _addresses(self):
        """Return the address of the pay page in each of its states."""
        invoices = self._invoices()
        states = {name: one._payplug_page_state() for name, one in invoices.items()}
        self.assertEqual(states, {name: name for name in invoices})
        base = self.base_url()
        found = {name: one._payplug_page_path() for name, one in invoices.items()}
        found["unknown"] = found["payable"][:-1] + "z"
        return {name: base + path for name, path in found.items()}

    def test_pay_page_in_every_state_and_language(self):
        addresses = self._addresses()
        for lang in LANGUAGES:
            self.partner_a.lang = lang
            self.env.flush_all()
            page = self._new_page(HIGH_PHONE, locale=lang.replace("_", "-"))
            for state, address in addresses.items():
                with self.subTest(state=state, lang=lang):
                    page.goto(address)
                    self.assertAccessible(page, state)

    # === KEYBOARD AND NAMES === #

    def test_keys_lead_through_the_page_in_its_order_and_pay(self):
        self.partner_a.lang = "en_US"
        self.env.flush_all()
        page = self._new_page()
        page.goto(self.base_url() + self.invoice._payplug_page_path())
        page.wait_for_load_state("networkidle")
        pay, pdf = "Pay 1,234.56\xa0€ by card", "View the invoice (PDF)"
        reached = self._tab_through(page)
        self.assertEqual(reached, [pay, pdf, self.company.email, self.company.phone])
        self.assertEqual(page.get_by_role("button", name=pay, exact=True).count(), 1)
        self.assertEqual(page.get_by_role("link", name=pdf, exact=True).count(), 1)
        page.get_by_role("link", name=pdf).focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{self.payplug.url}/**")

    def _tab_through(self, page):
        """Return what the Tab key reaches in the page itself, one after the other."""
        reached = []
        for _press in range(20):
            page.keyboard.press("Tab")
            reached.append(page.evaluate(FOCUSED))
        return list(filter(None, reached))[:4]

    # === THE MAIL === #

    def _mail(self, invoice):
        """Return the HTML of the mail that leaves."""
        action = invoice.with_user(self.biller).action_payplug_send_link()
        windows = self.env[action["res_model"]].with_user(self.biller)
        with self.mock_mail_gateway():
            windows.with_context(**action["context"]).create({}).action_send_and_print()
        return self._mails[0]["body"]

    def test_mail_can_be_read_on_a_phone_in_light_and_dark_readers(self):
        self.env["ir.config_parameter"].sudo().set_param("web.base.url", LONG_HOST)
        for lang in LANGUAGES:
            self.partner_a.lang = lang
            invoice = self._create_payable_invoice(1234.56)
            page = self._new_page(PHONE)
            page.set_content(self._mail(invoice))
            with self.subTest(lang=lang):
                self.assertAccessible(page, "the mail", CARD)
                self.assertReadable(page)
                width = page.evaluate("document.documentElement.scrollWidth")
                self.assertEqual(width, PHONE["width"], "the address wraps")
                address = page.locator(f"{CARD} p a").first
                self.assertEqual(address.evaluate(SELECTED), invoice.payment_link)
                page.add_style_tag(content=DARK_READER)
                self.assertReadable(page)

    def assertReadable(self, page):
        """Check the contrast of our text as it is, and as a reader inverts it."""
        pairs = page.evaluate(COLORS, CARD)
        self.assertGreater(len(pairs), 5)
        for pair in pairs:
            self.assertGreaterEqual(contrast(*pair), ENOUGH, pair)
            inverted = (f"#{0xFFFFFF - int(color[1:], 16):06x}" for color in pair)
            self.assertGreaterEqual(contrast(*inverted), ENOUGH, pair)

    # === SETTINGS === #

    def test_settings_of_payplug(self):
        groups = "base.group_system,account.group_account_manager"
        administrator = self._create_user("integrator", groups)
        for lang in LANGUAGES:
            administrator.lang = lang
            self.env.flush_all()
            session = self.authenticate("integrator", "integrator")
            page = self._new_page(HIGH_DESKTOP)
            page.set_default_timeout(60_000)
            cookie = {"name": "session_id", "value": session.sid}
            page.context.add_cookies([{**cookie, "url": self.base_url()}])
            path = "/odoo/action-account.action_account_config"
            page.goto(self.base_url() + path)
            page.locator(SETTINGS["include"]).scroll_into_view_if_needed()
            with self.subTest(lang=lang):
                self.assertAccessible(page, "the settings", SETTINGS)
