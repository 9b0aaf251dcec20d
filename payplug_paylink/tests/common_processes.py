"""What tests with real Odoo processes on one queue share.

The data is committed, since other processes must see it: a company of its own, which no
other test looks at. Mails really leave, for a mail server of this test.
"""

import contextlib
import subprocess
import sys
from collections import Counter
from unittest import SkipTest
from unittest.mock import patch

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry
from odoo.tests import BaseCase, get_db_name
from odoo.tools import config

from .common import RealRequests
from .common_company import create_company, create_drafts
from .common_smtp import TIMEOUT, Sink
from .payplug_emulator import PayplugEmulator

COUNT = 10
SCRIPT = "env.ref({cron!r}).method_direct_trigger(); print('THROUGH')"
OURS, SECOND = "payplug_paylink.ir_cron_send", "payplug_paylink.test_second_cron"
MAIL_QUEUE = "mail.ir_cron_mail_scheduler_action"


def start_script(test, script):
    """Start an Odoo of its own that runs a script; it is killed with its test."""
    command = [sys.executable, "-m", "odoo", "shell", "--no-http"]
    command += ["-c", config["config"], "-d", get_db_name(), "--log-level=warn"]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    test.addCleanup(process.communicate)
    test.addCleanup(process.kill)
    process.stdin.write(script)
    process.stdin.close()
    process.stdin = None
    return process


class ProcessesCommon(RealRequests, BaseCase):
    count = COUNT  # of invoices in the queue

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not config["config"]:
            raise SkipTest("needs a settings file of Odoo")
        cls.registry = Registry(get_db_name())
        cls.payplug = PayplugEmulator.start()
        cls.addClassCleanup(cls.payplug.stop)
        cls.sink = Sink()
        port = cls.enterClassContext(cls.sink.listening())
        with cls._env() as env:
            cls._set_up(env, port)
        cls.addClassCleanup(cls._tidy_up)

    @classmethod
    @contextlib.contextmanager
    def _env(cls):
        """An environment in a transaction of its own, committed in the end."""
        with cls.registry.cursor() as cr:
            yield api.Environment(cr, SUPERUSER_ID, {})

    @classmethod
    def _set_up(cls, env, port):
        account = cls.account = cls.payplug.add_account(name="Ateliers")
        env["ir.config_parameter"].set_param("payplug_paylink.api_url", cls.payplug.url)
        company = create_company(env, account, email="ateliers@example.com")
        cls.company_id = company.id
        cls.server_id = (
            env["ir.mail_server"]
            .create(
                {
                    "name": "Mails of a test",
                    "smtp_host": "127.0.0.1",
                    "smtp_port": port,
                    "smtp_encryption": "none",
                    "sequence": 0,
                }
            )
            .id
        )
        cls.reminder_id = cls._create_reminder(env).id
        cron = env.ref(OURS)
        # The second worker, as an administrator makes one.
        copy = cron.copy({"name": "Payplug: send payment links (2)"})
        env["ir.model.data"]._update_xmlids([{"xml_id": SECOND, "record": copy}])

    @classmethod
    def _create_reminder(cls, env):
        """Return another template that holds the link."""
        return env["mail.template"].create(
            {
                "name": "Reminder of a test",
                "model_id": env["ir.model"]._get_id("account.move"),
                "email_from": "ateliers@example.com",
                "subject": "Reminder: {{ object.name }}",
                "body_html": "<p>Pay at <t t-out='object.payment_link'/></p>",
                "use_default_to": True,
            }
        )

    @classmethod
    def _tidy_up(cls):
        of_company = [("company_id", "=", cls.company_id)]
        with cls._env() as env:
            for model in ("payplug.sending", "payplug.payment.link"):
                env[model].search(of_company).unlink()
            env["ir.mail_server"].browse(cls.server_id).unlink()
            env["mail.template"].browse(cls.reminder_id).unlink()
            env.ref(SECOND).unlink()
            env["res.company"].browse(cls.company_id).payplug_enabled = False
            env["ir.config_parameter"].set_param("payplug_paylink.api_url", False)

    def setUp(self):
        super().setUp()
        self.sink.received.clear()
        self.payplug.reset()
        with self._env() as env:
            invoices = self._create_invoices(env)
            queue = env["payplug.sending"]
            queue._enqueue(
                invoices, invoices._payplug_template(), env["ir.actions.report"]
            )
            env["ir.cron.trigger"].search([]).unlink()  # nobody but our workers
            # nor what other tests have left in the mail queue
            env["mail.mail"].search([("state", "=", "outgoing")]).unlink()
            self.invoice_ids = invoices.ids
            self.first_progress = max(env["ir.cron.progress"].search([]).ids, default=0)

    def _create_invoices(self, env):
        customers = env["res.partner"].create(
            [
                {"name": f"Customer {n}", "email": f"customer-{n}@example.com"}
                for n in range(self.count)
            ]
        )
        company = env["res.company"].browse(self.company_id)
        moves = create_drafts(env, company, customers)
        moves.action_post()
        return moves

    def _start_process(self, cron):
        """Start an Odoo of its own that runs one cron to its end."""
        return start_script(self, SCRIPT.format(cron=cron))

    def _start_both(self):
        return self._start_process(OURS), self._start_process(SECOND)

    def _end(self, *workers):
        for worker in workers:
            said = worker.stdout.read()
            self.assertEqual(worker.wait(TIMEOUT), 0, said)
            self.assertIn("THROUGH", said)

    def _send_mail_queue(self):
        """Send what a killed worker, or a user in a test, has left to Odoo's queue."""
        with self._env() as env:
            servers = type(env["ir.mail_server"])
            # Odoo's tests send nothing.
            with patch.object(servers, "_disable_send", lambda self: False):
                env.ref(MAIL_QUEUE).method_direct_trigger()

    def _let_retries_come(self):
        """Let the minutes pass after which rows are tried again."""
        with self._env() as env:
            waiting = [("move_id", "in", self.invoice_ids), ("state", "=", "waiting")]
            env["payplug.sending"].search(waiting).retry_at = False

    def _payable(self):
        """Return how many payments are open at Payplug."""
        payments = self.payplug.list_payments(self.account, is_live=False)
        return sum(payment.is_open for payment in payments)

    def _states(self):
        with self._env() as env:
            domain = [("move_id", "in", self.invoice_ids)]
            return Counter(env["payplug.sending"].search(domain).mapped("state"))

    def _shares(self):
        """Return how many invoices each worker has sent, the killed ones' as well."""
        with self._env() as env:
            progress = env["ir.cron.progress"].search(
                [("id", ">", self.first_progress)]
            )
            crons = env.ref(OURS), env.ref(SECOND)
            by_cron = progress.grouped("cron_id")
            none = progress.browse()
            return [sum(by_cron.get(cron, none).mapped("done")) for cron in crons]
