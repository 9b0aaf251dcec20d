"""Checks what the installation of the addon does to the invoices of a database.

The invoices are read by SQL, since this is a check of the addon's own code.
"""

LEAST = 10  # invoices of the demo
# what is special about an invoice of the demo, and its condition
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
# PostgreSQL gives a row that is written another xmin, whatever is written
VERSIONS = "SELECT id, xmin::text FROM account_move"
NEW_INVOICES = f"""
    SELECT {", ".join(f"coalesce({condition}, false)" for condition in CASES.values())}
      FROM account_move move
      JOIN res_currency currency ON currency.id = move.currency_id
      JOIN res_partner partner ON partner.id = move.partner_id
      JOIN ir_model_data name ON name.res_id = move.company_id
           AND name.module = 'base' AND name.name = 'demo_company_fr'
           AND name.model = 'res.company'
     WHERE move.move_type = 'out_invoice' AND move.id != ALL(%s)
"""


def versions(server, database):
    """The versions of the invoices' rows, by their ids."""
    return dict(server.query(VERSIONS, database=database))


def errors(server, database, before):
    """What is wrong after the installation, each in a few words.

    :param before: the `versions` before it
    """
    after = versions(server, database)
    changed = [key for key, row in before.items() if after.get(key) != row]
    if changed or not before:
        yield f"{len(changed)} of {len(before)} earlier invoices were written"
    new = server.query(NEW_INVOICES, [list(before)], database)
    if len(new) < LEAST:
        yield f"the demo has {len(new)} invoices and not {LEAST}"
    for name, found in zip(CASES, zip(*new, strict=True), strict=False):
        if not any(found):
            yield f"the demo lacks an invoice: {name}"
