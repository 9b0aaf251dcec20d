"""A real mail server for tests: it keeps what it gets, and refuses whom it shall."""

import contextlib
import email
import email.policy
import socket
import threading
from collections import Counter
from unittest import SkipTest
from unittest.mock import patch

from .common_queue import QueueCommon

try:
    from aiosmtpd.controller import Controller
except ImportError:  # the addon's tests also run where only Odoo is installed
    Controller = None

TIMEOUT = 120  # seconds


class Sink:
    """A mail server.

    :ivar received: how many mails each address got
    :ivar replies: by address, what is answered in place of a mail to it
    """

    def __init__(self):
        self.received = Counter()
        self.replies = {}
        self.news = threading.Condition()

    @contextlib.contextmanager
    def listening(self):
        """Listen on 127.0.0.1 and give the port."""
        if Controller is None:
            raise SkipTest("needs aiosmtpd")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = Controller(self, hostname="127.0.0.1", port=port)
        server.start()
        try:
            yield port
        finally:
            server.stop()

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        """Refuse whom `replies` names."""
        if address in self.replies:
            return self.replies[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):
        """Keep who got a mail."""
        mail = email.message_from_bytes(
            envelope.original_content, policy=email.policy.default
        )
        kinds = {part.get_content_type() for part in mail.walk()}
        if "application/pdf" not in kinds:
            return "554 An invoice has a PDF"
        with self.news:
            self.received[mail["To"].addresses[0].addr_spec] += 1
            self.news.notify_all()
        return "250 Kept"

    def wait_for(self, count):
        """Return when this many mails were received; False after a long time."""
        with self.news:
            return self.news.wait_for(
                lambda: sum(self.received.values()) >= count, TIMEOUT
            )


class SmtpCommon(QueueCommon):
    """For what mail servers answer: mails really leave."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sink = Sink()
        port = cls.enterClassContext(cls.sink.listening())
        server = {"name": "Test", "smtp_host": "127.0.0.1", "smtp_port": port}
        servers = cls.env["ir.mail_server"].sudo()
        cls.server = servers.create({**server, "smtp_encryption": "none"})
        # Odoo's tests send nothing.
        cls.enterClassContext(
            patch.object(type(servers), "_disable_send", lambda self: False)
        )

    def setUp(self):
        super().setUp()
        self.sink.received.clear()
        self.sink.replies.clear()

    def _open(self, invoices):
        """Open the window for many, also for a single one."""
        windows = self.env["payplug.send.links"].with_user(self.biller)
        action = windows._open(invoices.with_user(self.biller))
        return windows.browse(action["res_id"])

    def _run_cron(self, cron=None):
        """Let a worker run; return who got how many mails until now."""
        self.env.flush_all()
        with self.enter_registry_test_mode():
            (cron or self.cron).method_direct_trigger()
        self.env.invalidate_all()
        return dict(self.sink.received)

    def _send_by_hand(self, invoice, **values):
        """Send with Odoo's own window, as a billing user; commit."""
        self._open_own(invoice, **values).action_send_and_print()
        self.env.cr.flush()

    def _let_time_pass(self, invoices):
        """Let the moment come for which the rows wait."""
        self._queue(invoices).sudo().filtered("retry_at").retry_at = False
