"""Databases: templates made once, and copies of them to work in.

A template gets its name when it is complete. File stores are shared by hard links.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg2
from psycopg2 import sql

from . import cache, odoo_source, postgres
from .console import CommandError, step
from .odoo import Odoo

LANGUAGES = "en_US,fr_FR"
RUN_PREFIX = "paylink_run_"


@dataclass(frozen=True)
class Template:
    """What a template database holds.

    :ivar base: the template it starts from, if any
    :ivar script: for Odoo's shell, which adds data
    :ivar fill: function of the database's name that adds data
    :ivar sources: what else the data depends on
    """

    name: str
    modules: str
    options: tuple = ()
    base: "Template" = None
    script: str = ""
    fill: Callable = None
    sources: tuple = ()

    @property
    def prefix(self):
        """What the names of all versions of this template begin with."""
        return f"paylink_{self.name}_"

    @property
    def content(self):
        """What the content depends on, beside Odoo."""
        own = ((self.modules, self.options, LANGUAGES), self.script, *self.sources)
        return (*self.base.content, *own) if self.base else own


# companies for the tests, since each chart of accounts takes ten seconds, and Odoo's
# scripts and styles, which each test with a browser or a PDF would compile
PREPARED = """
france = {"country_id": env.ref("base.fr").id, "currency_id": env.ref("base.EUR").id}
for number in range(1, 5):
    company = env["res.company"].create({"name": f"Prepared {number}", **france})
    env["account.chart.template"].try_loading("fr", company=company, install_demo=False)
env["ir.qweb"]._pregenerate_assets_bundles()
env.cr.commit()
"""
WITH_ACCOUNT_PAYMENT = Template(
    "full", "account,l10n_fr_account,account_payment", script=PREPARED
)
WITHOUT_ACCOUNT_PAYMENT = Template(
    "bare", "account,l10n_fr_account", ("--skip-auto-install",), script=PREPARED
)
WITH_QUEUE_JOB = Template("jobs", "queue_job", base=WITH_ACCOUNT_PAYMENT)
WITH_DEMO = Template("demo", "account,l10n_fr_account", ("--with-demo",))


@contextlib.contextmanager
def serving(options, safe=False, **settings):
    """The `Databases` of PostgreSQL's server, which runs as long as the context.

    :param safe: see `postgres.server`
    :param settings: of Odoo, beside the usual ones
    """
    with (
        postgres.server(options.pghost, safe) as server,
        tempfile.TemporaryDirectory(prefix="paylink-") as folder,
    ):
        odoo = Odoo(Path(os.environ["ODOO_SOURCE"]), server)
        path = odoo.write_settings(Path(folder) / "odoo.conf", **settings)
        yield Databases(odoo, path)


class Databases:
    """The databases of one PostgreSQL server."""

    def __init__(self, odoo, settings):
        self.odoo = odoo
        self.settings = settings

    def names(self, prefix=""):
        """The names of the databases that begin with `prefix`."""
        rows = self.odoo.server.query("SELECT datname FROM pg_database")
        return [name for (name,) in rows if name.startswith(prefix)]

    def is_there(self, name):
        """Whether there is a database `name`, with its file store."""
        return name in self.names() and self._files(name).is_dir()

    def copy(self, template, name):
        """Make the database `name` as a copy of `template`, or of another database."""
        original = template if isinstance(template, str) else self._template(template)
        self.drop(name)
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, original)
        files = self._files(original), self._files(name)
        shutil.copytree(*files, copy_function=os.link)
        return name

    @contextlib.contextmanager
    def run_copy(self, template, role="", original=None):
        """A copy of `template` for this run, dropped at its end.

        :param str role: tells several copies of one template apart
        :param str original: the database to copy, made from `template`
        """
        for name in self.names(RUN_PREFIX):  # of runs that were killed
            if not psutil.pid_exists(int(name.rpartition("_")[2])):
                self.drop(name)
        name = f"{RUN_PREFIX}{template.name}{role}_{os.getpid()}"
        try:
            yield self.copy(original or template, name)
        finally:
            self.drop(name)

    def drop(self, name):
        """Drop the database `name`, if there is one, with its file store."""
        # WITH (FORCE) would need a superuser while autovacuum works there
        self.odoo.server.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = %s AND usename = current_user",
            [name],
        )
        self._execute("DROP DATABASE IF EXISTS {}", name)
        shutil.rmtree(self._files(name), ignore_errors=True)

    def install(self, name, modules, *options):
        """Install `modules` in the database `name` and return Odoo's log."""
        return self.odoo.call(
            f"Odoo could not install {modules}; its log stands above.",
            *("server", "-c", self.settings, "-d", name, "-i", modules),
            *("--stop-after-init", "--no-http", *options),
        )

    def run_script(self, name, script):
        """Run Python in Odoo's shell on the database `name`."""
        shell = ("shell", "-c", self.settings, "-d", name, "--no-http")
        message = "Odoo's shell failed; what it said stands above."
        self.odoo.call(message, *shell, script=script)

    def _template(self, template):
        source = str(self.odoo.source)
        lock = cache.ROOT / "dev" / "requirements.txt"
        version = odoo_source.version(source)
        name = template.prefix + cache.digest(source, version, lock, *template.content)
        with cache.lock(f"database-{template.name}"):
            if not self.is_there(name):
                self._make(template, name)
        return name

    def _make(self, template, name):
        step(f"Creating the template database ({template.name}), once; takes minutes")
        for old in self.names(template.prefix):
            self.drop(old)
        unfinished = f"{template.prefix}unfinished"
        self.drop(unfinished)
        if template.base:
            self.copy(template.base, unfinished)
        if template.modules:
            languages = f"--load-language={LANGUAGES}"
            self.install(unfinished, template.modules, languages, *template.options)
        if template.script:
            self.run_script(unfinished, template.script)
        if template.fill:
            template.fill(unfinished)
        shutil.rmtree(self._files(name), ignore_errors=True)
        self._files(unfinished).rename(self._files(name))
        self._execute("ALTER DATABASE {} RENAME TO {}", unfinished, name)

    def _files(self, name):
        return self.odoo.data / "filestore" / name

    def _execute(self, statement, *names):
        query = sql.SQL(statement).format(*map(sql.Identifier, names))
        try:
            self.odoo.server.query(query)
        except psycopg2.Error as error:
            raise CommandError(f"PostgreSQL refuses: {str(error).strip()}") from error
