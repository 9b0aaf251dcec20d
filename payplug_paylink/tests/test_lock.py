"""The lock of an invoice, between two real transactions. No data is needed for it."""

import time
from concurrent.futures import ThreadPoolExecutor

from odoo import SUPERUSER_ID, api
from odoo.exceptions import ConcurrencyError
from odoo.modules.registry import Registry
from odoo.tests import BaseCase, get_db_name, tagged
from odoo.tools import mute_logger

INVOICE = 2_000_000_000  # the id of no invoice
MAX_FAILURES = 10  # seconds after which a test has failed


@tagged("post_install", "-at_install", "once")
class TestLock(BaseCase):
    def setUp(self):
        super().setUp()
        self.registry = Registry(get_db_name())

    def _lock(self, cr, **context):
        links = api.Environment(cr, SUPERUSER_ID, context)["payplug.payment.link"]
        links._lock_invoice(INVOICE)

    def _try_to_lock(self, cr, **context):
        """Lock what is locked; return after how many seconds this was refused."""
        started = time.monotonic()
        with self.assertRaises(ConcurrencyError):
            self._lock(cr, **context)
        return time.monotonic() - started

    def _wait_until_someone_waits(self, cr):
        """Return when a transaction waits for an advisory lock."""
        until = time.monotonic() + MAX_FAILURES
        while time.monotonic() < until:
            cr.execute(
                "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                " AND objid = %s",
                [INVOICE],
            )
            if cr.fetchone():
                return
        self.fail("nobody waits for the lock")

    def test_busy_lock_is_refused_at_once_to_machines(self):
        with self.registry.cursor() as first, self.registry.cursor() as second:
            self._lock(first)
            self.assertLess(self._try_to_lock(second), 1)

    def test_busy_lock_makes_a_person_wait_until_it_is_free(self):
        """And begin again then: the transaction is too old to go on."""
        with (
            self.registry.cursor() as first,
            self.registry.cursor() as second,
            ThreadPoolExecutor(1) as pool,
        ):
            self._lock(first)
            waiting = pool.submit(self._try_to_lock, second, payplug_wait_for_lock=True)
            self._wait_until_someone_waits(first)
            self.assertFalse(waiting.done())
            first.rollback()
            self.assertLess(waiting.result(MAX_FAILURES), 2)
            second.rollback()
            self._lock(second, payplug_wait_for_lock=True)

    def test_person_waits_two_seconds_at_most(self):
        with self.registry.cursor() as first, self.registry.cursor() as second:
            self._lock(first)
            waited = self._try_to_lock(second, payplug_wait_for_lock=True)
            self.assertGreater(waited, 1.5)
            self.assertLess(waited, 4)
            second.execute("SELECT 1")  # the transaction is still good

    def test_wait_that_times_out_is_no_error_in_the_log(self):
        """Whatever other threads do with the loggers meanwhile."""
        with (
            self.registry.cursor() as first,
            self.registry.cursor() as second,
            ThreadPoolExecutor(1) as pool,
        ):
            self._lock(first)
            with mute_logger("odoo.sql_db"):
                waiting = pool.submit(
                    self._try_to_lock, second, payplug_wait_for_lock=True
                )
                self._wait_until_someone_waits(first)
            self.assertGreater(waiting.result(MAX_FAILURES), 1.5)

    def test_lock_ends_with_its_transaction(self):
        with self.registry.cursor() as first, self.registry.cursor() as second:
            self._lock(first)
            first.commit()
            self._lock(second)
