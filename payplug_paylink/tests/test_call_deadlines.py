"""Answers that come too slowly: a call ends in time, whatever the other side does."""

import time
import tracemalloc

from odoo.tests import tagged

from ..payplug_remote import NO_ANSWER, UNREADABLE, PayplugUnavailable
from .common_emulator import EmulatorCommon


@tagged("post_install", "-at_install", "once")
class TestCallDeadlines(EmulatorCommon):
    def test_body_that_drips_is_given_up_in_time(self):
        """Each byte is in time, and the answer would take a minute."""
        self.payplug.fail("drip", seconds=0.1)
        started = time.monotonic()
        with self.assertRaises(PayplugUnavailable) as silence:
            self.client.renewed(1).get_account()
        self.assertEqual(silence.exception.reason, NO_ANSWER)
        self.assertLess(time.monotonic() - started, 2)

    def test_head_that_drips_or_never_begins_is_given_up_in_time(self):
        for kind, seconds in [("drip_head", 0.1), ("continue", 0.1), ("continue", 0)]:
            with self.subTest(kind=kind, seconds=seconds):
                self.payplug.fail(kind, seconds=seconds)
                started = time.monotonic()
                with self.assertRaises(PayplugUnavailable) as silence:
                    self.client.renewed(1).get_account()
                self.assertEqual(silence.exception.reason, NO_ANSWER)
                self.assertLess(time.monotonic() - started, 2)

    def test_body_that_would_decompress_to_200_megabytes_is_not_decompressed(self):
        self.payplug.fail("bomb", method="GET")
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        with self.assertRaises(PayplugUnavailable) as refusal:
            self.client.get_account()
        self.assertEqual(refusal.exception.reason, UNREADABLE)
        self.assertLess(tracemalloc.get_traced_memory()[1], 20_000_000)

    def test_last_drop_of_a_body_is_not_waited_for_longer_than_the_rest(self):
        self.payplug.fail("drip", seconds=0.95)
        started = time.monotonic()
        with self.assertRaises(PayplugUnavailable):
            self.client.renewed(2).get_account()
        self.assertLess(time.monotonic() - started, 2.5)

    def test_body_that_drips_fast_enough_is_read(self):
        self.payplug.fail("drip", seconds=0.0005)
        account = self.client.get_account()
        self.assertEqual(account.name, self.account.id)

    def test_client_works_on_after_it_gave_up(self):
        self.payplug.fail("drip", seconds=0.1)
        client = self.client.renewed(3)
        with self.assertRaises(PayplugUnavailable):
            client.get_account()
        self.assertEqual(self.client.get_account().name, self.account.id)
