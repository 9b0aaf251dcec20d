"""The addon comes, goes and comes back; a backup is restored.

In a database of its own, which the commands of Odoo change. A restored dump is a copy
of the database, made by PostgreSQL.
"""

import json
import subprocess
import sys

import psycopg2

from odoo.modules.registry import Registry
from odoo.sql_db import close_db, connection_info_for
from odoo.tests import BaseCase, get_db_name, tagged
from odoo.tools import config

from .payplug_emulator import PayplugEmulator

ADDON = "payplug_paylink"
TIMEOUT = 240
START = """
import json
company = env["res.company"].search([("name", "=", "Prepared 1")])
env.user.write({"company_ids": [(4, company.id)], "company_id": company.id})
env = env(context={"allowed_company_ids": company.ids})
"""
CONNECT = """
env["ir.config_parameter"].set_param("payplug_paylink.api_url", %(url)r)
company.payplug_test_key = %(key)r
company.write({"payplug_enabled": True, "payplug_book_test_payments": True})
env.cr.commit()
"""
INVOICES = """
from odoo.addons.payplug_paylink.tests.common_company import create_drafts
customer = env["res.partner"].create({"name": %(name)r, "email": "a@example.com"})
moves = create_drafts(env, company, [customer] * %(count)s)
moves.action_post()
links = env["payplug.payment.link"]
for move in moves:
    links += links._get_or_create(move)
env.cr.commit()
print("RESULT", json.dumps({
    "moves": [[move.id, links._signature("pay", move)] for move in moves],
    "links": [[link.id, links._signature("return", link)] for link in links],
    "payments": links.mapped("payplug_id"),
}))
"""
FIND = """
links, found = env["payplug.payment.link"], []
for route, model, key in (("pay", "account.move", "moves"),
                          ("return", "payplug.payment.link", "links")):
    for number, signature in %(old)r[key]:
        signed = links._find_signed(route, env[model], str(number), signature)
        found.append(signed.ids)
print("RESULT", json.dumps(found))
"""
BOOKS = """
journals = env["account.journal"].with_context(active_test=False)
journals = journals.search([("company_id", "=", company.id)])
print("RESULT", json.dumps({
    "journals": len(journals),
    "accounts": env["account.account"].search_count([]),
    "activities": company.partner_id.activity_ids.mapped("note"),
}))
"""


@tagged("post_install", "-at_install", "life")
class TestLife(BaseCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.payplug = PayplugEmulator.start()
        cls.addClassCleanup(cls.payplug.stop)
        account = cls.payplug.add_account(name="Ateliers")
        cls.account = {"url": cls.payplug.url, "key": account.test_key}
        cls.database = get_db_name()
        cls._let_go()

    @classmethod
    def _let_go(cls):
        """Leave the database to the commands."""
        Registry.delete(cls.database)
        close_db(cls.database)

    def _odoo(self, *command, script=""):
        """Run a command of Odoo; return what it prints, warnings are errors."""
        done = subprocess.run(
            [sys.executable, "-m", "odoo", *command],
            input=script,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
        )
        self.assertEqual(done.returncode, 0, done.stdout)
        levels = (" WARNING ", " ERROR ", "Traceback")
        lines = done.stdout.splitlines()
        warned = [line for line in lines if any(level in line for level in levels)]
        self.assertFalse(warned)
        return done.stdout

    def _shell(self, *scripts, database=None, **values):
        """Run scripts in Odoo's shell; return what they give as RESULT."""
        source = START + "".join(scripts) % {**self.account, **values}
        options = ["-c", config["config"], "-d", database or self.database]
        options.append("--log-level=warn")
        script = f"exec({source!r})\n"
        said = self._odoo("shell", "--no-http", *options, script=script)
        results = [line for line in said.splitlines() if "RESULT " in line]
        return json.loads(results[-1].partition("RESULT ")[2]) if results else None

    def _install(self):
        options = ["-c", config["config"], "-d", self.database, "--stop-after-init"]
        self._odoo("server", *options, "--no-http", "-i", ADDON)

    def _uninstall(self):
        self._odoo(
            "module", "uninstall", "-c", config["config"], "-d", self.database, ADDON
        )

    def _backup(self):
        """Return the name of a copy of the database as it is now."""
        before, _line, process = self.database.rpartition("_")
        name = f"{before}_backup_{process}"  # which `dev/test` drops, if this is killed
        _name, options = connection_info_for("postgres")
        connection = psycopg2.connect(**options)
        connection.autocommit = True
        self.addCleanup(connection.close)
        cursor = connection.cursor()
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{self.database}"')
        self.addCleanup(cursor.execute, f'DROP DATABASE "{name}"')
        return name

    def _code(self, payment):
        return (self.payplug.payment(payment)["failure"] or {}).get("code")

    def test_life(self):
        """Installed, restored to an older copy, uninstalled, installed again."""
        before = self._shell(CONNECT, BOOKS)
        backup = self._backup()
        old = self._shell(INVOICES, name="Ana", count=3)

        with self.subTest("addresses of invoices that a backup does not know"):
            new = self._shell(INVOICES, database=backup, name="Bea", count=3)
            for key in ("moves", "links"):
                ids = [[number for number, _sig in each[key]] for each in (old, new)]
                self.assertEqual(*ids, "else this tests nothing")
            found = self._shell(FIND, database=backup, old=old)
            self.assertEqual(found, [[]] * 6)
            self.assertTrue(all(self._shell(FIND, old=old)))

        with self.subTest("uninstalled"):
            ours, paid, stuck = old["payments"]
            self.payplug.pay(paid)
            self.payplug.fail("500", method="PATCH")  # of the newest, the first
            self._uninstall()
            self.assertEqual(self._code(ours), "aborted")
            after = self._shell(BOOKS)
            [note] = after["activities"]
            self.assertIn(stuck, note)
            self.assertNotIn(ours, note)

        with self.subTest("installed again"):
            self._install()
            after = self._shell(CONNECT, BOOKS)
            for what in ("journals", "accounts"):
                self.assertEqual(after[what], before[what], what)
            found = self._shell(INVOICES, FIND, name="Cleo", count=3, old=old)
            self.assertTrue(all(found[:3]), "the invoices are there")
            self.assertEqual(found[3:], [[]] * 3, "their links are not")
