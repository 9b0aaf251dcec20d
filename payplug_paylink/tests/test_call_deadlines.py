"""Answers that come too slowly: a call ends in time, whatever the other side does."""

import time

from odoo.tests import BaseCase, tagged

from ..payplug_api import PayplugClient, SecretKey
from ..payplug_remote import NO_ANSWER, PayplugUnavailable
from .common import RealRequests
from .payplug_emulator import PayplugEmulator


@tagged("post_install", "-at_install", "once")
class TestCallDeadlines(RealRequests, BaseCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.payplug = PayplugEmulator.start()
        cls.addClassCleanup(cls.payplug.stop)
        cls.account = cls.payplug.add_account(name="Lumière")

    def setUp(self):
        super().setUp()
        self.payplug.reset()
        self.client = PayplugClient(SecretKey(self.account.test_key), self.payplug.url)

    def test_body_that_drips_is_given_up_in_time(self):
        """Each byte is in time, and the answer would take a minute."""
        self.payplug.fail("drip", seconds=0.1)
        started = time.monotonic()
        with self.assertRaises(PayplugUnavailable) as silence:
            self.client.renewed(1).get_account()
        self.assertEqual(silence.exception.reason, NO_ANSWER)
        self.assertLess(time.monotonic() - started, 2)

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
