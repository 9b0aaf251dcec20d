"""Databases: templates made once, and copies of them to work in.

A template is made under another name and renamed when it is complete; its file store
is shared by hard links.
"""

import contextlib
import os
import shutil
from dataclasses import dataclass

import psycopg2
from psycopg2 import sql

from . import cache, odoo_source
from .say import Fault, step

LANGUAGES = "en_US,fr_FR"
RUN_PREFIX = "paylink_run_"


@dataclass(frozen=True)
class Template:
    """What a template database holds."""

    name: str
    modules: str
    options: tuple = ()

    def database(self, odoo):
        """The name of the database, which changes with all that it is made from."""
        lock = cache.ROOT / "dev" / "requirements.txt"
        version = odoo_source.version(odoo.source)
        key = cache.digest(str(odoo.source), version, lock, *self.made_of())
        return f"{self.prefix}{key}"

    def made_of(self):
        """What the content depends on, beside Odoo: values, and files as paths."""
        return ((self.modules, self.options, LANGUAGES),)

    def fill(self, bases, name):
        """Make the content, in the database `name` of the `Databases` `bases`."""
        language = f"--load-language={LANGUAGES}"
        bases.install(name, self.modules, language, *self.options)

    @property
    def prefix(self):
        """What the names of all generations of this template begin with."""
        return f"paylink_{self.name}_"


WITH_ACCOUNT_PAYMENT = Template("full", "account,l10n_fr_account,account_payment")
WITHOUT_ACCOUNT_PAYMENT = Template(
    "bare", "account,l10n_fr_account", ("--skip-auto-install",)
)
WITH_DEMO = Template("demo", "account,l10n_fr_account", ("--with-demo",))


class Databases:
    """The databases of one PostgreSQL server."""

    def __init__(self, odoo, settings):
        self.odoo = odoo
        self.settings = settings

    def names(self, prefix=""):
        """The names of the databases that begin with `prefix`."""
        with self._cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database")
            return [name for (name,) in cursor.fetchall() if name.startswith(prefix)]

    def copy(self, template, name):
        """Make the database `name` as a copy of `template`."""
        original = self._template(template)
        self.drop(name)
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, original)
        if self._files(original).is_dir():
            shutil.copytree(
                self._files(original), self._files(name), copy_function=os.link
            )
        return name

    @contextlib.contextmanager
    def run_copy(self, template, role=""):
        """A copy of `template` for this run, dropped at its end.

        :param str role: tells several copies of one template from each other
        """
        self._drop_leftovers()
        what = f"{template.name}{role}"
        name = self.copy(template, f"{RUN_PREFIX}{what}_{os.getpid()}")
        try:
            yield name
        finally:
            self.drop(name)

    def drop(self, name):
        """Drop the database `name`, if there is one, with its file store."""
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        shutil.rmtree(self._files(name), ignore_errors=True)

    def install(self, name, modules, *options):
        """Install `modules` in the database `name` and return Odoo's log."""
        return self.odoo.call(
            f"Odoo could not install {modules}; its log stands above.",
            *("server", "-c", self.settings, "-d", name, "-i", modules),
            *("--stop-after-init", "--no-http", *options),
        )

    def _template(self, template):
        name = template.database(self.odoo)
        with cache.lock(f"database-{template.name}"):
            if name not in self.names():
                self._make(template, name)
        return name

    def _make(self, template, name):
        step(f"Creating the template database ({template.name}), once; about a minute")
        cache.need_room(1000)
        for old in self.names(template.prefix):
            self.drop(old)
        unfinished = f"{template.prefix}unfinished"
        self.drop(unfinished)
        template.fill(self, unfinished)
        shutil.rmtree(self._files(name), ignore_errors=True)
        if self._files(unfinished).is_dir():
            self._files(unfinished).rename(self._files(name))
        self._execute("ALTER DATABASE {} RENAME TO {}", unfinished, name)

    def _drop_leftovers(self):
        """Drop the copies of runs that were killed."""
        for name in self.names(RUN_PREFIX):
            if not os.path.exists(f"/proc/{name.rpartition('_')[2]}"):
                self.drop(name)

    def _files(self, name):
        return self.odoo.data / "filestore" / name

    def _execute(self, statement, *names):
        query = sql.SQL(statement).format(*map(sql.Identifier, names))
        with self._cursor() as cursor:
            try:
                cursor.execute(query)
            except psycopg2.Error as error:
                raise Fault(f"PostgreSQL refuses: {str(error).strip()}") from error

    @contextlib.contextmanager
    def _cursor(self):
        try:
            connection = self.odoo.server.connect()
        except psycopg2.OperationalError as error:
            raise Fault(
                f"PostgreSQL does not answer any more: {str(error).strip()}"
            ) from error
        with contextlib.closing(connection):
            yield connection.cursor()
