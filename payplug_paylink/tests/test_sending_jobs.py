"""Where OCA's queue_job is installed, links are sent by its jobs, in its processes."""

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from unittest import SkipTest
from unittest.mock import patch

import psutil

from odoo import Command, fields
from odoo.exceptions import UserError
from odoo.modules.registry import Registry
from odoo.sql_db import db_connect
from odoo.tests import get_db_name, tagged
from odoo.tools import config

from ..models.payplug_sending import JOB_CHANNEL
from .common_processes import ProcessesCommon
from .common_smtp import TIMEOUT

MANY = 24
CHANNELS = "root:2,root.payplug_paylink:2"


class JobsCommon(ProcessesCommon):
    """Rows that are jobs; nobody runs them until `_start_runner`."""

    count = 2

    @classmethod
    def setUpClass(cls):
        if "queue.job" not in Registry(get_db_name()):
            raise SkipTest("needs OCA's queue_job")
        super().setUpClass()

    @classmethod
    def _tidy_up(cls):
        with cls._env() as env:
            env["queue.job"].search([]).unlink()
        return super()._tidy_up()

    def setUp(self):
        with self._env() as env:
            env["queue.job"].search([]).unlink()
            mine = [("company_id", "=", self.company_id)]
            env["payplug.sending"].search(mine).unlink()
        super().setUp()

    def _rows(self, env):
        return env["payplug.sending"].search([("move_id", "in", self.invoice_ids)])

    def _jobs(self, env):
        return env["queue.job"].search([("model_name", "=", "payplug.sending")])

    def _job_states(self):
        with self._env() as env:
            return Counter(self._jobs(env).mapped("state"))

    def _start_runner(self):
        """Start and return an Odoo with two workers and the runner of jobs."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        log = self.enterContext(open(os.devnull, "w"))
        # A file: Odoo starts its own again for the process of the web sockets.
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="paylink-"))
        script = Path(folder) / "odoo-bin"
        script.write_text("from odoo.cli.command import main; main()")
        command = [sys.executable, script, "server", "-c", config["config"]]
        command += ["-d", get_db_name(), "--workers=2", f"--http-port={port}"]
        command += ["--gevent-port=0", "--max-cron-threads=0", "--log-level=warn"]
        command += ["--load=base,web,queue_job"]
        runner = subprocess.Popen(
            command,
            env=os.environ | {"ODOO_QUEUE_JOB_CHANNELS": CHANNELS},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        self.addCleanup(runner.wait)
        self.addCleanup(os.killpg, runner.pid, signal.SIGKILL)
        return runner

    def _wait_until(self, is_so, seconds=TIMEOUT):
        """Return what `is_so()` returns as soon as it is true; look as jobs change."""
        deadline = time.monotonic() + seconds
        with db_connect(get_db_name()).cursor() as cr:
            cr.execute("LISTEN queue_job")
            connection = cr._cnx
            connection.commit()
            while not (found := is_so()):
                self.assertGreater(deadline, time.monotonic(), "waited too long")
                select.select([connection], [], [], 1)
                connection.poll()
        return found

    def _worker_of(self, runner):
        """Return a process of the runner that is busy with a job, and which."""
        with self._env() as env:
            env.cr.execute(
                "SELECT worker_pid, id FROM queue_job WHERE state = 'started' LIMIT 1"
            )
            found = env.cr.fetchone()
        mine = {child.pid for child in psutil.Process(runner.pid).children(True)}
        return found and found[0] in mine and found


@tagged("post_install", "-at_install", "queue_job")
class TestSendingJobs(JobsCommon):
    def test_row_is_a_job_with_a_name_and_a_channel(self):
        with self._env() as env:
            jobs = self._jobs(env)
            self.assertEqual(len(jobs), self.count)
            self.assertEqual(set(jobs.mapped("channel")), {".".join(JOB_CHANNEL)})
            names = env["account.move"].browse(self.invoice_ids).mapped("name")
            self.assertEqual(
                set(jobs.mapped("name")), {f"Payment link of {name}" for name in names}
            )
            rows = self._rows(env)
            self.assertEqual(set(rows.mapped("job_uuid")), set(jobs.mapped("uuid")))
            self.assertEqual(set(jobs.mapped("state")), {"pending"})

    def test_row_that_is_asked_twice_is_one_job(self):
        with self._env() as env:
            self._rows(env)._dispatch()
            self.assertEqual(len(self._jobs(env)), self.count)

    def test_cancelled_row_cancels_its_job(self):
        with self._env() as env:
            env["account.move"].browse(self.invoice_ids).action_payplug_cancel_sending()
            self.assertFalse(self._rows(env))
            self.assertEqual(set(self._jobs(env).mapped("state")), {"cancelled"})
            move = env["account.move"].browse(self.invoice_ids[0])
            self.assertIn("cancelled", move.message_ids[0].body)

    def test_row_that_another_process_is_sending_is_too_late_to_cancel(self):
        with self._env() as busy, self._env() as env:
            self._rows(busy).lock_for_update()
            moves = env["account.move"].browse(self.invoice_ids)
            with self.assertRaisesRegex(UserError, "too late to cancel"):
                moves.action_payplug_cancel_sending()
            self.assertEqual(set(self._rows(env).mapped("state")), {"waiting"})

    def test_job_that_is_ended_in_its_screens_leaves_the_row_right(self):
        for end in ("button_cancelled", "button_done"):
            with self.subTest(end=end), self._env() as env:
                rows = self._rows(env)
                getattr(self._jobs(env), end)()
                self.assertEqual(set(rows.mapped("state")), {"failed"})
                self.assertIn("ended by", rows[0].failure_reason)
                self._jobs(env).requeue()
                self.assertEqual(set(rows.mapped("state")), {"waiting"})
                self.assertEqual(set(self._jobs(env).mapped("state")), {"pending"})

    def test_row_without_a_job_gets_one_by_the_scheduled_action(self):
        """As those do that waited before queue_job was installed."""
        with self._env() as env:
            self._jobs(env).unlink()
            env["payplug.sending"]._cron_send()
            self.assertEqual(len(self._jobs(env)), self.count)
            self.assertEqual(set(self._rows(env).mapped("state")), {"waiting"})

    def test_user_who_sent_can_be_deleted_while_jobs_wait(self):
        with self._env() as env:
            user = env["res.users"].create(
                {
                    "name": "Leaver",
                    "login": "leaver",
                    "company_ids": [Command.set([self.company_id])],
                    "company_id": self.company_id,
                    "group_ids": [
                        Command.link(env.ref("account.group_account_invoice").id)
                    ],
                }
            )
            rows = self._rows(env)
            moves = rows.move_id
            rows.unlink()
            queue = env["payplug.sending"].with_user(user).sudo()
            queue._enqueue(moves, moves._payplug_template(), env["ir.actions.report"])
            env.flush_all()
            user.unlink()
            self.assertFalse(self._rows(env).user_id)
            env.cr.rollback()

    def test_runner_sends_what_it_can_and_tells_the_user(self):
        with self._env() as env:
            env["account.move"].browse(self.invoice_ids[0]).partner_id.email = "none"
        self._start_runner()

        self.assertTrue(self.sink.wait_for(1))
        self._wait_until(lambda: self._states() == {"sent": 1, "failed": 1})
        self._wait_until(lambda: self._job_states() == {"done": self.count})
        self._wait_until(self._is_user_told)

    def _is_user_told(self):
        """Let the scheduled action run; it leaves alone a row that is still held."""
        with self._env() as env:
            env["payplug.sending"]._cron_send()
            return all(self._rows(env).mapped("is_notified"))

    def test_addon_that_commits_while_it_sends_costs_no_attempt(self):
        sender = self.registry["account.move.send"]
        original = sender._call_web_service_after_invoice_pdf_render

        def call_and_commit(sending, invoices_data):
            original(sending, invoices_data)
            sending.env.cr.commit()

        name = "_call_web_service_after_invoice_pdf_render"
        with self._env() as env, patch.object(sender, name, call_and_commit):
            for row in self._rows(env):
                row._run_job()
            self.assertEqual(set(self._rows(env).mapped("state")), {"sent"})

    def test_silent_payplug_is_asked_again_by_queue_job_itself(self):
        self.payplug.go_down()
        self._start_runner()
        self._wait_until(lambda: set(self._retries()) == {1})
        self.assertEqual(self._states(), {"waiting": self.count})
        self.payplug.come_back()
        with self._env() as env:
            self._jobs(env).with_context(
                _job_edit_sentinel=env["queue.job"].EDIT_SENTINEL
            ).write({"eta": False})
        self._wait_until(lambda: self._states() == {"sent": self.count})

    def _retries(self):
        with self._env() as env:
            return self._jobs(env).mapped("retry")


@tagged("post_install", "-at_install", "queue_job")
class TestManySendingJobs(JobsCommon):
    count = MANY

    def test_two_workers_share_the_rows_and_one_that_is_killed_loses_nothing(self):
        runner = self._start_runner()
        self.assertTrue(self.sink.wait_for(5))
        killed, job_id = self._wait_until(lambda: self._worker_of(runner))
        os.kill(killed, signal.SIGKILL)
        within = fields.Datetime.now() + timedelta(minutes=1)
        self._wait_until(lambda: self._states() == {"sent": MANY})
        with self._env() as env:
            again = env["queue.job"].browse(job_id).date_started
            self.assertLess(again, within, "it waited for a dead worker")
            workers = set(self._jobs(env).mapped("worker_pid")) - {False}
        self.assertGreaterEqual(len(workers), 2)
        # The mail of the killed one waits in Odoo's mail queue, all others have left.
        self._wait_until(lambda: self._job_states() == {"done": MANY})
        self._send_mail_queue()
        self.assertEqual(len(self.sink.received), MANY, "nothing is lost")
        twice = sum(self.sink.received.values()) - MANY
        self.assertLessEqual(twice, 1, "at most the one in hand")
        # What the killed one had just made is aborted when it is an hour old.
        self.assertLessEqual(self._payable() - MANY, 1)
