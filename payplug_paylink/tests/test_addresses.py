"""To which addresses a link is mailed: those that can exist, as Odoo would mail."""

from odoo.tests import tagged

from ..payment_messages import visible
from .common import PayplugCommon

GOOD = [
    "marie.durand@example.com",
    "Marie Durand <marie.durand@example.com>",
    '"Durand, Marie" <marie.durand@example.com>',
    '"marie@example.com" <marie@example.com>',
    "o'brien@example.fr",
    "a+b_c@mail.example.co.uk",
    "marie@xn--exmple-cua.fr",
    "marie@example.com, paul@example.com",
    "marie@example.com,",
    "  marie@example.com  ",
]
BAD = [
    "'marie@example.com'",
    '"marie@example.com"',
    "‘marie@example.com’",
    "“marie@example.com”",
    "«marie@example.com»",
    "marie@example.com.",
    "marie@example.com!",
    "marie@example.com)",
    "mailto:marie@example.com",
    "mailto=marie@example.com",
    "?to=marie@example.com",
    "=marie@example.com",
    "marie@x\u0663.fr",
    f"marie@{'example.' * 32}fr",
    "http://marie@example.com",
    "marie@example.com?subject=Invoice",
    "ma\N{ZERO WIDTH SPACE}rie@example.com",
    "marie@exam\N{ZERO WIDTH NON-JOINER}ple.com",
    "marie@example.com\N{ZERO WIDTH NO-BREAK SPACE}",
    "marie\N{NO-BREAK SPACE}@example.com",
    "marie durand@example.com",
    "marie..durand@example.com",
    ".marie@example.com",
    "marie.@example.com",
    "marie@example",
    "marie@-example.com",
    "marie@exam_ple.com",
    "marie@example.c",
    "marie@192.168.1.2",
    "marie@@example.com",
    "marie",
    "none",
]


@tagged("post_install", "-at_install", "once")
class TestAddresses(PayplugCommon):
    def test_addresses_that_can_exist_are_taken(self):
        for address in GOOD:
            with self.subTest(address=address):
                self.partner_a.email = address
                self.assertTrue(self.partner_a._payplug_email())

    def test_addresses_that_cannot_exist_are_refused(self):
        invoice = self._create_payable_invoice()
        for address in BAD:
            with self.subTest(address=address):
                self.partner_a.email = address
                self.assertFalse(self.partner_a._payplug_email())
                with self.assertUserError("has no valid e-mail address"):
                    invoice.action_payplug_send_link()

    def test_one_bad_address_among_good_ones_is_refused(self):
        self.partner_a.email = "marie@example.com, 'paul@example.com'"
        self.assertFalse(self.partner_a._payplug_email())

    def test_refusal_shows_what_is_invisible(self):
        self.partner_a.email = "ma\N{ZERO WIDTH SPACE}rie@example.com"
        with self.assertUserError(r"\(ma<U\+200B>rie@example.com\)"):
            self._create_payable_invoice().action_payplug_send_link()
        self.assertEqual(visible("a b\N{NO-BREAK SPACE}c\t"), "a b<U+00A0>c<U+0009>")
