"""Odoo inside the benchmark's own process, for several databases, and its clock."""

import contextlib
import sys
import time

from odoo import SUPERUSER_ID, api, http
from odoo.modules.registry import Registry
from odoo.service import server
from odoo.tools import config

from .cache import ROOT
from .odoo import ADDON

sys.path.append(str(ROOT / ADDON / "tests"))
from payplug_emulator import PayplugEmulator  # noqa: E402, F401

LOGIN = "bench"  # of a billing user


def start(settings, log):
    """Load Odoo into this process and let it answer by HTTP; `log` is the log file."""
    config.parse_config(
        ["-c", str(settings), f"--logfile={log}", "--log-level=warn"],
        setup_logging=True,
    )
    server.load_server_wide_modules()
    server.server = server.ThreadedServer(http.root)
    server.server.http_spawn()


@contextlib.contextmanager
def environment(database, login=None):
    """Odoo's environment of a user, the superuser by default, which is committed at the
    end. HTTP requests are for this database, too, until another one is chosen.
    """
    config["db_name"] = [database]
    with Registry(database).cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        if login:
            user = env["res.users"].search([("login", "=", login)])
            env = env(user=user.id, context=user.with_user(user).context_get())
        yield env


def open_window(env, action):
    """The new record of the window that an action opens."""
    return env[action["res_model"]].with_context(**action["context"]).create({})


def work_seconds(server, database, work):
    """Call `work()`; return processor time of this process and of PostgreSQL's.

    Where nothing waits for a network or a disk, it is the time on the clock of an idle
    machine, and other programs do not change it.
    """
    before = _backend_seconds(server, database)
    started = time.process_time()
    work()
    seconds = time.process_time() - started
    after = _backend_seconds(server, database)
    return seconds + sum(after[pid] - before.get(pid, 0) for pid in after)


def _backend_seconds(server, database):
    """Processor time of PostgreSQL's processes for a database, which run here."""
    query = "SELECT pid FROM pg_stat_activity WHERE datname = %s"
    seconds = {}
    for (pid,) in server.query(query, [database]):
        with contextlib.suppress(OSError):  # it has just ended
            # the clock of another process, see clock_getcpuclockid(3)
            seconds[pid] = time.clock_gettime((~pid << 3) | 2)
    return seconds
