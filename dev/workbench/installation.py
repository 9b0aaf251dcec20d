"""What the installation of the addon may do to the invoices of a database.

Read by SQL, past the addon: what it says of itself is no witness.
"""

import contextlib
from dataclasses import dataclass

LEAST = 10  # invoices of the demo
# what is special about an invoice of the demo, and how it is seen
CASES = {
    "draft": "move.state = 'draft'",
    "in dollars": "currency.name = 'USD'",
    "no e-mail": "coalesce(partner.email, '') = ''",
    "0.50 €": "currency.name = 'EUR' AND move.amount_total = 0.5",
    "25 000 €": "currency.name = 'EUR' AND move.amount_total = 25000",
    "two due dates": """(
        SELECT count(DISTINCT line.date_maturity) FROM account_move_line line
         WHERE line.move_id = move.id AND line.display_type = 'payment_term') = 2""",
    "already paid": "move.payment_state IN ('paid', 'in_payment')",
}
VERSIONS = "SELECT id, xmin::text FROM account_move"
NEW_INVOICES = f"""
    SELECT {", ".join(f"coalesce({seen}, false)" for seen in CASES.values())}
      FROM account_move move
      JOIN res_currency currency ON currency.id = move.currency_id
      JOIN res_partner partner ON partner.id = move.partner_id
      JOIN ir_model_data name ON name.res_id = move.company_id
           AND name.module = 'base' AND name.name = 'demo_company_fr'
           AND name.model = 'res.company'
     WHERE move.move_type = 'out_invoice' AND move.id != ALL(%s)
"""


@dataclass
class Invoices:
    """The invoices of one database, before and after an installation."""

    server: object
    database: str

    def __post_init__(self):
        self.before = self._versions()

    def troubles(self):
        """What is wrong after the installation, each in a few words."""
        after = self._versions()
        changed = [key for key, row in self.before.items() if after.get(key) != row]
        if not self.before:
            yield "there was no invoice before that could have been changed"
        if changed:
            yield f"{len(changed)} of {len(self.before)} earlier invoices were written"
        yield from self._missing()

    def words(self):
        """What is right, when nothing is wrong."""
        return (
            f"none of {len(self.before)} earlier invoices written, "
            f"{len(self._new())} invoices of the demo with all special cases"
        )

    def _missing(self):
        found = self._new()
        if len(found) < LEAST:
            yield f"the demo has {len(found)} invoices and not {LEAST}"
        for number, name in enumerate(CASES):
            if not any(row[number] for row in found):
                yield f"the demo lacks an invoice: {name}"
        if all(map(any, found)):
            yield "the demo lacks an invoice without anything special"

    def _versions(self):
        # PostgreSQL gives a row that is written another xmin, whatever it holds
        return dict(self._rows(VERSIONS))

    def _new(self):
        return self._rows(NEW_INVOICES, [list(self.before)])

    def _rows(self, query, values=()):
        with contextlib.closing(self.server.connect(self.database)) as connection:
            cursor = connection.cursor()
            cursor.execute(query, values)
            return cursor.fetchall()
