"""Who may do what with each model, field, method and route of this addon.

The rows below are compared with the registry: what is new and has no row here fails.
"""

import threading
from functools import partial
from unittest.mock import patch

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.models import LOG_ACCESS_COLUMNS
from odoo.service.model import call_kw
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from odoo.addons.mail.tests.common import mail_new_test_user

from .common import PayplugCommon

ADDON = "payplug_paylink"
PASSWORD = "a password of 12 characters"

# role: groups of the user
ROLES = {
    "administrator": "base.group_system",
    "accountant": "account.group_account_manager",
    "billing": "account.group_account_invoice",
    "read-only": "account.group_account_readonly",
    "internal": "base.group_user",
    "customer": "base.group_portal",  # whose invoice it is
    "other customer": "base.group_portal",
    "public": "base.group_public",
    "other company": "account.group_account_invoice",
    "branch": "account.group_account_invoice",  # of this company, and in it alone
}
BILLING = {"accountant", "billing"}
BOOKS = BILLING | {"read-only"}
STAFF = BOOKS | {"administrator", "internal"}
ADMINISTRATOR = {"administrator"}
# The fixtures' windows belong to the billing user.
CREATOR = {"billing"}
ANY_BILLING = BILLING | {"other company", "branch"}
NOBODY = set()

# model: who may read, create, write, delete records of their own company
MODELS = {
    "payplug.payment.link": (BOOKS, NOBODY, NOBODY, NOBODY),
    "payplug.sending": (BOOKS, NOBODY, NOBODY, NOBODY),
    "payplug.send.links": (CREATOR, ANY_BILLING, CREATOR, NOBODY),
    "payplug.send.links.line": (CREATOR, ANY_BILLING, CREATOR, NOBODY),
    "payplug.sign.in": (NOBODY, ADMINISTRATOR, NOBODY, NOBODY),
    "payplug.refund": (BOOKS, NOBODY, NOBODY, NOBODY),
    "payplug.refund.by.card": (CREATOR, ANY_BILLING, CREATOR, NOBODY),
}

# model, who reads the fields of this company's record, their names
FIELDS = [
    (
        "account.move",
        BOOKS,
        """online_payment payment_id payment_link payment_link_amount
        payment_link_button payment_link_until payplug_amount_refunded
        payplug_can_refund payplug_can_send_link payplug_expires_at payplug_is_missing
        payplug_link_count payplug_link_id payplug_link_ids payplug_problem
        payplug_refund_count payplug_refund_ids payplug_refund_state payplug_refusal
        payplug_mode payplug_sending_reason payplug_sending_state payplug_state
        payplug_status payplug_status_detail""",
    ),
    (
        "payplug.payment.link",
        BOOKS,
        """account_payment_id amount amount_net amount_refunded answered_at
        asked_activity_id asked_amount asked_by_id is_withdrawn
        asking_activity_ids booking_error cancelled_by_id checked_at company_id
        currency_id expires_at is_being_checked is_booked is_live is_made_by_customer
        is_settled_otherwise mode move_id online_payment paid_at partner_id
        payer_id payplug_id problem refund_ids refundable_after refundable_until refusal
        refusal_text retry_at started_at state status to_book to_book_activity_id
        unanswered_since
        to_cancel url""",
    ),
    (
        "payplug.refund",
        BOOKS,
        """account_payment_id activity_id amount asked_by_id company_id credit_note_id
        currency_id database failure_reason is_answer_lost is_booked is_missing
        is_settled_otherwise is_superseded link_id mode move_id origin partner_id
        payplug_id refunded_at retry_at sent_at state to_book user_id""",
    ),
    (
        "payplug.refund.by.card",
        CREATOR,
        """after allowed amount asked credit_note_id currency_id is_live may_confirm
        move_id payment request seen until""",
    ),
    (
        "payplug.sending",
        BOOKS,
        """attempts company_id customer failure_reason is_notified job_uuid link_id
        message_id move_id pdf_report_id retry_at sent_at state template_id user_id""",
    ),
    (
        "payplug.send.links",
        CREATOR,
        """available_report_ids has_credits has_links has_sent is_test line_ids
        pdf_report_id ready_count ready_ids ready_title refused_count refused_ids
        refused_title resend template_id""",
    ),
    (
        "payplug.send.links.line",
        CREATOR,
        """amount credit currency_id email failure_reason move_id partner_id reasons
        sent_at status wizard_id""",
    ),
    ("payplug.sign.in", NOBODY, "company_id email password"),
    ("account.move.send.wizard", CREATOR, "payplug_seen_at payplug_with_link"),
    (
        "res.company",
        STAFF,
        """payplug_account_name payplug_book_test_payments payplug_customer_renewal
        payplug_enabled payplug_journal_id payplug_link_target payplug_max_cents
        payplug_min_cents payplug_mode payplug_qr_code payplug_thank_customer""",
    ),
    ("res.company", ADMINISTRATOR, "payplug_live_key payplug_polling payplug_test_key"),
    (
        "res.config.settings",
        ADMINISTRATOR,
        """payplug_account_name payplug_book_test_payments payplug_connection
        payplug_customer_renewal payplug_enabled payplug_journal_id payplug_limits
        payplug_link_target payplug_live_key payplug_mode payplug_qr_code
        payplug_root_id payplug_test_key payplug_thank_customer payplug_url
        payplug_url_warning""",
    ),
]

# model: who may write its fields of ours; whoever has no row may write none
WRITERS = {
    "payplug.refund.by.card": CREATOR,
    "payplug.send.links": CREATOR,
    "payplug.send.links.line": CREATOR,
    "res.company": ADMINISTRATOR,
    "res.config.settings": ADMINISTRATOR,
    "account.move.send.wizard": CREATOR,
}

# model: who may search it, and finds only what is theirs
OWN_SEARCH = {
    "account.move": ANY_BILLING,
    "account.move.send.wizard": ANY_BILLING,
    "payplug.payment.link": ANY_BILLING,
    "payplug.refund": ANY_BILLING,
    "payplug.refund.by.card": ANY_BILLING,
    "payplug.sending": ANY_BILLING,
    "payplug.send.links": ANY_BILLING,
    "payplug.send.links.line": ANY_BILLING,
    "payplug.sign.in": ADMINISTRATOR,
    "res.company": STAFF | ANY_BILLING,
}

CORE = "the right is Odoo's own"
# model, method: who may call it on this company's record
METHODS = {
    ("account.move", "action_payplug_send_link"): BILLING,
    ("account.move", "action_payplug_copy_link"): BILLING,
    ("account.move", "action_payplug_refresh"): BILLING,
    ("account.move", "action_payplug_cancel_link"): BILLING,
    ("account.move", "action_payplug_close_link"): BILLING,
    ("account.move", "action_payplug_book_again"): BILLING,
    ("account.move", "action_payplug_settled_otherwise"): BILLING,
    ("account.move", "action_payplug_refund"): BILLING,
    ("account.move", "action_payplug_prepare_credit_note"): BILLING,
    ("account.move", "action_payplug_open_refunds"): BOOKS,
    ("payplug.refund", "action_retry"): BILLING,
    ("payplug.refund", "action_close"): BILLING,
    ("payplug.refund", "action_settled_otherwise"): BILLING,
    ("payplug.refund.by.card", "action_confirm"): CREATOR,
    ("payplug.refund.by.card", "action_ask"): CREATOR,
    ("account.move", "action_payplug_open_links"): BOOKS | ANY_BILLING,
    ("account.move", "action_payplug_open_portal"): BOOKS | ANY_BILLING,
    ("account.move", "action_payplug_cancel_sending"): BILLING,
    ("account.move", "action_toggle_block_payment"): CORE,
    ("account.move", "button_cancel"): CORE,
    ("account.move", "mail_allowed_qweb_expressions"): CORE,
    ("account.move", "create"): CORE,
    ("account.move", "default_get"): CORE,
    ("account.move", "unlink"): CORE,
    ("account.move", "write"): CORE,
    ("account.move", "update"): NOBODY,
    ("account.journal", "write"): CORE,
    ("account.bank.statement.line", "create"): CORE,
    ("account.bank.statement.line", "default_get"): CORE,
    ("account.bank.statement.line", "update"): CORE,
    ("account.bank.statement.line", "write"): CORE,
    ("account.move.send.wizard", "action_send_and_print"): CORE,
    ("mail.notification", "write"): CORE,
    ("payplug.link.guard.mixin", "create"): CORE,
    ("payplug.link.guard.mixin", "default_get"): CORE,
    ("payplug.link.guard.mixin", "update"): CORE,
    ("payplug.link.guard.mixin", "write"): CORE,
    ("payplug.payment.link", "action_refresh"): BILLING,
    ("payplug.payment.link", "action_copy"): BILLING,
    ("payplug.payment.link", "action_cancel"): BILLING,
    ("payplug.payment.link", "action_close"): BILLING,
    ("payplug.payment.link", "action_open_invoice"): BOOKS,
    ("payplug.payment.link", "unlink"): NOBODY,
    ("payplug.sending", "action_retry"): BILLING,
    ("payplug.sending", "action_cancel"): BILLING,
    ("payplug.sending", "action_open_invoice"): BOOKS,
    ("payplug.send.links.line", "action_open_invoice"): CREATOR,
    ("payplug.send.links", "action_send"): CREATOR,
    ("payplug.sign.in", "action_sign_in"): NOBODY,
    ("res.company", "create"): CORE,
    ("res.company", "write"): CORE,
    ("res.config.settings", "action_payplug_sign_in"): ADMINISTRATOR,
    ("res.config.settings", "action_payplug_test_connection"): ADMINISTRATOR,
    ("res.config.settings", "create"): CORE,
    ("res.config.settings", "set_values"): CORE,
    ("res.config.settings", "write"): CORE,
}

SCHEDULED = ADMINISTRATOR  # who may start our scheduled actions

SIGNED = "open to everyone who has the signed address of this very record"
# route, its method: the right that it asks for
ROUTES = {
    ("/payplug/notify/<string:link_id>/<string:signature>", "POST"): SIGNED,
    ("/payplug/return/<string:link_id>/<string:signature>", "GET"): SIGNED,
    ("/payplug/pay/<string:move_id>/<string:signature>", "GET"): SIGNED,
    ("/payplug/pay/<string:move_id>/<string:signature>", "POST"): SIGNED,
    ("/payplug/pay/<string:move_id>/<string:signature>/invoice.pdf", "GET"): SIGNED,
    ("/my", "GET"): CORE,
    ("/my", "POST"): CORE,
    ("/my/home", "GET"): CORE,
    ("/my/home", "POST"): CORE,
}
VALUES = {
    "boolean": True,
    "char": "sk_test_x",
    "date": "2026-01-01",
    "datetime": "2026-01-01 00:00:00",
    "html": "x",
    "integer": 1,
    "monetary": 1.0,
    "text": "x",
}


@tagged("post_install", "-at_install", "once", "long")
class TestAccess(PayplugCommon, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = {role: cls._create_role(role) for role in ROLES}
        cls.invoice = cls._create_payable_invoice(
            partner_id=cls.users["customer"].partner_id.id
        )
        cls.records = cls._create_records()
        cls.payplug.keep()
        cls.env.flush_all()

    @classmethod
    def _create_role(cls, role):
        company = cls._companies().get(role, cls.company)
        is_staff = ROLES[role] not in ("base.group_portal", "base.group_public")
        return mail_new_test_user(
            cls.env,
            login=f"payplug {role}",
            password=PASSWORD,
            name=role.title(),
            email=f"{role.replace(' ', '.')}@example.com",
            groups=ROLES[role],
            notification_type="inbox" if is_staff else "email",
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
        )

    @classmethod
    def _companies(cls):
        if "branch" not in vars(cls):
            cls.branch = cls.env["res.company"].create(
                {"name": "Lumière Lyon", "parent_id": cls.company.id}
            )
            cls.rival = cls.env["res.company"].create({"name": "Rival SA"})
        return {"branch": cls.branch, "other company": cls.rival}

    @classmethod
    def _create_records(cls):
        """Return a record of each model that has fields or methods of ours."""
        env = cls.env
        as_biller = cls.users["billing"]
        link = env["payplug.payment.link"]._get_or_create(cls.invoice)
        window = env["payplug.send.links"].with_user(as_biller)
        window = window.create(
            {"line_ids": [Command.create({"move_id": cls.invoice.id})]}
        )
        queued = cls._create_payable_invoice()
        queue = env["payplug.sending"].sudo()
        queue._enqueue(queued, env["mail.template"], env["ir.actions.report"])
        send = env["account.move.send.wizard"].with_user(as_biller)
        return {
            "account.move": cls.invoice,
            "payplug.payment.link": link,
            "payplug.sending": queue.search([("move_id", "=", queued.id)]),
            "payplug.refund": cls._create_refund(),
            "payplug.refund.by.card": env["payplug.refund.by.card"]
            .with_user(as_biller)
            .create({"move_id": cls.invoice.id}),
            "payplug.send.links": window,
            "payplug.send.links.line": window.line_ids,
            "payplug.sign.in": env["payplug.sign.in"]
            .sudo()
            .create({"email": "x@y.fr"}),
            "account.move.send.wizard": send.create({"move_id": cls.invoice.id}),
            "res.company": cls.company,
            "res.config.settings": env["res.config.settings"].sudo().create({}),
        }

    @classmethod
    def _create_refund(cls):
        """Return a refund in Payplug's portal of another paid invoice."""
        links = cls.env["payplug.payment.link"]
        link = links._get_or_create(cls._create_payable_invoice())
        cls.payplug.pay(link.payplug_id)
        cls.payplug.refund(link.payplug_id, 2000)
        link._sync()
        return link.refund_ids

    def _as(self, role, model):
        """Return the record of a model as this role sees it, with nothing cached."""
        self.env.invalidate_all()
        record = self.records[model].with_user(self.users[role]).sudo(False)
        company = self._companies().get(role, self.company)
        return record.with_context(allowed_company_ids=company.ids)

    def _is_allowed(self, act):
        """Tell whether something is not refused for want of a right."""
        try:
            with self.env.cr.savepoint() as savepoint:
                act()
                savepoint.rollback()
        except AccessError:
            return False
        except UserError:
            return True
        finally:
            self.env.invalidate_all()
        return True

    def _check(self, what, expected, act):
        """Check that exactly the expected roles may do something.

        :param act: a function of a role
        """
        found = {role for role in ROLES if self._is_allowed(partial(act, role))}
        self.assertEqual(found, expected, what)

    def _check_refused(self, what, roles, act):
        """Check that some roles may not do something.

        :param act: a function of a role
        """
        found = {role for role in roles if self._is_allowed(partial(act, role))}
        with self.subTest(what=what):
            self.assertFalse(found)

    def _own_fields(self, model):
        """Return the names of the fields that this addon gives a model."""
        own = self.env[model]._original_module == ADDON
        return {
            name
            for name, field in self.env[model]._fields.items()
            if ADDON in field._modules
            and not field.inherited
            and not (own and name in ("id", "display_name"))
            and name not in LOG_ACCESS_COLUMNS
        }

    def test_every_model_field_method_and_route_has_a_row(self):
        models = {
            name
            for name, cls in self.registry.items()
            if cls._original_module == ADDON and not cls._abstract
        }
        self.assertEqual(models, set(MODELS))
        for name, cls in self.registry.items():
            if cls._abstract:
                continue
            rows = " ".join(names for model, _who, names in FIELDS if model == name)
            self.assertEqual(self._own_fields(name), set(rows.split()), name)
        methods = {
            (name, method)
            for name, cls in self.registry.items()
            for method, _value in self._own_members(cls)
            if not method.startswith("_") and callable(getattr(cls, method, None))
        }
        self.assertEqual(methods, set(METHODS))
        thread = threading.current_thread()  # a request has its database there
        with patch.object(thread, "dbname", self.env.cr.dbname, create=True):
            rules = list(self.env["ir.http"].routing_map().iter_rules())
        routes = {
            (rule.rule, method)
            for rule in rules
            for name, value in self._own_members(type(rule.endpoint.func.__self__))
            if rule.endpoint.func.__name__ == name
            or rule.endpoint.func.__func__ is value  # of another name: decorated
            for method in (rule.methods or {"GET", "POST"}) - {"HEAD", "OPTIONS"}
        }
        self.assertEqual(routes, set(ROUTES))

    def _own_members(self, cls):
        """Yield the names and values that this addon gives a class."""
        for base in cls.__mro__:
            if base.__module__.startswith(f"odoo.addons.{ADDON}."):
                yield from vars(base).items()

    def test_rights_on_models_are_those_of_the_table(self):
        for model, rights in MODELS.items():
            for operation, expected in zip(
                ("read", "create", "write", "unlink"), rights, strict=True
            ):
                with self.subTest(model=model, operation=operation):
                    self._check(
                        operation,
                        expected,
                        lambda role, model=model, operation=operation: self._as(
                            role, model
                        )[: 0 if operation == "create" else 1].check_access(operation),
                    )

    def test_fields_are_read_by_the_roles_of_the_table_alone(self):
        for model, readers, names in FIELDS:
            for name in names.split():
                with self.subTest(model=model, field=name):
                    self._check(
                        name,
                        readers,
                        lambda role, model=model, name=name: self._as(role, model).read(
                            [name]
                        ),
                    )

    def test_fields_are_searched_sorted_and_grouped_by_their_readers_alone(self):
        for model, readers, names in FIELDS:
            others = set(ROLES) - readers - OWN_SEARCH.get(model, NOBODY)
            for name in names.split():
                for words, act in self._searches(model, name).items():
                    self._check_refused(f"{words} {model}.{name}", others, act)

    def _value(self, field):
        """Return a value that this field can have."""
        if field.type == "selection":
            return field.get_values(self.env)[-1]
        if field.relational:
            return self.env[field.comodel_name].search([], limit=1).id
        return VALUES[field.type]

    def _searches(self, model, name):
        """Return the ways to ask for a field in a search, as functions of a role."""
        field = self.env[model]._fields[name]
        value = self._value(field)
        ways = {}
        if field._description_searchable:
            ways["search"] = lambda records: records.search([(name, "in", [value])])
        if field._description_sortable:
            ways["sort"] = lambda records: records.search([], order=name)
        if field._description_groupable:
            ways["group"] = lambda records: records.formatted_read_group([], [name])
        return {
            words: lambda role, way=way: way(self._as(role, model))
            for words, way in ways.items()
        }

    def test_fields_are_written_by_the_roles_of_the_table_alone(self):
        for model, _readers, names in FIELDS:
            others = set(ROLES) - WRITERS.get(model, NOBODY)
            for name in names.split():
                with self.subTest(model=model, field=name):
                    self.assertFalse(self._who_writes(model, name, others))

    def _who_writes(self, model, name, roles):
        """Return those of these roles who can change a field of the record."""
        record_sudo = self.records[model].sudo()
        field, before = record_sudo._fields[name], record_sudo[name]
        value = not before if field.type == "boolean" else self._value(field)
        if field.type in ("one2many", "many2many"):
            value = [Command.link(value)]
        found = set()

        def write(role):
            self._as(role, model).write({name: value})
            self.env.flush_all()
            self.env.invalidate_all()
            if record_sudo[name] != before:
                found.add(role)

        for role in roles:
            self._is_allowed(partial(write, role))
        return found

    def test_methods_are_called_by_the_roles_of_the_table_alone(self):
        for (model, method), callers in METHODS.items():
            if callers == CORE:
                continue
            with self.subTest(model=model, method=method):
                self._check(
                    method,
                    callers,
                    lambda role, model=model, method=method: call_kw(
                        self._as(role, model).browse(),
                        method,
                        [self.records[model].ids],
                        {},
                    ),
                )

    def test_scheduled_actions_are_started_by_the_roles_of_the_table_alone(self):
        """Odoo lets everybody call the code of an action, as themselves."""
        crons = self.env["ir.cron"].sudo().search([("model_id.model", "in", [*MODELS])])
        self.assertEqual(len(crons), 3)
        for role in set(ROLES) - {"public"}:
            self.authenticate(f"payplug {role}", PASSWORD)
            for cron in crons:
                call = {"model": "ir.actions.server", "method": "run", "kwargs": {}}
                call["args"] = [cron.ir_actions_server_id.ids]
                with self.subTest(role=role, cron=cron.name), mute_logger("odoo.http"):
                    answer = self.url_open(
                        "/web/dataset/call_kw", json={"params": call}
                    ).json()
                    name = answer.get("error", {}).get("data", {}).get("name", "")
                    refused = name.endswith("AccessError")
                    self.assertEqual(not refused, role in SCHEDULED, answer)

    def test_a_signed_address_is_the_only_right_that_a_route_asks_for(self):
        other = self._create_payable_invoice()
        rows = (self.records["payplug.payment.link"], self.invoice)
        others = (self.env["payplug.payment.link"]._get_or_create(other), other)
        for role in ROLES:
            login = f"payplug {role}" if role != "public" else None
            self.authenticate(login, login and PASSWORD)
            for (route, method), right in ROUTES.items():
                if right == CORE:
                    continue
                number, signature = self._signed(route, *rows)
                _number, strange = self._signed(route, *others)
                for said, expected in {
                    signature: False,
                    f"{signature[:-1]}{'1' if signature[-1] == '0' else '0'}": True,
                    strange: True,
                    "0": True,
                }.items():
                    path = route.replace("<string:signature>", said)
                    path = path.replace("<string:link_id>", number)
                    path = path.replace("<string:move_id>", number)
                    is_printed = path.endswith(".pdf") and not expected
                    asked = "HEAD" if is_printed else method  # which takes long
                    with self.subTest(role=role, method=method, path=path):
                        answer = self.url_open(
                            path, method=asked, allow_redirects=False
                        )
                        self.assertEqual(answer.status_code == 404, expected)
                        self.assertLess(answer.status_code, 500)

    def _signed(self, route, link, invoice):
        """Return the number and the signature of a record's address of this route."""
        kind = route.split("/")[2]
        record = invoice if kind == "pay" else link
        return str(record.id), link._signature(kind, record)

    def test_an_argument_called_self_is_a_bad_request(self):
        link = self.records["payplug.payment.link"]
        page = self.invoice._payplug_page_url()
        for method, address in (
            ("GET", page),
            ("POST", page),
            ("GET", link._route_url("return")),
            ("POST", link._route_url("notify")),
        ):
            path = address[address.index("/payplug/") :]
            with self.subTest(method=method, path=path):
                response = self.url_open(f"{path}?self=1", method=method)
                self.assertEqual(response.status_code, 400)
