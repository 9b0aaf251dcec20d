"""What tests of the client share: an emulator, and no record."""

from odoo.tests import BaseCase

from ..payplug_api import PayplugClient, SecretKey
from .common import RealRequests
from .payplug_emulator import PayplugEmulator


class EmulatorCommon(RealRequests, BaseCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.payplug = PayplugEmulator.start()
        cls.addClassCleanup(cls.payplug.stop)
        cls.account = cls.payplug.add_account(name="Lumière", min_cents=30)

    def setUp(self):
        super().setUp()
        self.payplug.reset()
        self.client = self._client(self.account.test_key)

    def _client(self, key, deadline=None):
        return PayplugClient(SecretKey(key), self.payplug.url, deadline)
