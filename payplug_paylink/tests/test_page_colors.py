"""The company's colour on the buttons of page and mail, with a label to be read."""

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from ..colors import BLACK, ENOUGH, FALLBACK, WHITE, button_colors, contrast
from .common_page import PageCommon

NAVY, YELLOW = "#003366", "#FFD500"
COLORS = st.from_regex(r"\A#[0-9a-fA-F]{6}\Z")


@tagged("post_install", "-at_install", "once")
class TestColors(BaseCase):
    def test_contrast_is_that_of_wcag(self):
        for first, second, expected in (
            ("#000000", "#ffffff", 21),
            ("#777777", "#ffffff", 4.48),  # the known grey that just fails
            ("#767676", "#FFFFFF", 4.54),
            ("#f00", "#FF0000", 1),
            ("#0000FF", "#fff", 8.59),
        ):
            with self.subTest(first=first, second=second):
                self.assertAlmostEqual(contrast(first, second), expected, places=2)
                self.assertEqual(contrast(first, second), contrast(second, first))

    def test_label_of_the_company_is_kept_if_it_can_be_read(self):
        self.assertEqual(button_colors(NAVY, YELLOW), (NAVY, YELLOW))
        self.assertEqual(button_colors(NAVY, "#004477"), (NAVY, WHITE))
        self.assertEqual(button_colors(YELLOW, WHITE), (YELLOW, BLACK))

    def test_what_is_no_color_gets_into_no_style(self):
        for garbage in (False, None, "", "red", "#12345", "#fff; x: y", "url(//x)"):
            with self.subTest(color=garbage):
                self.assertEqual(button_colors(garbage, garbage), (FALLBACK, WHITE))

    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(background=COLORS, text=COLORS)
    def test_any_colors_can_be_read(self, background, text):
        self.assertGreaterEqual(contrast(*button_colors(background, text)), ENOUGH)


@tagged("post_install", "-at_install", "once")
class TestPageColors(PageCommon):
    def test_button_of_page_and_mail_has_the_same_color_of_the_company(self):
        for company_colors, expected in (
            ((NAVY, YELLOW), (NAVY, YELLOW)),
            ((YELLOW, WHITE), (YELLOW, BLACK)),
            ((False, False), (FALLBACK, WHITE)),
        ):
            background, text = company_colors
            self.company.sudo().write(
                {"email_secondary_color": background, "email_primary_color": text}
            )
            self.invoice.invalidate_recordset()
            with self.subTest(background=background):
                page = self._style("button", self._open().text)
                mail = self._style("a", str(self.invoice.payment_link_button))
                self.assertEqual(page, expected)
                self.assertEqual(mail, expected)

    def _style(self, tag, html):
        """Return background and label of the first such element with a style."""
        style = re.search(rf'<{tag}\b[^>]*?\bstyle="([^"]*)"', html, re.DOTALL)[1]
        found = dict(re.findall(r"(background-color|(?<![-\w])color): ([^;]+);", style))
        return found["background-color"], found["color"]
