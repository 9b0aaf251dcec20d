"""Colours that can be read: the contrast of WCAG 2.2, without environment or record."""

import re

HEX_COLOR = re.compile("#(?:[0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)
FALLBACK = "#875A7B"  # Odoo's own, where a company has no colour for its buttons
WHITE, BLACK = "#FFFFFF", "#000000"  # one of them can be read on any colour
ENOUGH = 4.5  # WCAG 2.2, 1.4.3, for text of any size


def button_colors(background, text):
    """Return the colours of a button that everybody can read.

    :param str background: the company's colour, ``#rgb`` or ``#rrggbb``; whatever else
        it holds is left out, for it goes into a style
    :param str text: the company's colour for the label, kept if it can be read
    :return: background and label
    :rtype: tuple[str, str]
    """
    background = background if _is_color(background) else FALLBACK
    labels = [text, WHITE] if _is_color(text) else [WHITE]
    good = (label for label in labels if contrast(background, label) >= ENOUGH)
    return background, next(good, BLACK)


def contrast(first, second):
    """Return the contrast of two colours, from 1 to 21 (WCAG 2.2, contrast ratio)."""
    darker, lighter = sorted((_luminance(first), _luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def _is_color(value):
    return bool(value and HEX_COLOR.fullmatch(value))


def _luminance(color):
    """Return how bright a colour is, from 0 to 1 (WCAG 2.2, relative luminance)."""
    digits = color[1:] if len(color) == 7 else "".join(digit * 2 for digit in color[1:])
    parts = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
