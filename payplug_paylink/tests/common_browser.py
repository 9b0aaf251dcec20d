"""A real browser for tests: Chromium, driven by Playwright."""

import resource
import shutil
from contextlib import contextmanager
from datetime import timedelta
from unittest import SkipTest

from odoo.tests import HttpCase

from ..models import payplug_payment_link
from .common import PayplugCommon

try:
    from playwright.sync_api import sync_playwright
except ImportError:  # the addon's tests also run where only Odoo is installed
    sync_playwright = None

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 375, "height": 667}
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run"
    " --disable-background-networking --disable-component-update --disable-sync"
).split()


@contextmanager
def unlimited_memory():
    """Lift the limit that Odoo sets to its own process: a browser reserves more."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limits[1], limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


class BrowserCommon(PayplugCommon, HttpCase):
    """For what people do in a browser; `browser` is Playwright's."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write(
            {"payplug_live_key": False, "payplug_book_test_payments": True}
        )
        program = shutil.which("chromium") or shutil.which("google-chrome")
        if not program or sync_playwright is None:
            raise SkipTest("playwright is not installed, or no Chromium was found")
        with unlimited_memory():
            playwright = sync_playwright().start()
            cls.addClassCleanup(playwright.stop)
            cls.browser = playwright.chromium.launch(
                executable_path=program, args=ARGUMENTS
            )
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        super().setUp()
        # A test types faster than any payer: what Payplug said before is old for it.
        self.patch(payplug_payment_link, "FRESH", timedelta(0))
        self.invoice = self._create_payable_invoice(1234.56)
        self.env.flush_all()
        allowed = self.allow_requests(all_requests=True)
        allowed.__enter__()
        self.addCleanup(allowed.__exit__, None, None, None)

    def _new_page(self, size=None, **options):
        """Return a page of a browser that nobody has used yet."""
        context = self.browser.new_context(viewport=size or DESKTOP, **options)
        self.addCleanup(context.close)
        page = context.new_page()
        page.set_default_timeout(20_000)
        return page
