"""The databases of the benchmark, and functions called inside Odoo's shell."""

import contextlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import cache
from .databases import Template
from .odoo import troubles
from .say import Fault

HERE = Path(__file__).resolve().parent
ADDONS = HERE / "bench_addons"
FILL = HERE / "bench_fill.py"
LOGIN = "bench"  # of a billing user; the password is the same
COMPANY_MODULES = "account,l10n_fr_account,account_payment"


@dataclass(frozen=True)
class Company(Template):
    """A company that could begin to write invoices."""

    def made_of(self):
        """What the content depends on."""
        return (*super().made_of(), FILL)

    def fill(self, bases, name):
        """Install the modules and make the company."""
        super().fill(bases, name)
        inside(bases, name, "bench_fill", "create_company", login=LOGIN)
        tidy(bases, name)


@dataclass(frozen=True)
class Invoices(Template):
    """A company with `count` posted invoices."""

    count: int = 0

    def made_of(self):
        """What the content depends on."""
        return (*super().made_of(), self.count, FILL)

    def fill(self, bases, name):
        """Copy the company and give it invoices."""
        bases.copy(COMPANY, name)
        inside(bases, name, "bench_fill", "create_invoices", count=self.count)
        tidy(bases, name)


@dataclass(frozen=True)
class Mollie(Template):
    """The large company, with Odoo's own way to be paid through Mollie."""

    def made_of(self):
        """What the content depends on."""
        files = sorted(path for path in ADDONS.rglob("*") if path.suffix == ".py")
        return (*super().made_of(), FILL, *files)

    def fill(self, bases, name):
        """Copy the large company and install the modules."""
        bases.copy(LARGE, name)
        bases.install(name, self.modules)
        tidy(bases, name)


COMPANY = Company("benchempty", COMPANY_MODULES)
SMALL = Invoices("benchsmall", COMPANY_MODULES, count=1_000)
LARGE = Invoices("benchlarge", COMPANY_MODULES, count=50_000)
MOLLIE = Mollie("benchmollie", "payment_mollie,bench_mollie")


def inside(bases, database, module, function, **arguments):
    """Call a function of this package inside Odoo's shell; return what it returns.

    :param str module: of this package; its functions take `env` first
    :param arguments: anything that JSON can carry
    :raise Fault: also when Odoo logs a warning meanwhile
    """
    with tempfile.TemporaryDirectory(prefix="paylink-") as folder:
        answer = Path(folder) / "answer"
        words = json.dumps(arguments)
        script = (
            "import json, pathlib\n"
            f"from workbench import {module}\n"
            f"answer = {module}.{function}(env, **json.loads({words!r}))\n"
            f"pathlib.Path({str(answer)!r}).write_text(json.dumps(answer))\n"
        )
        log = bases.odoo.call(
            f"{module}.{function} failed inside Odoo; its log stands above.",
            *("shell", "-c", bases.settings, "-d", database, "--no-http"),
            script=script,
        )
        if lines := troubles(log):
            raise Fault(f"{module}.{function} made Odoo warn:\n" + "\n".join(lines))
        if not answer.exists():
            print(log)
            raise Fault(f"{module}.{function} did not end; Odoo's log stands above.")
        return json.loads(answer.read_text())


def tidy(bases, database):
    """Let PostgreSQL clean up and count, as its own background would by and by."""
    with contextlib.closing(bases.odoo.server.connect(database)) as connection:
        connection.cursor().execute("VACUUM (FREEZE, ANALYZE)")


def set_base_url(bases, database, url):
    """Write where this database's server answers, without starting Odoo."""
    statement = """
        INSERT INTO ir_config_parameter (key, value) VALUES (%s, %s)
            ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value
    """
    values = {"web.base.url": url, "web.base.url.freeze": "True"}
    with contextlib.closing(bases.odoo.server.connect(database)) as connection:
        for item in values.items():
            connection.cursor().execute(statement, item)


def touch_newest(bases, database, count):
    """Write the newest invoices without changing them, as links do with theirs."""
    statement = """
        UPDATE account_move SET write_date = write_date WHERE id IN (
            SELECT id FROM account_move WHERE state = 'posted'
             ORDER BY date DESC, name DESC LIMIT %s)
    """
    with contextlib.closing(bases.odoo.server.connect(database)) as connection:
        connection.cursor().execute(statement, [count])


def room():
    """Make sure that the databases of one run find room."""
    cache.need_room(4000)
