"""What a benchmark database holds; called inside Odoo's shell (`env` is Odoo's).

A few invoices are made as a user makes them. The others are copies of their rows by
SQL: what Odoo computed and stored stays right, names and numbers are new.
"""

from datetime import date

from odoo import Command

CUSTOMERS = 40
SEEDS = 50  # posted invoices made by Odoo itself, and as many drafts
DRAFTS = 6000  # to post in the benchmark
YEAR = 2025  # of the posted ones; what is posted later stands in years of its own
DRAFT_DAY = date(2024, 12, 31)  # behind the others in a list, newest first

# Tables of which a copied invoice has rows, with the column that names its line.
LINE_TABLES = {
    "account_move_line_account_tax_rel": "account_move_line_id",
    "account_account_tag_account_move_line_rel": "account_move_line_id",
}


def create_company(env, login):
    """Make the main company a French one, with accounts, customers and a biller.

    :param str login: of the biller; the password is the same
    """
    company = env.ref("base.main_company")
    company.write(
        {
            "name": "Lumière SARL",
            "email": "facturation@example.com",
            "country_id": env.ref("base.fr").id,
            "currency_id": env.ref("base.EUR").id,
        }
    )
    if company.chart_template != "fr":
        env["account.chart.template"].try_loading("fr", company)
    _book_payments(env, company)
    env["res.users"].create(
        {
            "name": "Camille Martin",
            "login": login,
            "password": login,
            "email": "camille.martin@example.com",
            "group_ids": [Command.link(env.ref("account.group_account_invoice").id)],
        }
    )
    env["res.partner"].create([customer(env, n) for n in range(CUSTOMERS)])
    env.cr.commit()


def _book_payments(env, company):
    """Give payments an account of their own: else Odoo books and reconciles none."""
    account = env["account.account"].create(
        {
            "name": "Payments under way",
            "code": "511900",
            "account_type": "asset_current",
            "reconcile": True,
            "company_ids": [Command.link(company.id)],
        }
    )
    banks = [("type", "=", "bank"), ("company_id", "=", company.id)]
    lines = env["account.journal"].search(banks).inbound_payment_method_line_ids
    lines.payment_account_id = account


def customer(env, number):
    """The values of a customer to whom mails can be sent."""
    return {
        "name": f"Client {number:02}",
        "ref": f"BENCH{number:02}",
        "email": f"client{number}@example.com",
        "street": f"{number} rue des Lilas",
        "zip": "75020",
        "city": "Paris",
        "country_id": env.ref("base.fr").id,
        "invoice_sending_method": "email",  # nobody asks a network about them
    }


def create_invoices(env, count):
    """Fill the database with `count` posted invoices, and drafts."""
    posted = _create_seeds(env, [_seed_day(number) for number in range(SEEDS)])
    posted.action_post()
    drafts = _create_seeds(env, [DRAFT_DAY] * SEEDS)
    env.flush_all()
    _multiply(env.cr, posted.ids, count)
    _multiply(env.cr, drafts.ids, DRAFTS)
    _number(env.cr, posted[0])
    env.cr.commit()
    _check(env, count)


def _seed_day(number):
    return date(YEAR, 1 + number * 12 // SEEDS, 1 + number % 28)


def _create_seeds(env, days):
    customers = env["res.partner"].search([("ref", "=like", "BENCH%")], order="ref")
    tax = env.ref("base.main_company").account_sale_tax_id
    terms = env.ref("account.account_payment_term_30days")
    return env["account.move"].create(
        [
            {
                "move_type": "out_invoice",
                "partner_id": customers[number % len(customers)].id,
                "invoice_date": day,
                "invoice_payment_term_id": terms.id,
                "invoice_line_ids": [
                    Command.create(
                        {
                            "name": f"Service {line}",
                            "price_unit": 20.0 + number + line,
                            "quantity": 1 + line,
                            "tax_ids": [Command.set(tax.ids)],
                        }
                    )
                    for line in range(1 + number % 3)
                ],
            }
            for number, day in enumerate(days)
        ]
    )


def _multiply(cr, seed_ids, count):
    """Copy the invoices `seed_ids`, with their lines, until there are `count`."""
    cr.execute("ANALYZE account_move, account_move_line")
    cr.execute(
        """
        CREATE TEMP TABLE bench_move ON COMMIT DROP AS
        SELECT seed.id AS seed_id, nextval('account_move_id_seq') AS id
          FROM unnest(%s) WITH ORDINALITY AS seed(id, rank),
               generate_series(1, %s) AS copy
         WHERE (copy * %s) + seed.rank <= %s
        """,
        [seed_ids, count // len(seed_ids), len(seed_ids), count],
    )
    cr.execute(
        """
        CREATE TEMP TABLE bench_line ON COMMIT DROP AS
        SELECT line.id AS seed_id, move.id AS move_id,
               nextval('account_move_line_id_seq') AS id
          FROM bench_move move JOIN account_move_line line
            ON line.move_id = move.seed_id
        """
    )
    # names are unique: `_number` gives them
    name = "CASE WHEN seed.state = 'posted' THEN '/' ELSE seed.name END"
    _copy(cr, "account_move", "bench_move", id="new.id", name=name)
    _copy(cr, "account_move_line", "bench_line", id="new.id", move_id="new.move_id")
    for table, column in LINE_TABLES.items():
        _copy(cr, table, "bench_line", key=column, **{column: "new.id"})
    cr.execute("DROP TABLE bench_move, bench_line")


def _copy(cr, table, copies, key="id", **changed):
    """Copy the rows of `table` that `copies` names as seeds, some columns changed."""
    cr.execute(
        """
        SELECT column_name FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name = %s AND is_generated = 'NEVER'
        """,
        [table],
    )
    names = [name for (name,) in cr.fetchall()]
    values = [changed.get(name, f'seed."{name}"') for name in names]
    columns = ", ".join(f'"{name}"' for name in names)
    cr.execute(
        f"INSERT INTO {table} ({columns}) SELECT {', '.join(values)} "
        f"FROM {copies} new JOIN {table} seed ON seed.{key} = new.seed_id"
    )


def _number(cr, model):
    """Number all posted invoices anew, in the order of their dates."""
    prefix = model.sequence_prefix
    cr.execute("UPDATE account_move SET name = '/' WHERE state = 'posted'")
    cr.execute(
        """
        UPDATE account_move move
           SET name = %(prefix)s || lpad(ranked.rank::text, 5, '0'),
               payment_reference = %(prefix)s || lpad(ranked.rank::text, 5, '0'),
               sequence_prefix = %(prefix)s, sequence_number = ranked.rank,
               made_sequence_gap = false
          FROM (SELECT id, row_number() OVER (ORDER BY date, id) AS rank
                  FROM account_move WHERE state = 'posted') ranked
         WHERE ranked.id = move.id
        """,
        {"prefix": prefix},
    )
    cr.execute(
        """
        UPDATE account_move_line line
           SET move_name = move.name,
               name = CASE WHEN line.display_type = 'payment_term'
                           THEN move.name ELSE line.name END
          FROM account_move move
         WHERE move.id = line.move_id AND move.state = 'posted'
        """
    )


def _check(env, count):
    """Refuse to go on with a database that is not what it shall be."""
    env.invalidate_all()
    moves = env["account.move"]
    found = moves.search_count([("state", "=", "posted")])
    drafts = moves.search_count([("state", "=", "draft")])
    assert (found, drafts) == (count, DRAFTS), (found, drafts)
    env.cr.execute(
        """
        SELECT count(*) FROM (
            SELECT FROM account_move_line GROUP BY move_id
            HAVING abs(sum(balance)) > 0.001) unbalanced
        """
    )
    assert env.cr.fetchone() == (0,)
    last = moves.search([("state", "=", "posted")], order="date desc, id desc", limit=1)
    assert last.sequence_number == count, last.name
    assert last.name == last.line_ids[0].move_name == last.payment_reference
