"""The billing user's side in a real browser, key by key."""

from odoo.tests import tagged
from odoo.tests.common import _registry_test_lock

from .common import CompiledAssets
from .common_browser import BrowserCommon

IS_SEEN = """() => {
    const found = document.getElementById("payplug_paylink")?.getBoundingClientRect();
    return found && found.top >= 0 && found.top < window.innerHeight;
}"""
TEMPLATES = "/odoo/action-mail.action_email_template_tree_all"


@tagged("post_install", "-at_install", "once", "long")
class TestBackend(CompiledAssets, BrowserCommon):
    def _log_in(self, path, user=None):
        """Return a page of the billing or another user, at this address of Odoo."""
        user = user or self.biller
        session = self.authenticate(user.login, user.login)
        page = self._new_page()
        cookie = {"name": "session_id", "value": session.sid, "url": self.base_url()}
        page.context.add_cookies([cookie])
        page.goto(self.base_url() + path)
        return page

    def _pick(self, page, words):
        """Choose a field in the open picker of placeholders, and insert it."""
        picker = page.locator(".o_model_field_selector_popover")
        picker.locator("input").first.fill(words)
        # Until it is filtered, the list moves away below the pointer.
        picker.locator("li.active", has_text=words).wait_for()
        picker.get_by_role("button", name=words, exact=True).click()
        picker.get_by_role("button", name="Insert").click()
        picker.wait_for(state="detached")

    def test_billing_user_finds_the_placeholders_with_hash_and_slash(self):
        template = self._create_template(
            subject="Please pay: ", body_html="<p>Hello</p>"
        )
        self.env.flush_all()
        page = self._log_in(f"{TEMPLATES}/{template.id}")
        subject = page.locator("[name=subject] input")
        subject.press("End")
        subject.press("#")
        self._pick(page, "Payment link")
        body = page.locator("[name=body_html] .odoo-editor-editable")
        body.locator("p").first.click()
        page.keyboard.press("End")
        page.keyboard.type("/dynamic")
        page.keyboard.press("Enter")
        self._pick(page, "Payment link button")
        page.locator(".o_form_button_save").click()
        page.locator(".o_form_button_save").wait_for(state="hidden")
        with _registry_test_lock:  # the test and Odoo share one cursor
            self.env.invalidate_all()
            subject, body = template.subject, template.body_html
        self.assertEqual(subject.split(": ")[1].strip(), "{{object.payment_link}}")
        self.assertIn('t-out="object.payment_link_button"', body)

    def test_form_shows_the_new_state_on_reload(self):
        link = self._request(self.invoice).sudo()
        self.env.flush_all()
        page = self._log_in(f"/odoo/customer-invoices/{self.invoice.id}")
        state = page.locator(".o_field_widget[name=payplug_status]").first
        state.get_by_text("Created, not sent").wait_for()
        with _registry_test_lock:  # the test and Odoo share one cursor
            self.payplug.pay(link.payplug_id)
            link._sync()
            self.env.flush_all()
        page.reload()
        state.get_by_text("Paid").wait_for()
        page.locator(".o_widget_web_ribbon").get_by_text("Paid").wait_for()

    def test_menu_of_online_payments_leads_to_where_payplug_is_set(self):
        groups = "base.group_system,account.group_account_manager"
        administrator = self._create_user("integrator", groups)
        self.env.flush_all()
        menu = self.env.ref("payplug_paylink.res_config_settings_menu")
        page = self._log_in(f"/odoo/action-{menu.sudo().action.id}", administrator)
        page.wait_for_function(IS_SEEN)
