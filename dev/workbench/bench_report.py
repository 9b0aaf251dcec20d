"""What the benchmark prints: a table, and a chart."""

from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment
from tabulate import tabulate


class AtLeast(float):
    """A bound that is to be reached, where the others are not to be passed."""


# key: what is measured, and the most that it may be (True: it must be so)
BOUNDS = {
    "send_ratio": ("Sending one invoice: with a link / without", 0.30),
    "many_ratio": ("Many: one worker / Odoo's own sends of a minute", AtLeast(3)),
    "workers_ratio": ("Two jobs of queue_job at once / one", AtLeast(1.7)),
    "notification_ratio": ("Notification to reconciled: Payplug / Mollie", 0.85),
    "flood_ratio": ("A pay page: another one flooded / Odoo's sign-in flooded", 3),
    "follow_calls": ("Following 2 000 pending links: calls of the API", 30),
    "list_ratio": ("List, 80 of 50 000 invoices: with / without", 1.03),
    "post_ratio": ("Posting invoices, processor time: with / without", 1.02),
    "settle_ratio": ("Paying and reconciling, processor time: with / without", 1.03),
    "install_ratio": ("Installing: on 50 000 invoices / on none", 1.2),
    "search_uses_index": ("Search by payment ID: index used", True),
    "sent_per_minute": ("Queue, one worker: invoices sent in a minute", None),
}


@dataclass
class Row:
    """One line of the table."""

    key: str
    value: object
    details: str = ""

    def __post_init__(self):
        self.label, self.limit = BOUNDS[self.key]

    @property
    def bound(self):
        if self.limit in (True, None):
            return "yes" if self.limit else ""
        return f"{'>=' if isinstance(self.limit, AtLeast) else '<='} {self.limit:g}"

    @property
    def measured(self):
        if isinstance(self.value, bool):
            return "yes" if self.value else "no"
        return f"{self.value:.3f}" if isinstance(self.value, float) else self.value

    @property
    def used(self):
        """How much of what is allowed was used: 1 is all of it."""
        if self.limit is None:
            return 0
        if isinstance(self.limit, AtLeast):
            return self.limit / self.value
        return 2 - self.value if self.limit is True else self.value / self.limit

    @property
    def is_met(self):
        return self.used <= 1


def table(rows):
    """The rows as a table of text."""
    lines = [
        (row.label, row.measured, row.bound, "ok" if row.is_met else "NO", row.details)
        for row in rows
    ]
    headers = ("what", "measured", "bound", "ok", "medians")
    return tabulate(lines, headers, tablefmt="rst", disable_numparse=True)


def draw(rows, path):
    """Write a picture (SVG): how much of each bound is used."""
    shown = [row for row in rows if row.limit not in (True, None)]
    text = Path(__file__).with_name("bench.svg").read_text()
    chart = Environment(autoescape=True, trim_blocks=True).from_string(text)
    path.write_text(chart.render(rows=shown) + "\n")
