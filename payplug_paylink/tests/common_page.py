"""What the tests of the pay page share: a visitor without any cookie."""

from html import unescape

from lxml import html

from odoo.tests import HttpCase

from .common import PayplugCommon


class PageCommon(PayplugCommon, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write(
            {
                "payplug_live_key": False,
                "payplug_book_test_payments": True,
                "email": "compta@lumiere.example.com",
            }
        )
        cls.partner_a.lang = "en_US"
        cls.invoice = cls._create_payable_invoice(1234.56)

    def _open(self, path=None, method="GET", **options):
        """Return the answer to a visitor without any cookie."""
        self.env.flush_all()
        url = self.base_url() + (path or self.invoice._payplug_page_path())
        answer = self.opener.request(method, url, **{"timeout": 20, **options})
        self.env.invalidate_all()
        return answer

    def _start(self, path=None):
        """Click the button; return the answer, not followed."""
        return self._open(path, "POST", allow_redirects=False)

    def _words(self, answer):
        """Return the text that a visitor reads."""
        tree = html.fromstring(answer.text)
        [main] = tree.xpath("//main")
        return " ".join(unescape(main.text_content()).split())

    def assertShows(self, *words, status=200, path=None):
        """Check what the page says, and that it has no button if it cannot be paid."""
        answer = self._open(path)
        self.assertEqual(answer.status_code, status)
        shown = self._words(answer)
        for word in words:
            self.assertIn(word, shown)
        return answer

    def assertNoButton(self, answer):
        self.assertFalse(html.fromstring(answer.text).xpath("//main//form"))

    def _created(self):
        return [call for call in self.payplug.calls if call.status == 201]
