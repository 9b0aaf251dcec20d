"""What the screens hold, as Odoo compiles them for a user, and the action menu."""

from lxml import etree

from odoo.exceptions import AccessError
from odoo.tests import tagged

from .common import PayplugCommon

READ_ONLY = ("create", "edit", "delete")


@tagged("post_install", "-at_install")
class TestViews(PayplugCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.reader = cls._create_user("reader", "account.group_account_readonly")
        cls.action = cls.env.ref(
            "payplug_paylink.account_move_action_payplug_send_link"
        )

    def _view(self, model, kind, xml_id, user=None):
        """Return the compiled view of a user, as the web client gets it."""
        compiled = (
            self.env[model]
            .with_user(user or self.biller)
            .get_view(self.env.ref(xml_id).id, kind)
        )
        return etree.fromstring(compiled["arch"])

    def _invoice_form(self, user=None):
        return self._view("account.move", "form", "account.view_move_form", user)

    def _one(self, view, path):
        """Return the only node of a path."""
        nodes = view.xpath(path)
        self.assertEqual(len(nodes), 1, path)
        return nodes[0]

    def _run_action(self, user):
        invoice = self._create_payable_invoice()
        action = self.action.with_user(user).with_context(
            active_model="account.move", active_id=invoice.id, active_ids=invoice.ids
        )
        return invoice, action.run()

    def test_invoice_list_shows_the_state_and_offers_both_columns(self):
        view = self._view("account.move", "list", "account.view_out_invoice_tree")
        badge = self._one(view, "//field[@name='payplug_status']")
        self.assertEqual(badge.get("widget"), "badge")
        self.assertEqual(badge.get("optional"), "show")
        for state in ("sent", "paid", "expired", "not_sent"):
            decorations = [
                name
                for name, value in badge.attrib.items()
                if name.startswith("decoration-") and f"'{state}'" in value
            ]
            self.assertEqual(len(decorations), 1, state)
        for name in ("payment_id", "online_payment"):
            column = self._one(view, f"//field[@name='{name}']")
            self.assertEqual(column.get("optional"), "hide")

    def test_invoice_form_holds_the_button_of_the_links(self):
        for user in (self.biller, self.reader):
            with self.subTest(user=user.login):
                button = self._one(
                    self._invoice_form(user),
                    "//div[@name='button_box']//button"
                    "[@name='action_payplug_open_links']",
                )
                self.assertEqual(button.get("invisible"), "not payplug_link_count")
                self._one(button, ".//field[@name='payplug_link_count']")

    def test_invoice_form_holds_copy_link_and_portal(self):
        view = self._invoice_form()
        self._one(view, "//field[@name='payment_link'][@widget='CopyClipboardButton']")
        self._one(view, "//button[@name='action_payplug_open_portal']")

    def test_only_billing_users_see_the_buttons_that_act(self):
        for name in (
            "action_payplug_send_link",
            "action_payplug_refresh",
            "action_payplug_cancel_link",
            "action_payplug_close_link",
        ):
            with self.subTest(button=name):
                path = f"//button[@name='{name}']"
                self._one(self._invoice_form(), path)
                self.assertFalse(self._invoice_form(self.reader).xpath(path))

    def test_buttons_of_the_form_open_links_and_portal(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self._request(self._create_payable_invoice())
        invoice = invoice.with_user(self.biller)
        action = invoice.action_payplug_open_links()
        found = self.env[action["res_model"]].search(action["domain"])
        self.assertEqual(found.ids, link.ids)
        portal = invoice.action_payplug_open_portal()
        self.assertEqual(portal["type"], "ir.actions.act_url")
        self.assertTrue(portal["url"].startswith("https://portal.payplug.com/"))

    def test_links_are_shown_read_only(self):
        for kind in ("list", "form"):
            with self.subTest(view=kind):
                view = self._view(
                    "payplug.payment.link",
                    kind,
                    f"payplug_paylink.payplug_payment_link_view_{kind}",
                )
                for right in READ_ONLY:
                    self.assertEqual(view.get(right), "false", right)

    # === ACTION MENU === #

    def test_action_menus_of_list_kanban_and_form_offer_the_action(self):
        self.assertEqual(self.action.binding_model_id.model, "account.move")
        kinds = set(self.action.binding_view_types.split(","))
        self.assertEqual(kinds, {"list", "kanban", "form"})
        bindings = self.env["ir.actions.actions"]
        for user, offered in [(self.biller, True), (self.reader, False)]:
            with self.subTest(user=user.login):
                found = bindings.with_user(user).get_bindings("account.move")
                ids = [action["id"] for action in found.get("action", ())]
                self.assertEqual(self.action.id in ids, offered)

    def test_action_of_a_billing_user_opens_the_send_window(self):
        invoice, window = self._run_action(self.biller)
        self.assertEqual(window["res_model"], "account.move.send.wizard")
        self.assertEqual(invoice.payplug_state, "pending")

    def test_action_of_a_read_only_accountant_is_refused(self):
        with self.assertRaises(AccessError):
            self._run_action(self.reader)
        self.assertFalse(self.payplug.calls)
