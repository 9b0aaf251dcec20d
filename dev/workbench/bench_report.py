"""What the benchmark says: rows, tables, and a picture."""

from dataclasses import dataclass
from math import log
from xml.sax.saxutils import escape

# key: what is measured, the bound, and whether more is better
BOUNDS = {
    "send_ratio": ("Sending one invoice: with a link / without", 1.05, False),
    "notification_ratio": ("Notification to reconciled: Payplug / Mollie", 1.0, False),
    "bulk_speedup": ("500 links, answers in 100 ms: one by one / at once", 6, True),
    "follow_calls": ("Following 2 000 pending links: calls of the API", 30, False),
    "list_ratio": ("List, 80 of 50 000 invoices: with / without", 1.05, False),
    "post_ratio": ("Posting 200 invoices, 5 at a time: with / without", 1.02, False),
    "settle_ratio": (
        "Paying and reconciling, 5 at a time: with / without",
        1.05,
        False,
    ),
    "install_ratio": ("Installing: on 50 000 invoices / on none", 1.2, False),
    "search_uses_index": ("Search by payment ID: index used", True, True),
}
# the power of the count by which the value grows, and the word for less than that
SHAPES = ((0.15, "flat"), (0.8, "less than linear"), (1.25, "linear"), (99, "more"))
BY_PROCESSOR_TIME = ("post_ratio", "settle_ratio")
PICTURE = {"width": 800, "row": 46, "top": 62, "left": 24, "bar": 560}
GOOD, BAD, INK, PALE = "#2e7d32", "#c62828", "#222222", "#e3e8ee"


@dataclass
class Row:
    """One line of the table."""

    key: str
    value: object
    details: str = ""

    @property
    def what(self):
        """What was measured, in words."""
        return BOUNDS[self.key][0]

    @property
    def bound(self):
        """The bound, as it is written."""
        _what, bound, more = BOUNDS[self.key]
        if bound is True:
            return "yes"
        return f"{'>=' if more else '<='} {bound:g}"

    @property
    def measured(self):
        """The value, as it is written."""
        if isinstance(self.value, bool):
            return "yes" if self.value else "no"
        return str(self.value) if isinstance(self.value, int) else f"{self.value:.3f}"

    @property
    def used(self):
        """How much of what is allowed was used: 1 is all of it."""
        _what, bound, more = BOUNDS[self.key]
        if isinstance(self.value, bool):
            return 0 if self.value is bound else 2
        return bound / self.value if more else self.value / bound

    @property
    def is_met(self):
        """Whether the value is within its bound."""
        return self.used <= 1


@dataclass
class Curve:
    """How something grows: what, with what, for which counts, and how it is written."""

    what: str
    grows_with: str
    counts: tuple
    values: tuple
    unit: str = ""

    @property
    def shape(self):
        """The word of `SHAPES` for how it grows from the first count to the last."""
        exponent = log(self.values[-1] / self.values[0]) / log(
            self.counts[-1] / self.counts[0]
        )
        return next(word for limit, word in SHAPES if exponent < limit)

    def line(self):
        """The line of the table."""
        points = zip(self.counts, self.values, strict=True)
        words = [f"{count:,}: {value:g} {self.unit}" for count, value in points]
        return self.what, self.grows_with, " | ".join(words), self.shape


def ratio_row(key, pairs, unit="ms"):
    """The row of something measured by turns."""
    clock = ", processor time" if key in BY_PROCESSOR_TIME else ""
    return Row(key, round(pairs.ratio, 3), pairs.words(unit) + clock)


def follow_row(calls, seconds):
    """The row of following many links."""
    return Row("follow_calls", calls, f"in {seconds:.1f} s")


def bulk_row(bound, seconds):
    """The row of making many links at once."""
    return Row("bulk_speedup", round(bound / seconds, 2), f"{seconds:.2f} s")


def growth_table(curves):
    """The curves as a table of text."""
    heads = ("what", "grows with", "measured", "shape")
    return text_table(heads, [curve.line() for curve in curves])


def in_order(rows):
    """The rows in the order of the design."""
    return sorted(rows, key=lambda row: list(BOUNDS).index(row.key))


def table(rows):
    """The rows as a table of text, which is a table in reStructuredText, too."""
    lines = [(row.what, row.measured, row.bound, _ok(row), row.details) for row in rows]
    return text_table(("what", "measured", "bound", "ok", "medians"), lines)


def _ok(row):
    return "ok" if row.is_met else "NO"


def text_table(heads, lines):
    """A simple table of reStructuredText."""
    columns = zip(heads, *lines, strict=True)
    widths = [max(len(str(cell)) for cell in column) for column in columns]
    rule = "  ".join("=" * width for width in widths)
    body = [
        "  ".join(
            str(cell).ljust(width) for cell, width in zip(line, widths, strict=True)
        )
        for line in (heads, *lines)
    ]
    words = [rule, body[0], rule, *body[1:], rule]
    return "\n".join(line.rstrip() for line in words)


def draw(rows, path):
    """Write a picture (SVG): of each bound, how much is used."""
    shown = [row for row in rows if not isinstance(row.value, bool)]
    height = PICTURE["top"] + PICTURE["row"] * len(shown) + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{PICTURE["width"]}" '
        f'height="{height}" viewBox="0 0 {PICTURE["width"]} {height}" '
        'font-family="Arial, Helvetica, sans-serif">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        _text(PICTURE["left"], 30, "What the addon costs, measured by dev/bench", 18),
        _text(
            PICTURE["left"],
            50,
            "How much of what is allowed is used: no bar may leave the grey.",
            13,
        ),
        *(part for number, row in enumerate(shown) for part in _bar(number, row)),
        "</svg>",
    ]
    path.write_text("\n".join(parts) + "\n")


def _bar(number, row):
    top = PICTURE["top"] + PICTURE["row"] * number
    left, full = PICTURE["left"], PICTURE["bar"]
    colour = GOOD if row.is_met else BAD
    length = min(row.used, 1.3) * full
    yield _text(left, top + 16, row.what, 14)
    yield _rectangle(left, top + 22, full, PALE)
    yield _rectangle(left, top + 22, length, colour)
    words = f"{row.measured}  ({row.bound.replace('<=', '≤').replace('>=', '≥')})"
    yield _text(left + full * 1.02, top + 35, words, 14, colour)


def _text(x, y, words, size, colour=INK):
    place = f'x="{x:.0f}" y="{y}" font-size="{size}" fill="{colour}"'
    return f"<text {place}>{escape(words)}</text>"


def _rectangle(x, y, width, colour):
    size = f'width="{width:.1f}" height="16" rx="2" fill="{colour}"'
    return f'<rect x="{x}" y="{y}" {size}/>'
