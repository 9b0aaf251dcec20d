"""What a user, a customer or a stranger brings along is never simply believed."""

import json
import logging

import psycopg2

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.http import Request
from odoo.service.model import call_kw
from odoo.tests import BaseCase, Form, HttpCase, tagged
from odoo.tools import mute_logger

from ..models.payplug_link_guard_mixin import SET_BY_CODE
from ..payplug_api import API_URL, PayplugClient
from ..payplug_remote import SecretKey
from .common import LINK_LOG, PayplugBookingCommon, PayplugCommon, PayplugRoutesCommon
from .common_queue import QueueCommon
from .common_refunds import RefundCommon

EMAIL = "marie.durand@example.com"
LINK = "{{ object.payment_link }}"


@tagged("post_install", "-at_install", "once")
class TestForeignLink(PayplugCommon):
    """An invoice shows its own links, and nobody chooses which."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.rival = cls.setup_other_company(name="Rival SA")["company"]
        cls.invoice = cls._create_payable_invoice(102)
        cls.foreign = cls._request_for_all(cls._create_payable_invoice(308))
        cls.env.flush_all()
        cls.env.invalidate_all()

    def _as_biller(self, records):
        return records.with_user(self.biller).sudo(False)

    def _values(self):
        link = self.foreign.id
        yield {"payplug_link_id": link}
        yield {"payplug_link_ids": [Command.link(link)]}
        yield {"payplug_link_ids": [Command.update(link, {"state": "paid"})]}

    def test_billing_user_cannot_write_which_link_an_invoice_shows(self):
        for values in self._values():
            with self.subTest(values=values), self.assertRaises(AccessError):
                self._as_biller(self.invoice).write(values)

    def test_billing_user_cannot_create_an_invoice_with_a_link(self):
        moves = self._as_biller(self.env["account.move"])
        for values in self._values():
            with self.subTest(values=values), self.assertRaises(AccessError):
                moves.create({"move_type": "out_invoice", **values})
        defaults = moves.with_context(default_payplug_link_id=self.foreign.id)
        self.assertNotIn("payplug_link_id", defaults.default_get(["payplug_link_id"]))
        invoice = defaults.create({"move_type": "out_invoice"})
        self.assertFalse(invoice.payplug_link_id)

    def test_own_default_of_a_user_is_no_link(self):
        """Odoo fills a new record with a user's own defaults, for code in sudo too."""
        moves = self._as_biller(self.env["account.move"])
        ended = self.foreign
        ended._cancel()
        current = self._request(ended.move_id)
        self.assertNotEqual(current, ended)
        defaults = self._as_biller(self.env["ir.default"])
        defaults.set("account.move", "payplug_link_id", current.id, user_id=True)
        links = [[Command.LINK, ended.id]]
        defaults.set("account.move", "payplug_link_ids", links, user_id=True)
        invoices = moves.with_context(default_move_type="out_invoice")
        shown = invoices.onchange({}, [], {"payment_id": {}})
        self.assertEqual(shown["value"], {"payment_id": False})
        created = invoices.sudo().create({"move_type": "out_invoice"})
        self.assertFalse(created.payplug_link_ids)
        self.assertEqual(ended.move_id, current.move_id)

    def _foreign_refund(self):
        """Return a refund of the other invoice."""
        link = self.foreign
        self.payplug.pay(link.payplug_id)
        self.payplug.refund(link.payplug_id, 2000)
        link._sync()
        return link.refund_ids

    def _create_stranger(self, groups="account.group_account_invoice"):
        stranger = self._create_user("stranger", groups)
        stranger.sudo().write(
            {"company_ids": [Command.set(self.rival.ids)], "company_id": self.rival.id}
        )
        self.env.flush_all()
        self.env.invalidate_all()
        return stranger

    def test_nobody_chooses_the_refunds_of_a_credit_note(self):
        refund = self._foreign_refund()
        stranger = self._create_stranger()
        moves = self.env["account.move"].with_user(stranger).sudo(False)
        moves = moves.with_context(allowed_company_ids=self.rival.ids)
        values = {"move_type": "out_refund", "payplug_refund_ids": [[4, refund.id]]}
        shown = {"payplug_refund_ids": {}, "payplug_amount_refunded": {}}
        told = moves.onchange(values, ["payplug_refund_ids"], shown)["value"]
        self.assertFalse(any(told.values()))
        with self.assertRaises(AccessError):
            moves.create(values)
        # Odoo fills a new record with a user's own defaults, for code in sudo too
        defaults = self.env["ir.default"].with_user(stranger).sudo(False)
        links = values["payplug_refund_ids"]
        defaults.set("account.move", "payplug_refund_ids", links, user_id=True)
        created = moves.sudo().create({"move_type": "out_refund"})
        self.assertFalse(created.payplug_refund_ids)
        self.assertFalse(refund.credit_note_id)

    def test_send_window_tells_nothing_of_an_invoice_of_another_company(self):
        """Odoo computes stored fields in sudo."""
        queue_sudo = self.env["payplug.sending"].sudo()
        queue_sudo._create_rows(self.invoice, {"sent_at": "2026-01-01 10:00:00"})
        windows = self.env["account.move.send.wizard"]
        windows = windows.with_user(self._create_stranger()).sudo(False)
        window = windows.create({"move_id": self.invoice.id})
        self.assertFalse(window.payplug_seen_at)

    def test_default_values_of_a_journals_address_set_no_link(self):
        """Odoo creates, in sudo, what an accountant writes there."""
        moves_sudo = self.env["account.move"].sudo()
        for commands in (
            [Command.update(self.foreign.id, {"url": "https://evil.example/pay"})],
            [Command.link(self.foreign.id)],
            [Command.create({"amount": 5000})],
            [Command.delete(self.foreign.id)],
        ):
            values = {"move_type": "out_refund", "payplug_link_ids": commands}
            nested = {"reversal_move_ids": [Command.update(self.invoice.id, values)]}
            for each in (values, {"move_type": "out_refund", **nested}):
                with self.subTest(values=each), self.assertRaises(AccessError):
                    moves_sudo.message_new({"subject": "x"}, each)
        with self.assertRaises(AccessError):
            self.invoice.sudo().write({"payplug_refund_ids": [Command.clear()]})

    def test_billing_user_cannot_import_a_link(self):
        result = self._as_biller(self.env["account.move"]).load(
            [".id", "payplug_link_id/.id"], [[self.invoice.id, self.foreign.id]]
        )
        self.assertFalse(result["ids"])
        self.assertFalse(self.invoice.payplug_link_id)

    def test_billing_user_sees_no_foreign_link_by_an_onchange(self):
        shown = ("payment_id", "payment_link", "payplug_link_id", "payplug_link_ids")
        specification = {name: {} for name in shown}
        for records in (self.invoice, self.env["account.move"]):
            for values in self._values():
                with self.subTest(values=values):
                    told = self._as_biller(records).onchange(
                        values, list(values), specification
                    )
                    for secret in (self.foreign.payplug_id, self.foreign.id):
                        # as a word: the own address ends in any digits
                        self.assertNotRegex(str(told), rf"\b{secret}\b")

    def test_refusals_that_name_a_document_are_not_logged(self):
        """Odoo's context may put the customer into the document's name."""
        invoice = self._as_biller(self.invoice)
        invoice = invoice.with_context(input_full_display_name=True)
        with self.assertRaises(UserError) as refusal:
            invoice.action_payplug_refund()
        self.assertIn("Marie Durand", refusal.exception.args[0])
        logger = logging.getLogger("odoo.http")
        with self.assertLogs(logger) as logs:
            logger.warning(refusal.exception)  # as Odoo does
        self.assertNotIn("Marie Durand", str(logs.output))

    def test_form_may_show_what_code_alone_sets(self):
        """As Studio or another addon lets it."""
        self._request(self.invoice)
        view = self.env["ir.ui.view"].create(
            {
                "model": "account.move",
                "inherit_id": self.env.ref("account.view_move_form").id,
                "arch": """<field name="partner_id" position="after">
                    <field name="payplug_link_id"/><field name="payplug_link_ids"/>
                    <field name="payplug_refund_ids"/></field>""",
            }
        )
        moves = self._as_biller(self.env["account.move"])
        for records in (
            self._as_biller(self.invoice),
            moves.with_context(default_move_type="out_invoice"),
        ):
            with Form(records, view.inherit_id) as form:
                form.narration = "Thank you"
            self.assertIn("Thank you", form.record.narration)
        self.assertEqual(len(self.invoice.payplug_link_ids), 1)

    def test_statement_line_shows_no_banner_of_an_invoice_of_another_company(self):
        self._foreign_refund()
        stranger = self._create_stranger("account.group_account_user")
        lines = self.env["account.bank.statement.line"].with_user(stranger)
        lines = lines.sudo(False).with_context(allowed_company_ids=self.rival.ids)
        known = {"state": "posted", "move_type": "out_invoice", "auto_post": "no"}
        known |= dict.fromkeys(
            (
                "is_being_sent",
                "sending_data",
                "partner_credit_warning",
                "abnormal_amount_warning",
                "abnormal_date_warning",
                "tax_lock_date_message",
            ),
            False,
        )
        move = {"id": self.foreign.move_id.id, **known}
        told = lines.onchange({"move_id": move}, ["move_id"], {"alerts": {}})
        self.assertNotIn("payplug", str(told))

    def test_billing_user_sees_no_foreign_link_by_the_onchange_of_another_record(self):
        statements = self._as_biller(self.env["account.bank.statement.line"])
        payments = self._as_biller(self.env["account.payment"])
        values = {"payplug_link_id": self.foreign.id}
        with self.assertRaises(AccessError):
            payments.onchange(
                {"invoice_ids": [Command.update(self.invoice.id, values)]},
                ["invoice_ids"],
                {"invoice_ids": {"fields": {"payment_id": {}}}},
            )
        with self.assertRaises(AccessError):
            statements.create({"payment_ref": "x", "amount": 1, **values})

    def test_bank_user_sees_no_foreign_link_by_a_line_that_has_the_fields(self):
        """A statement line has the fields of its entry, and an existing one as well."""
        line = self.env["account.bank.statement.line"].create(
            {
                "journal_id": self.company_data["default_journal_bank"].id,
                "payment_ref": "x",
                "amount": 1,
            }
        )
        user = self._create_user("bank", "account.group_account_user")
        values = {"payplug_link_id": self.foreign.id}
        shown = {"payplug_link_id": {}, "payment_id": {}, "payplug_state": {}}
        self.env.flush_all()
        own = line.with_user(user).sudo(False)
        told = own.onchange(values, list(values), shown)["value"]
        self.assertFalse(any(told.values()))
        with self.assertRaises(AccessError):
            line.move_id.with_user(user).sudo(False).onchange(
                {"statement_line_ids": [Command.update(line.id, values)]},
                ["statement_line_ids"],
                {"statement_line_ids": {"fields": {"payment_id": {}}}, **shown},
            )

    def test_send_window_is_closed_to_all_but_its_creator(self):
        """Its text holds the payment link."""
        invoice = self.foreign.move_id
        windows = self._as_biller(self.env["account.move.send.wizard"])
        template = self.env["account.move"]._payplug_template()
        window = windows.create({"move_id": invoice.id, "template_id": template.id})
        self.assertIn(invoice.payment_link, window.body)
        window.subject = "Mine"
        colleague = self._create_user("colleague", "account.group_account_invoice")
        for user in (self._create_stranger(), colleague):
            others = window.with_user(user).sudo(False)
            with self.subTest(user=user.login):
                self.assertFalse(others.search([("move_id", "=", invoice.id)]))
                with self.assertRaises(AccessError):
                    others.read(["body"])
                with self.assertRaises(AccessError):
                    others.write({"subject": "Theirs"})
                with self.assertRaises(AccessError):
                    others.action_send_and_print()

    def _create_spy(self, stranger, **values):
        """Return a template for invoices that a stranger has written."""
        model = self.env["ir.model"]._get_id("account.move")
        templates = self.env["mail.template"].with_user(stranger).sudo(False)
        return templates.create({"name": "Spy", "model_id": model, **values})

    def test_send_window_renders_no_invoice_of_another_company(self):
        """Odoo's Send window renders in sudo whatever invoice it is given."""
        stranger = self._create_stranger()
        template = self._create_spy(
            stranger, body_html='<p t-out="object.payment_link"/>'
        )
        by_language = template.copy({"lang": LINK})
        windows = self.env["account.move.send.wizard"].with_user(stranger).sudo(False)
        windows = windows.with_context(allowed_company_ids=self.rival.ids)
        invoice = self.foreign.move_id.id
        for values in (
            {"move_id": invoice, "template_id": template.id},
            {"move_id": {"id": invoice}, "template_id": template.id},
            {"move_id": invoice, "template_id": by_language.id},
        ):
            with self.subTest(values=values), self.assertRaises(AccessError):
                windows.onchange(values, list(values), {"body": {}, "lang": {}})

    def test_message_window_renders_no_invoice_of_another_company(self):
        """Odoo computes its stored fields in sudo."""
        stranger = self._create_stranger()
        template = self._create_spy(stranger, subject=LINK, email_to=LINK)
        windows = self.env["mail.compose.message"].sudo(False)
        values = {
            "composition_mode": "comment",
            "model": "account.move",
            "res_ids": str(self.foreign.move_id.ids),
            "template_id": template.id,
        }
        with self.assertRaises(AccessError):
            windows.with_user(stranger).create(values)
        window = windows.with_user(self.biller).create(values)
        self.assertEqual(window.subject, self.foreign.move_id.payment_link)

    def test_message_window_of_another_model_renders_no_foreign_invoice(self):
        """A template reads records of its own model, whatever the window is for."""
        stranger = self._create_stranger()
        windows = self.env["mail.compose.message"].with_user(stranger).sudo(False)
        for name in ("subject", "email_from", "reply_to"):
            template = self._create_spy(stranger, **{name: LINK})
            values = {
                "composition_mode": "comment",
                "res_ids": str(self.foreign.move_id.ids),
                "template_id": template.id,
            }
            for model in (False, "res.country"):
                with self.subTest(name=name, model=model):
                    with self.assertRaises(AccessError):
                        windows.create({**values, "model": model})

    def test_template_shows_no_link_of_another_company_in_an_error(self):
        """Odoo's preview tells of a language that is none; rights come later there."""
        stranger = self._create_stranger()
        template = self._create_spy(stranger, lang=LINK)
        invoice = self.foreign.move_id
        previews = self.env["mail.template.preview"].with_user(stranger).sudo(False)
        preview = previews.create(
            {
                "mail_template_id": template.id,
                "resource_ref": f"account.move,{invoice.id}",
            }
        )
        self.assertIn("access", preview.error_msg)
        self.assertNotIn("payplug", preview.error_msg)
        for name in ("payment_link", "payment_link_button", "payment_link_amount"):
            self.env.invalidate_all()
            with self.subTest(name=name), self.assertRaises(AccessError):
                invoice.with_user(stranger).sudo(False)[name]

    def test_onchange_brings_no_amount_of_another_company_along(self):
        """Odoo makes a new record of an invoice in a dictionary, and checks none."""
        stranger = self._create_stranger()
        lines = self.env["payplug.send.links.line"].with_user(stranger).sudo(False)
        values = {"move_id": {"id": self.foreign.move_id.id}}
        with self.assertRaises(AccessError):
            lines.with_context(allowed_company_ids=self.rival.ids).onchange(
                values, ["move_id"], {"amount": {}}
            )

    def _own_fields(self):
        """Return the names of all fields that this addon gives an invoice."""
        fields = self.env["account.move"]._fields.items()
        return [name for name, field in fields if "payplug_paylink" in field._modules]

    def _told(self, name, ask):
        """Return what a question tells of a field: nothing where it is refused."""
        self.env.invalidate_all()
        try:
            return ask(name)
        except AccessError:
            return None

    def _give_every_field_a_value(self):
        """Let the other invoice be refunded in part, and its mail have failed."""
        self.company.write(
            {"payplug_live_key": False, "payplug_book_test_payments": True}
        )
        invoice = self._create_payable_invoice(308)
        link = self._request(invoice)
        self.payplug.pay(link.payplug_id)
        link._sync()
        self.payplug.refund(link.payplug_id, 2000)
        link._sync()
        reason = {"state": "failed", "failure_reason": "Marie is unknown"}
        self.env["payplug.sending"].sudo()._create_rows(invoice, reason)
        self.env.flush_all()
        return invoice

    def test_statement_line_tells_nothing_of_an_invoice_of_another_company(self):
        """It has all fields of the invoice that an onchange says is its entry."""
        invoices = (self._give_every_field_a_value(), self.foreign.move_id)
        stranger = self._create_stranger("account.group_account_user")
        lines = self.env["account.bank.statement.line"].with_user(stranger)
        lines = lines.sudo(False).with_context(allowed_company_ids=self.rival.ids)
        for move in (invoice.id for invoice in invoices):
            for value in (move, {"id": move}, {"id": move, "move_type": "out_invoice"}):

                def ask(name, value=value):
                    values = {"move_id": value}
                    shown = lines.onchange(values, ["move_id"], {name: {}})
                    return shown["value"].get(name)

                for name in self._own_fields():
                    with self.subTest(value=value, name=name):
                        self.assertFalse(self._told(name, ask))

    def test_template_reads_no_field_of_an_invoice_of_another_company(self):
        """Nor does the error that Odoo shows of a language that is none."""
        invoice = self._give_every_field_a_value()
        stranger = self._create_stranger()
        foreign = invoice.with_user(stranger).sudo(False)
        for name in self._own_fields():
            with self.subTest(name=name):
                self.assertFalse(self._told(name, lambda name: foreign[name]))

    def test_own_statement_line_has_the_fields_of_its_entry_as_ever(self):
        user = self._create_user("bank", "account.group_account_user")
        lines = self.env["account.bank.statement.line"].with_user(user).sudo(False)
        journal = self.company_data["default_journal_bank"].id
        values = {"journal_id": journal, "payment_ref": "x", "amount": 1}
        line = lines.create(values)
        names = {*self._own_fields(), "payment_ref"} - SET_BY_CODE
        specification = {name: {} for name in names}
        self.env.invalidate_all()
        for record, field_names in ((lines, []), (line, ["payment_ref"])):
            shown = record.onchange(dict(values), field_names, specification)
            told = {name for name, value in shown["value"].items() if value}
            self.assertLessEqual(told, {"payment_ref"})

    def test_database_refuses_a_foreign_link_whoever_writes_it(self):
        with (
            self.assertRaises(UserError),
            self.env.cr.savepoint(),
            mute_logger("odoo.sql_db"),
        ):
            try:
                self.invoice.sudo().payplug_link_id = self.foreign
                self.env.flush_all()
            except Exception as error:
                raise UserError(type(error).__name__) from error

    def test_rows_of_before_the_rule_are_mended_when_the_addon_is_updated(self):
        self.env.cr.execute(
            "ALTER TABLE account_move"
            " DROP CONSTRAINT account_move_payplug_link_id_is_own"
        )
        self.env.cr.execute(
            "UPDATE account_move SET payplug_link_id = %s WHERE id = %s",
            [self.foreign.id, self.invoice.id],
        )
        self.env["payplug.payment.link"]._guard_links_of_invoices()
        self.env.invalidate_all()
        self.assertFalse(self.invoice.payplug_link_id)
        self.assertEqual(self.foreign.move_id.payplug_link_id, self.foreign)

    def test_deleted_invoice_leaves_its_link_behind(self):
        link = self._request(self.invoice)
        self.invoice.button_draft()
        self.invoice.posted_before = False
        self.invoice.name = "/"
        self.invoice.unlink()
        self.env.flush_all()
        self.assertFalse(link.move_id)

    def test_deleted_link_leaves_its_invoice_behind(self):
        self._request(self.invoice).unlink()
        self.env.flush_all()
        self.assertFalse(self.invoice.payplug_link_id)

    def test_link_is_not_found_by_a_part_of_its_address(self):
        moves = self._as_biller(self.env["account.move"])
        link = self.foreign
        own = link.move_id
        part = link.url[:30]
        for operator in ("=like", "like", "ilike", "=ilike", ">="):
            with self.subTest(operator=operator), self.assertRaises(UserError):
                moves.search([("payment_link", operator, f"{part}%")])
        self.assertEqual(moves.search([("payment_link", "=", link.url)]), own)


@tagged("post_install", "-at_install", "once")
class TestHiddenInvoice(RefundCommon):
    """Who may not read an invoice reads no row of ours about it, either."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice.invoice_user_id = cls.accountant
        cls.env["ir.rule"].create(
            {
                "name": "Own invoices",
                "model_id": cls.env["ir.model"]._get_id("account.move"),
                "domain_force": "[('invoice_user_id', 'in', (False, user.id))]",
            }
        )
        cls.payplug.refund(cls.link.payplug_id, 2000)
        cls.link._sync()
        cls.sending = (
            cls.env["payplug.sending"]
            .sudo()
            .create({"move_id": cls.invoice.id, "company_id": cls.company.id})
        )
        cls.env.flush_all()

    def _rows(self, user):
        self.env.invalidate_all()
        for row in (self.link, self.link.refund_ids, self.sending):
            yield row.with_user(user).sudo(False)

    def test_colleague_finds_and_reads_no_row(self):
        for row in self._rows(self.biller):
            with self.subTest(model=row._name):
                own = [("id", "in", row.ids)]
                self.assertTrue(row.sudo().search_count(own))
                self.assertFalse(row.search(own))
                self.assertFalse(row._read_group(own, ["state"]))
                with self.assertRaises(AccessError):
                    row.read(["state"])
                with self.assertRaises(AccessError):
                    row.move_id.read(["payment_link"])

    def test_who_may_read_the_invoice_reads_its_rows(self):
        for row in self._rows(self.accountant):
            with self.subTest(model=row._name):
                self.assertEqual(row.search([("id", "in", row.ids)]), row)
                self.assertTrue(row.read(["state"]))

    def test_colleague_cannot_take_its_refunds_by_an_own_credit_note(self):
        moves = self.env["account.move"].with_user(self.biller).sudo(False)
        values = {"move_type": "out_refund", "partner_id": self.partner_a.id}
        named = {"reversed_entry_id": self.invoice.id}
        note = moves.create(values)
        for act in (
            lambda: note.write(named),
            lambda: moves.create({**values, **named}),
            lambda: moves.with_context(
                default_reversed_entry_id=self.invoice.id
            ).create(values),
        ):
            with self.assertRaises(AccessError), self.env.cr.savepoint():
                act()
        moves.with_user(self.accountant).sudo(False).create({**values, **named})

    def test_link_of_a_deleted_invoice_is_still_read(self):
        self.invoice.sudo().payplug_link_id = False
        self.env.flush_all()
        self.link.sudo().move_id = False
        self.env.flush_all()
        link = next(self._rows(self.biller))
        self.assertEqual(link.search([("id", "=", link.id)]), link)
        self.assertTrue(link.read(["url"]))


@tagged("post_install", "-at_install", "once")
class TestSecrets(PayplugCommon):
    """Odoo searches attachments in sudo, by whatever path a user names."""

    PAGE = {"url", "payplug_id"}  # of a payment: its address ends with its ID
    ATTACHED = {
        "res.company": "company_id",
        "payplug.payment.link": (
            "company_id.partner_id.bank_ids.related_moves.payplug_link_ids"
        ),
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        bank = {"acc_number": "X 1", "partner_id": cls.company.partner_id.id}
        bank = cls.env["res.partner.bank"].create({**bank, "allow_out_payment": True})
        invoice = cls._create_payable_invoice(partner_bank_id=bank.id)
        cls.link = cls._request(invoice)
        cls.company.sudo().payplug_polling = "{}"
        cls.employee = cls._create_user("employee", "base.group_user")
        attachments = cls.env["ir.attachment"].with_user(cls.employee).sudo(False)
        cls.own = attachments.create({"name": "x.txt", "raw": b"x"})

    def _secrets(self):
        """Give the stored texts that are secret: by their field, path and record."""
        for record in (self.company.sudo(), self.link.sudo()):
            for field in record._fields.values():
                is_ours = "payplug_paylink" in field._modules and field.store
                secret = field.groups == "base.group_system" or field.name in self.PAGE
                if is_ours and secret and field.type == "char":
                    path = f"{self.ATTACHED[record._name]}.{field.name}"
                    yield field, path, record

    def test_no_secret_is_spelt_by_searches_letter_by_letter(self):
        names = {field.name for field, *_rest in self._secrets()}
        keys = {"payplug_live_key", "payplug_test_key"}
        self.assertLessEqual(keys | self.PAGE, names)
        for field, path, record in self._secrets():
            begin = record[field.name][:9]
            for operator in ("=like", "=ilike", "like", "ilike", "not like", ">", "<="):
                with self.subTest(path=path, operator=operator):
                    domain = [("id", "=", self.own.id), (path, operator, f"{begin}%")]
                    with self.assertUserError("whole text"):
                        self.own.search_count(domain)
                    with self.assertUserError("whole text"):
                        record.search_count([(field.name, operator, begin)])

    def test_payment_id_is_spelt_by_no_field_that_leads_to_it(self):
        """Payplug's page has it for an address."""
        moves = self.ATTACHED["payplug.payment.link"].rpartition(".")[0]
        begin, own = f"{self.link.payplug_id[:9]}%", ("id", "=", self.own.id)
        for path in (f"{moves}.payment_id", f"{moves}.payplug_link_id.payplug_id"):
            with self.subTest(path=path), self.assertUserError("whole text"):
                self.own.search_count([own, (path, "=like", begin)])

    def test_name_of_a_link_is_found_whole_or_not_at_all(self):
        path = f"{self.ATTACHED['payplug.payment.link']}.display_name"
        whole, own = self.link.payplug_id, ("id", "=", self.own.id)
        for operator in ("=", "=like", "=ilike", "like", "ilike"):
            for name, found in ((whole, 1), (f"{whole[:9]}%", 0), (whole[:9], 0)):
                with self.subTest(operator=operator, name=name):
                    count = self.own.search_count([own, (path, operator, name)])
                    self.assertEqual(count, found)
        links = self.env["payplug.payment.link"].with_user(self.biller)
        it = (self.link.id, whole)
        self.assertEqual(links.name_search(whole), [it])
        self.assertFalse(links.name_search(whole[:9]))
        self.assertIn(it, links.name_search(""))
        self.assertNotIn(it, links.name_search(whole, [], "not ilike"))

    def test_paths_of_attachments_lead_to_what_is_searched(self):
        for _field, path, record in self._secrets():
            name = path.rpartition(".")[2]
            found = [("id", "=", self.own.id), (path, "=", record[name])]
            self.assertTrue(self.own.search_count(found), path)


@tagged("post_install", "-at_install", "once")
class TestRefusedRow(PayplugRoutesCommon):
    """PostgreSQL quotes the row that it refuses, and Odoo sends that to the user."""

    def _assert_no_key_is_told(self, user, model, record, values):
        self.env.flush_all()
        self.authenticate(user.login, user.login)
        call = {"model": model, "method": "write", "args": [record.ids, values]}
        with mute_logger("odoo.sql_db", "odoo.http"):
            answer = self.url_open(
                "/web/dataset/call_kw", json={"params": {**call, "kwargs": {}}}
            )
        self.assertIn("NotNullViolation", answer.text, "else this tests nothing")
        for key in (self.account.test_key, self.account.live_key):
            self.assertNotIn(key, answer.text)

    def test_key_that_an_export_searches_is_not_logged(self):
        boss = self._create_user("boss", "base.group_system")
        self.authenticate(boss.login, boss.login)
        asked = {
            "model": "res.company",
            "fields": [{"name": "name", "label": "Name"}],
            "ids": False,
            "domain": [["payplug_live_key", "=", "sk-live-Secret42"]],
            "groupby": [],
            "import_compat": False,
        }
        values = {"data": json.dumps(asked), "csrf_token": Request.csrf_token(self)}
        # Odoo gives the name "INFO" to a level above
        with self.assertLogs(
            "odoo.addons.web.controllers.export", logging.INFO
        ) as logs:
            answer = self.url_open("/web/export/csv", data=values)
        self.assertEqual(answer.status_code, 200)
        self.assertIn("payplug_live_key", "\n".join(logs.output))
        self.assertNotIn("Secret42", "\n".join(logs.output))

    def test_refused_row_of_a_company_tells_no_key(self):
        self.company.payplug_book_test_payments = False
        self.company.payplug_live_key = self.account.live_key
        contacts = self._create_user("contacts", "base.group_partner_manager")
        nameless = {"type": "other", "name": False}
        partner = self.company.partner_id
        self._assert_no_key_is_told(contacts, "res.partner", partner, nameless)
        rights = self._create_user("rights", "base.group_erp_manager")
        modeless = {"payplug_mode": False}
        self._assert_no_key_is_told(rights, "res.company", self.company, modeless)


@tagged("post_install", "-at_install", "once")
class TestForeignWindow(QueueCommon):
    """A window is of the one who opened it, and shows what that user may read."""

    def setUp(self):
        super().setUp()
        self.colleague = self._create_user("colleague", "account.group_account_invoice")

    def test_window_and_its_lines_are_closed_to_others(self):
        window = self._open(self._invoices(2))
        for record in (window, window.line_ids[:1]):
            record_of_another = record.with_user(self.colleague)
            for operation in ("read", "write"):
                with self.subTest(record=record, operation=operation):
                    self.assertTrue(record.has_access(operation))
                    self.assertFalse(record_of_another.has_access(operation))
        with self.assertRaises(AccessError):
            window.with_user(self.colleague).action_send()

    def test_contact_that_may_not_be_read_is_not_shown(self):
        invoices = self._invoices(2, partner_id=self.partner_b.id)
        self.env["ir.rule"].sudo().create(
            {
                "name": "Some contacts are private",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "domain_force": [("id", "!=", self.partner_b.id)],
            }
        )
        self.env.flush_all()
        self.env.invalidate_all()
        window = self._open(invoices)
        self.assertEqual(window.refused_count, 2)
        for line in window.refused_ids:
            self.assertFalse(line.email)
            self.assertFalse(line.partner_id)
            self.assertIn("You may not read its contact", line.failure_reason)

    def test_window_takes_no_invoice_of_another_company(self):
        rival = self.setup_other_company(name="Rival SA")["company"]
        stranger = self._create_user("stranger", "account.group_account_invoice")
        stranger.sudo().write(
            {"company_ids": [Command.set(rival.ids)], "company_id": rival.id}
        )
        invoice = self._create_payable_invoice()
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertFalse(invoice.with_user(stranger).sudo(False).has_access("read"))
        windows = self.env["payplug.send.links"].with_user(stranger).sudo(False)
        with self.assertRaises(AccessError):
            windows.with_context(allowed_company_ids=rival.ids).create(
                {"line_ids": [Command.create({"move_id": invoice.id})]}
            )

    def test_template_and_report_of_another_model_are_refused(self):
        window = self._open(self._invoices(2))
        template = self.env["mail.template"].search(
            [("model", "!=", "account.move")], limit=1
        )
        report = self.env["ir.actions.report"].search(
            [("model", "!=", "account.move")], limit=1
        )
        mixed = self._create_reminder("<p t-out='object.payment_link'/>")
        mixed.report_template_ids = report
        for values in (
            {"template_id": template.id},
            {"pdf_report_id": report.id},
            {"template_id": mixed.id},
        ):
            with self.subTest(values=values):
                with self.assertUserError("is not made for invoices"):
                    window.write(values)
        queue_sudo = self.env["payplug.sending"].sudo()
        for pair in (
            (template, report.browse()),
            (template.browse(), report),
        ):
            with self.assertUserError("is not made for invoices"):
                queue_sudo._enqueue(window.ready_ids.move_id, *pair)

    def test_odoos_window_shows_no_row_of_ours_by_a_template_of_its_model(self):
        """Odoo would render, in sudo, the row that has the id of the invoice."""
        invoice = self._create_payable_invoice()
        windows = self.env["account.move.send.wizard"].with_user(self.biller)
        for model in ("payplug.payment.link", "payplug.refund", "res.partner"):
            template = self.env["mail.template"].create(
                {
                    "name": "Of another model",
                    "model_id": self.env["ir.model"]._get_id(model),
                    "subject": "{{ object.display_name }}",
                    "lang": "{{ object.partner_id.name }}",
                }
            )
            values = {"move_id": invoice.id, "template_id": template.id}
            asked = {"subject": {}, "body": {}}
            with self.subTest(model=model):
                with self.assertUserError("is not made for invoices"):
                    windows.create(values)
                with self.assertUserError("is not made for invoices"):
                    windows.onchange(values, ["template_id"], asked)

    def test_template_that_became_one_of_another_model_is_not_sent(self):
        template = self._create_reminder("<p t-out='object.display_name'/>")
        invoices = self._invoices(2)
        self._enqueue(invoices, template_id=template.id)
        template.model_id = self.env["ir.model"]._get_id("res.partner")
        self.assertFalse(self._run_cron())
        self.assertEqual(self._states(invoices), ["failed"] * 2)
        self.assertIn("is not made for invoices", invoices[0].payplug_sending_reason)

    def _name_foreign_mail(self):
        """Let a user who was mailed a link say that this was another mail.

        Odoo lets everybody write on their own notices.

        :return: the invoice, and that mail, which failed
        """
        me = self.biller.partner_id
        me.email = "biller@example.com"
        invoice = self._create_payable_invoice(partner_id=me.id)
        self._send_links_of(invoice)
        notices = self._queue(invoice).message_id.notification_ids
        mails = self.env["mail.mail"].sudo()
        foreign = mails.create(
            {
                "subject": "Confidential",
                "body_html": "<p>Confidential</p>",
                "recipient_ids": [Command.set(self.partner_b.ids)],
                "state": "exception",
            }
        )
        notices.filtered(lambda one: one.res_partner_id == me).with_user(
            self.biller
        ).sudo(False).write(
            {
                "mail_mail_id": foreign.id,
                "notification_status": "exception",
                "failure_type": "mail_smtp",
            }
        )
        self.env.cr.flush()
        return invoice, foreign

    def _send_links_of(self, invoice):
        self._enqueue(invoice + self._create_payable_invoice())
        self._run_cron()

    def test_mail_that_a_user_names_on_the_own_notice_is_not_sent_to_them(self):
        invoice, foreign = self._name_foreign_mail()
        sent = [mail["subject"] for mail in self._run_cron()]
        self.assertNotIn("Confidential", sent)
        self.assertEqual(foreign.recipient_ids, self.partner_b)
        self.assertEqual(self._states(invoice), ["failed"])

    def test_mail_that_a_user_names_on_the_own_notice_is_not_cancelled(self):
        invoice, foreign = self._name_foreign_mail()
        row = self._queue(invoice).sudo()
        row.state = "waiting"
        invoice.with_user(self.biller).action_payplug_cancel_sending()
        self.assertFalse(row.exists())
        self.assertEqual(foreign.state, "exception")


@tagged("post_install", "-at_install", "once")
class TestForeignMemo(PayplugBookingCommon):
    def _book_beside(self, other_invoice=None, **values):
        """Let a customer pay beside a payment with the same memo; return both.

        :param other_invoice: what that payment has settled already, if anything
        """
        invoice = self._create_payable_invoice(306)
        link = self._request(invoice)
        journal = self.company.payplug_journal_id
        other = self.env["account.payment"].create(
            {
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": self.partner_a.id,
                "amount": 306,
                "journal_id": journal.id,
                "memo": f"{invoice.name} {link.payplug_id}",
                **values,
            }
        )
        other.action_post()
        if other_invoice:
            lines = (other.move_id | other_invoice).line_ids
            to_settle = [("account_type", "=", "asset_receivable")]
            lines.filtered_domain(to_settle).reconcile()
        self._pay(link)
        return link, other

    def test_payment_of_another_amount_with_the_same_memo_is_not_taken_over(self):
        link, other = self._book_beside(amount=1)
        self.assertEqual(link.account_payment_id.amount, 306)
        self.assertNotEqual(link.account_payment_id, other)

    def test_payment_of_another_customer_with_the_same_memo_is_not_taken_over(self):
        link, other = self._book_beside(partner_id=self.partner_b.id)
        self.assertNotEqual(link.account_payment_id, other)

    def test_payment_that_another_link_claims_is_not_taken_over(self):
        earlier = self._paid_link(self._create_payable_invoice(306))
        payment = earlier.account_payment_id
        link = self._request(self._create_payable_invoice(306))
        payment.memo = link.payplug_id
        self._pay(link)
        self.assertNotEqual(link.account_payment_id, payment)
        self.assertEqual(earlier.account_payment_id, payment)

    def test_payment_that_has_paid_another_invoice_is_not_taken_over(self):
        other_invoice = self._create_payable_invoice(306)
        link, other = self._book_beside(other_invoice)
        self.assertEqual(other_invoice.payment_state, "paid")
        self.assertNotEqual(link.account_payment_id, other)
        self.assertEqual(link.move_id.payment_state, "paid")

    def test_payment_of_the_same_money_is_taken_over(self):
        link, other = self._book_beside()
        self.assertEqual(link.account_payment_id, other)


@tagged("post_install", "-at_install", "once")
class TestInput(PayplugCommon):
    def test_wrong_types_in_a_search_give_no_traceback(self):
        moves = self.env["account.move"].with_user(self.biller)
        self._request(self._create_payable_invoice())
        self.env.flush_all()
        for name in (
            "payment_link",
            "payment_link_button",
            "payplug_sending_state",
            "payplug_amount_refunded",
            "online_payment",
        ):
            for value in ([5], [None], [True], [2.5], "x", 5, False, ["x", 5]):
                with self.subTest(field=name, value=value):
                    try:
                        moves.search([(name, "in", value)])
                        moves.search([(name, "=", value)])
                    except (UserError, ValueError) as error:
                        self.assertTrue(error.args[0])

    def test_amount_that_is_no_number_is_told_so(self):
        moves = self.env["account.move"].with_user(self.biller)
        wrong = (("=", "x"), ("in", ["x"]), (">", [5]), ("<", "x"), (">", 10**400))
        for operator, value in wrong:
            with self.subTest(operator=operator), self.assertUserError("a number"):
                moves.search([("payplug_amount_refunded", operator, value)])

    def test_settings_that_are_no_values_are_refused_as_by_odoo(self):
        settings = self.env["res.config.settings"].with_user(self.biller)
        for values in (["payplug_book_test_payments"], "payplug_book_test_payments"):
            with self.subTest(values=values), self.assertRaises(AccessError):
                settings.create([values])

    def test_context_of_a_request_changes_nothing(self):
        invoice = self._create_payable_invoice()
        wrong = {
            "payplug_customer": True,
            "payplug_deadline": "soon",
            "payplug_wait_for_lock": "yes",
            "active_ids": "x",
        }
        moves = self.env["account.move"].with_user(self.biller).sudo(False)
        call_kw(moves, "action_payplug_send_link", [invoice.ids], {"context": wrong})
        self.assertEqual(invoice.payplug_link_id.state, "pending")
        told = " ".join(invoice.message_ids.mapped("body"))
        self.assertNotIn("made by the customer", told)
        windows = self.env["account.move.send.wizard"].with_user(self.biller)
        call_kw(
            windows.with_context(active_ids="x"),
            "default_get",
            [["payplug_seen_at"]],
            {},
        )

    def test_context_of_a_request_keeps_no_accountant_from_being_called(self):
        """A key of Odoo's own has it schedule no activity."""
        invoice = self._create_payable_invoice()
        self._request(invoice)
        self._lie(amount=1)
        moves = invoice.with_user(self.biller).sudo(False)
        moves = moves.with_context(mail_activity_automation_skip=True)
        with mute_logger(LINK_LOG):
            moves.action_payplug_refresh()
        self.assertEqual(invoice.payplug_problem, "mismatch")
        self.assertTrue(invoice.activity_ids)

    def test_own_defaults_of_a_user_are_in_no_row_that_code_writes(self):
        defaults = self.env["ir.default"].with_user(self.biller)
        foreign = self._request(self._create_payable_invoice())
        for model, name, value in (
            ("payplug.payment.link", "to_book", True),
            ("payplug.payment.link", "refusal", "card_declined"),
            ("payplug.sending", "link_id", foreign.id),
            ("payplug.sending", "job_uuid", "of another job"),
            ("payplug.refund", "to_book", True),
            ("payplug.refund", "failure_reason", "none"),
        ):
            defaults.set(model, name, value, user_id=True)
        invoice = self._create_payable_invoice()
        moves = invoice.with_user(self.biller).sudo(False)
        moves.action_payplug_send_link()
        link = invoice.payplug_link_id
        self.assertFalse(link.to_book or link.refusal)
        queue_sudo = self.env["payplug.sending"].with_user(self.biller).sudo()
        row = queue_sudo._create_rows(moves, {})
        self.assertFalse(row.link_id or row.job_uuid)
        refunds_sudo = self.env["payplug.refund"].with_user(self.biller).sudo()
        values = {"amount": 1, "origin": "odoo", "state": "refused"}
        refund = refunds_sudo._create_row(link, **values)
        self.assertFalse(refund.to_book or refund.failure_reason)

    def test_server_actions_without_their_records_do_nothing(self):
        """Odoo has none where a request names another model."""
        data = self.env["ir.model.data"].sudo()
        ours = [("module", "=", "payplug_paylink"), ("model", "=", "ir.actions.server")]
        actions = self.env["ir.actions.server"].sudo()
        actions = actions.browse(data.search(ours).mapped("res_id"))
        actions = actions.filtered(lambda action: action.usage != "ir_cron")
        self.assertTrue(actions)
        for action in actions.with_user(self.biller).sudo(False):
            with self.subTest(action=action.name):
                named = {"active_model": "res.partner", "active_ids": [1]}
                self.assertFalse(action.with_context(**named).run())

    def test_line_without_an_invoice_is_no_traceback(self):
        lines = self.env["payplug.send.links.line"].with_user(self.biller)
        shown = lines.onchange({}, [], {"amount": {}})
        self.assertFalse(shown["value"]["amount"])

    def test_company_without_a_mode_is_refused_by_the_database_and_no_traceback(self):
        """An import with an empty cell, say."""
        with (
            self.assertRaises(psycopg2.errors.NotNullViolation),  # told by Odoo
            self.env.cr.savepoint(),
            mute_logger("odoo.sql_db"),
        ):
            self.company.write({"payplug_mode": False})
            self.env.flush_all()

    def test_password_of_a_wrong_type_is_refused_in_a_sentence(self):
        window = self.env["payplug.sign.in"].sudo().create({"email": "me@example.com"})
        with self.assertUserError("Type the e-mail address"):
            window.with_context(payplug_password=5).action_sign_in()

    # === AMOUNTS === #

    def _unmet(self, amount):
        return self._create_payable_invoice(amount)._payplug_unmet_conditions()

    def test_account_that_allows_more_does_not_widen_the_limits(self):
        self.account.min_cents, self.account.max_cents = 30, 5_000_000
        self.company._payplug_read_account()
        self.assertEqual(self.company._payplug_limits(), (100, 2_000_000))
        for amount, is_payable in (
            (0.99, False),
            (1.00, True),
            (20_000.00, True),
            (20_000.01, False),
        ):
            with self.subTest(amount=amount):
                self.assertEqual(not self._unmet(amount), is_payable)
        settings = self.env["res.config.settings"].sudo().create({})
        self.assertEqual(settings.payplug_limits, "1.00\xa0€ to 20,000.00\xa0€")

    def test_account_that_allows_less_narrows_the_limits(self):
        self.account.min_cents, self.account.max_cents = 500, 5000
        self.company._payplug_read_account()
        self.assertEqual(self.company._payplug_limits(), (500, 5000))

    def test_limits_that_no_amount_can_have_are_ignored(self):
        for cents in (-1, 0, 2**31, 10**30, True, "100", 1.5):
            with self.subTest(cents=cents):
                limits = {"min_amounts": {"EUR": cents}, "max_amounts": {"EUR": cents}}
                self._lie(configuration=json.loads(json.dumps(limits)))
                self.company._payplug_read_account()
                self.assertEqual(self.company._payplug_limits(), (100, 2_000_000))


@tagged("post_install", "-at_install", "once")
class TestLogs(PayplugCommon, HttpCase):
    def _call(self, user, model, method, ids, **options):
        """Call a method as the web client does; return the error and the log."""
        self.env.flush_all()
        self.authenticate(user.login, user.login)
        parameters = {
            "model": model,
            "method": method,
            "args": [ids],
            "kwargs": options,
        }
        with self.assertLogs("odoo", "DEBUG") as logs:
            logging.getLogger("odoo.sql_db").setLevel(logging.WARNING)
            response = self.url_open(
                "/web/dataset/call_kw", json={"params": parameters}, timeout=30
            )
        return response.json().get("error", {}).get("data"), "\n".join(logs.output)

    def test_what_payplug_quotes_is_shown_and_not_logged(self):
        invoice = self._create_payable_invoice()
        details = {"description": f"{EMAIL} does not belong here"}
        self.payplug.fail("lie", fields={"object": "error", "details": details})
        error, log = self._call(
            self.biller, "account.move", "action_payplug_send_link", invoice.ids
        )
        self.assertIn(EMAIL, error["arguments"][0])
        self.assertEqual(error["name"], "odoo.exceptions.UserError", "for the dialog")
        self.assertNotIn("marie", log)

    def test_contact_that_a_refusal_names_is_shown_and_not_logged(self):
        self.partner_a.email = "marie.durand@@example"
        invoice = self._create_payable_invoice()
        error, log = self._call(
            self.biller, "account.move", "action_payplug_send_link", invoice.ids
        )
        self.assertIn("marie.durand@@example", error["arguments"][0])
        self.assertNotIn("marie", log.lower())

    def test_refusal_reaches_who_imports_or_calls_by_xml_rpc(self):
        """Both are told the text of the error."""
        self.partner_a.email = False
        invoice = self._create_payable_invoice()
        with self.assertRaises(UserError) as refusal:
            invoice.with_user(self.biller).action_payplug_send_link()
        self.assertIn("has no e-mail address", str(refusal.exception))
        self._request(self._create_payable_invoice(partner_id=self.partner_b.id))
        journals = self.env["account.journal"].sudo()
        rows = [[str(self.company.payplug_journal_id.id), "0"]]
        [told] = journals.load([".id", "active"], rows)["messages"]
        self.assertIn("is needed", told["message"])

    def test_password_and_keys_are_in_no_logged_call(self):
        boss = self._create_user("boss", "base.group_system")
        values = {"email": "boss@example.com", "password": "Secret-42"}
        for model, record in (
            ("payplug.sign.in", values),
            ("res.config.settings", {"payplug_test_key": "sk_test_Secret42"}),
            # mistyped ones
            ("res.config.settings", {"payplug_live_key": "SK_LIVE_Secret42"}),
            ("res.config.settings", {"payplug_live_key": " sk_ live_Secret42"}),
            ("res.company", {"payplug_live_key": "sk-live-Secret42"}),
            ("res.company", {"name": "x", "payplug_live_key": "sk_live_a Secret42"}),
        ):
            with self.subTest(model=model, record=record):
                _error, log = self._call(
                    boss, model, "web_save", [], vals=record, specification={}
                )
                self.assertIn("web_save", log)
                self.assertNotIn("Secret", log)

    def test_keys_are_in_no_logged_query(self):
        logger = logging.getLogger("odoo.sql_db")
        self.addCleanup(logger.setLevel, logger.level)
        companies_sudo = self.env["res.company"].sudo()
        mistyped = {"name": "Mistyped", "payplug_live_key": "SK_LIVE_Secret42"}
        with self.assertLogs("odoo.sql_db", "DEBUG") as logs:
            self.company.payplug_test_key = "sk_test_Secret42"
            self.env.flush_all()
            with self.assertRaises(UserError):
                companies_sudo.create(mistyped)
        self.assertIn("payplug_test_key", "\n".join(logs.output))
        self.assertNotIn("Secret42", "\n".join(logs.output))

    def test_keys_are_in_no_log_of_a_query_that_failed(self):
        with (
            self.assertLogs("odoo.sql_db", "ERROR") as logs,
            self.assertRaises(psycopg2.Error),
            self.env.cr.savepoint(),
        ):
            query = "UPDATE res_company SET payplug_live_key = %s WHERE id = 'x'"
            self.env.cr.execute(query, ["sk_live_Secret42"])
        self.assertIn("payplug_live_key", "\n".join(logs.output))
        self.assertNotIn("Secret42", "\n".join(logs.output))

    def test_who_signs_in_is_in_no_log_of_a_query_that_failed(self):
        windows_sudo = self.env["payplug.sign.in"].sudo()
        nowhere = {"company_id": 987654321, "email": "boss@example.com"}
        with (
            self.assertLogs("odoo.sql_db", "ERROR") as logs,
            self.assertRaises(psycopg2.Error),
            self.env.cr.savepoint(),
        ):
            windows_sudo.create(nowhere)
        self.assertIn("payplug_sign_in", "\n".join(logs.output))
        self.assertNotIn("boss@example.com", "\n".join(logs.output))

    def test_reasons_are_in_no_log_of_a_query_that_failed(self):
        links_sudo = self.env["payplug.payment.link"].sudo()
        link_sudo = links_sudo._get_or_create(self._create_payable_invoice())
        with (
            self.assertLogs("odoo.sql_db", "ERROR") as logs,
            self.assertRaises(psycopg2.Error),
            self.env.cr.savepoint(),
        ):
            told = {"booking_error": "marie@example.com", "cancelled_by_id": 987654321}
            link_sudo.write(told)
            link_sudo.flush_recordset()
        self.assertIn("payplug_payment_link", "\n".join(logs.output))
        self.assertNotIn("marie@example.com", "\n".join(logs.output))

    def test_reasons_are_in_no_log_of_a_row_that_was_not_made(self):
        lines_sudo = self.env["payplug.send.links.line"].sudo()
        with (
            self.assertLogs("odoo.sql_db", "ERROR") as logs,
            self.assertRaises(psycopg2.Error),
            self.env.cr.savepoint(),
        ):
            gone = {"move_id": 987654321, "reasons": "marie@example.com"}
            lines_sudo.create(gone)
        self.assertIn("payplug_send_links_line", "\n".join(logs.output))
        self.assertNotIn("marie@example.com", "\n".join(logs.output))

    def test_keys_are_in_no_logged_condition_of_a_search(self):
        companies_sudo = self.env["res.company"].sudo()
        with self.assertLogs("odoo.domains", "DEBUG") as logs:
            companies_sudo.search([("payplug_live_key", "in", "sk-live-Secret42")])
        self.assertIn("payplug_live_key", "\n".join(logs.output))
        self.assertNotIn("Secret42", "\n".join(logs.output))

    def test_other_calls_are_logged_as_ever(self):
        _error, log = self._call(
            self.biller, "res.partner", "read", self.partner_a.ids, fields=["city"]
        )
        self.assertIn("'city'", log)


@tagged("post_install", "-at_install", "once")
class TestCardPageAddress(BaseCase):
    def test_only_whole_plain_hosts_of_payplug_are_card_pages(self):
        trusts = PayplugClient(SecretKey("k"), API_URL)._trusts
        for url in (
            "https://secure.payplug.com/pay/1f2e3d?x=1&y=%20#z",
            "https://secure-qa.payplug.com",
            "https://a.b.payplug.com/",
        ):
            with self.subTest(url=url):
                self.assertTrue(trusts(url))
        for url in (
            "https://evil.example\\@secure.payplug.com/x",
            "https://me@secure.payplug.com/x",
            "https://me:pw@secure.payplug.com/x",
            "https://secure.payplug.com:443/x",
            "https://secure.payplug.com:/x",
            "https://secure.payplug.com\t/x",
            "https://secure.payplug.com\n",
            "https://secure.payplug.com/x\n",
            "https://secure.payplug.com/x\\y",
            "https://secure.payplug.com/<script>",
            'https://secure.payplug.com/"x',
            " https://secure.payplug.com/x",
            "https://secure..payplug.com/x",
            "https://.payplug.com/x",
            "https://-a.payplug.com/x",
            "https://secure.payplug.com./x",
            "https://secure.payplug.com.evil.example/x",
            "https://evilpayplug.com/x",
            "https://payplug.com.evil/x",
            "https://secure.payplug.com%2eevil.example/x",
            "https://sécure.payplug.com/x",
            "https:/secure.payplug.com/x",
            "https:secure.payplug.com/x",
            "//secure.payplug.com/x",
            "http://secure.payplug.com/x",
            "javascript:alert(1)//https://secure.payplug.com/",
            "https://[secure.payplug.com]/x",
            "https://secure.payplug.com\x00/x",
            "https://evil.example/?https://secure.payplug.com/x",
            "https://evil.example#@secure.payplug.com/x",
        ):
            with self.subTest(url=url):
                self.assertFalse(trusts(url))

    def test_own_api_address_gives_pages_on_its_own_host_alone(self):
        trusts = PayplugClient(SecretKey("k"), "http://127.0.0.1:8070")._trusts
        for url in ("http://127.0.0.1:8070/pay/x", "https://127.0.0.1/pay/x"):
            self.assertTrue(trusts(url), url)
        for url in (
            "http://127.0.0.1@evil.example/",
            "http://127.0.0.1.evil.example/",
            "http://evil.example\\@127.0.0.1:8070/",
            "http://127a0a0a1/",
            "ftp://127.0.0.1/",
        ):
            self.assertFalse(trusts(url), url)
