"""Our filters, for a user who reads invoices and has no rights on links."""

from ast import literal_eval

from lxml import etree

from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools.safe_eval import safe_eval

from ..payment_status import COLUMNS
from .common import PayplugCommon


@tagged("post_install", "-at_install", "once")
class TestFilters(PayplugCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.user = cls._create_user("colleague", "base.group_user")
        cls.env["ir.model.access"].create(
            {
                "name": "invoices for everybody",
                "model_id": cls.env["ir.model"]._get_id("account.move"),
                "group_id": cls.env.ref("base.group_user").id,
                "perm_read": True,
            }
        )

    def _nodes(self, user):
        """Return the nodes of the search view that a user gets, by name."""
        compiled = (
            self.env["account.move"]
            .with_user(user)
            .get_view(self.env.ref("account.view_account_invoice_filter").id, "search")
        )
        view = etree.fromstring(compiled["arch"])
        return {node.get("name"): node for node in view.iter("filter")}

    def _search(self, *domain):
        return self.env["account.move"].with_user(self.user).search(list(domain))

    def test_colleague_has_no_rights_on_links(self):
        with self.assertRaises(AccessError):
            self.env["payplug.payment.link"].with_user(self.user).search([])

    def test_columns_of_a_list_tell_what_each_invoice_tells(self):
        refused, queued, none = (self._create_payable_invoice() for _each in "123")
        link = self._request(refused)
        self.env["payplug.sending"].sudo().create(
            {
                "move_id": queued.id,
                "company_id": queued.company_id.id,
                "user_id": self.biller.id,
            }
        )
        link.sudo().to_cancel = True
        moves = (refused + queued + none).with_user(self.user)
        rows = moves.read(list(COLUMNS))
        for move, row in zip(moves, rows, strict=True):
            self.assertEqual(row, {"id": move.id, **{n: move[n] for n in COLUMNS}})
        self.assertEqual(rows[0]["payplug_status"], "cancelled")
        self.assertEqual(rows[1]["payplug_status"], "being_sent")
        self.assertEqual(set(rows[2].values()), {none.id, False})

    def test_columns_of_a_list_leave_out_what_was_deleted_meanwhile(self):
        move = self._create_payable_invoice().with_user(self.user)
        gone = move.browse(2**31 - 1)
        for name in COLUMNS:
            with self.subTest(column=name):
                rows = (move + gone).read([name])
                self.assertEqual([row["id"] for row in rows], move.ids)
                self.assertEqual((gone + gone.browse(2**31 - 2)).read([name]), [])

    def test_columns_of_a_list_are_read_of_records_of_an_onchange(self):
        moves = self._create_payable_invoice() + self._create_payable_invoice()
        link = self._request(moves[0])
        new = moves.browse().union(*(moves.new(origin=move) for move in moves))
        rows = new.read(list(COLUMNS))
        self.assertEqual([row["payment_id"] for row in rows], [link.payplug_id, False])

    def test_mode_that_is_none_finds_no_link(self):
        with_link, without = (
            self._create_payable_invoice(),
            self._create_payable_invoice(),
        )
        self._request(with_link)
        ours = ("id", "in", (with_link + without).ids)
        for value, found in (
            ("test", with_link),
            ("live", with_link.browse()),
            (False, without),
            ("nonsense", with_link.browse()),
            (5, with_link.browse()),
        ):
            with self.subTest(value=value):
                self.assertEqual(
                    self._search(ours, ("payplug_mode", "=", value)), found
                )

    def test_columns_of_a_list_are_not_for_the_portal(self):
        moves = self._create_payable_invoice() + self._create_payable_invoice()
        portal = self._create_user("portal", "base.group_portal")
        portal.partner_id.parent_id = moves.partner_id
        moves.message_subscribe(portal.partner_id.ids)
        mine = moves.with_user(portal)
        self.assertEqual(len(mine.read(["name"])), 2)
        for name in COLUMNS:
            with self.subTest(column=name), self.assertRaises(AccessError):
                mine.read([name])

    def test_colleague_uses_the_filters(self):
        waiting, refused, none = (self._create_payable_invoice() for _each in "123")
        for invoice in (waiting, refused):
            self._request(invoice)
        self.payplug.refuse(refused.payment_id)
        refused.action_payplug_refresh()
        ours = ("id", "in", (waiting + refused + none).ids)
        nodes = self._nodes(self.user)
        for name, found in {
            "online_payment": waiting + refused,
            "payplug_pending": waiting + refused,
            "payplug_refused": refused,
            "payplug_paid": none.browse(),
            "payplug_expired": none.browse(),
        }.items():
            with self.subTest(filter=name):
                domain = literal_eval(nodes[name].get("domain"))
                self.assertEqual(self._search(ours, *domain), found.sorted())

    def test_who_types_a_payment_id_or_an_invoice_number_and_enter_finds_it(self):
        invoice, _other = (self._create_payable_invoice() for _each in "12")
        self._request(invoice)
        found = {
            ("account.move", "account.view_account_invoice_filter"): (
                invoice,
                self.user,
            ),
            (
                "payplug.payment.link",
                "payplug_paylink.payplug_payment_link_view_search",
            ): (invoice.payplug_link_id, self.biller),
        }
        for (model, view), (record, user) in found.items():
            records = self.env[model].with_user(user)
            arch = records.get_view(self.env.ref(view).id, "search")["arch"]
            field = etree.fromstring(arch).find(".//field")  # that of Enter
            for typed in (invoice.payment_id, invoice.name):
                domain = safe_eval(field.get("filter_domain"), {"self": typed})
                with self.subTest(model=model, typed=typed):
                    self.assertEqual(records.search(domain), record.with_user(user))

    def test_colleague_searches_payment_ids_and_links(self):
        invoice = self._create_payable_invoice()
        self._request(invoice)
        self.assertEqual(self._search(("payment_id", "=", invoice.payment_id)), invoice)
        for domain in (
            ("payment_link", "=", invoice.payplug_link_id.sudo().url),
            ("payment_link", "!=", False),
            ("payment_link_button", "!=", False),
        ):
            with self.subTest(domain=domain):
                self.assertIn(invoice, self._search(domain))

    def test_colleague_groups_by_state(self):
        invoice = self._create_payable_invoice()
        self._request(invoice)
        groups = (
            self.env["account.move"]
            .with_user(self.user)
            ._read_group(
                [("id", "=", invoice.id)],
                ["payplug_status", "online_payment"],
                ["__count"],
            )
        )
        self.assertEqual(groups, [("created", True, 1)])

    def test_filter_of_what_is_to_book_is_for_accounting_only(self):
        self.assertIn("payplug_to_book", self._nodes(self.biller))
        self.assertNotIn("payplug_to_book", self._nodes(self.user))
        self.assertIn("payplug_pending", self._nodes(self.user))
