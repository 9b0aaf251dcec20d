"""`dev/demo`: Odoo with the addon, an emulated Payplug, and a mailbox to look into."""

import contextlib
import os
import sys
import tempfile
import threading
from pathlib import Path

from playwright.sync_api import Error as BrowserError
from werkzeug.serving import WSGIRequestHandler, make_server

from . import cache, databases, demo_setup, postgres, system
from .mailbox import Mailbox, served
from .mailbox_page import MailboxPage
from .odoo import ADDON, Odoo, troubles
from .options import PORTS
from .processes import HOST, free_ports, refusal, running, wait_for
from .say import Fault, step
from .test import BROWSERS
from .walk import walk

DATABASE = "paylink_site"
EMULATOR = cache.ROOT / ADDON / "tests" / "payplug_emulator.py"
TEST_KEY = "sk_test_00EmulatorDemoAccount0"

WELCOME = """
  Odoo          {odoo_url}   (login admin, password admin)
  Mails         {mail_url}
  Payplug       {payplug_url}   (emulated: nobody pays anything)

  Invoicing ▸ Customers ▸ Invoices: open one of Marie Durand's, click "Send payment
  link", then "Send". Read the mail at the address above, follow its button and pay
  with the card 4242 4242 4242 4242, any date to come, any 3 digits.
  Settings ▸ Invoicing ▸ Payplug: sign in as demo@example.com, demo-password.

  Ctrl-C stops everything.
"""


def main(options):
    """Start everything; then wait for Ctrl-C, or walk. Return the exit status."""
    system.need("wkhtmltopdf", "wkhtmltopdf", why="The program that prints PDF")
    browser = options.walk and system.need("chromium", *BROWSERS, why="A browser")
    with contextlib.ExitStack() as stack:
        demo = Demo(options, stack)
        demo.start()
        if options.walk:
            return demo.walk(browser, options.pictures or cache.ROOT / "pictures")
        print(WELCOME.format(**demo.addresses), flush=True)
        return demo.wait()


class Demo:
    """Odoo and what stands around it, until the stack is closed."""

    def __init__(self, options, stack):
        self.options = options
        self.stack = stack
        self.ports = _ports(options)
        self.addresses = {
            name: f"http://{HOST}:{self.ports[port]}"
            for name, port in (
                ("odoo_url", "port"),
                ("payplug_url", "payplug-port"),
                ("mail_url", "mail-port"),
            )
        }

    def start(self):
        """Start the mailbox, the emulator and Odoo, and wait until they answer."""
        self._start_mailbox()
        test_url = f"{self.addresses['payplug_url']}/test"
        self._start_program("emulator", self._emulator_command(), test_url)
        folder = tempfile.TemporaryDirectory(prefix="paylink-")
        self.folder = Path(self.stack.enter_context(folder))
        server = self.stack.enter_context(postgres.server(self.options.pghost))
        self.odoo = Odoo(Path(os.environ["ODOO_SOURCE"]), server)
        self.settings = self.odoo.write_settings(
            self.folder / "odoo.conf",
            http_port=self.ports["port"],
            dbfilter=f"^{DATABASE}$",
        )
        self._make_database()
        self._start_odoo()

    def walk(self, browser, pictures):
        """Do the journey in a hidden browser; return the exit status."""
        step(f"Walking through the screens; the pictures go to {pictures}")
        addresses = self.addresses["odoo_url"], self.addresses["mail_url"]
        try:
            walk(*addresses, pictures, browser)
        except (AssertionError, BrowserError) as error:
            raise Fault(
                f"The walk ended early, something was not seen: {error}"
            ) from error
        step("Every step was seen")
        return 0

    def wait(self):
        """Wait until Odoo ends by itself; return its status."""
        return self.server_process.wait()

    # The database

    def _make_database(self):
        bases = databases.Databases(self.odoo, self.settings)
        fresh = self.options.fresh or self.options.walk
        if fresh or DATABASE not in bases.names():
            bases.copy(databases.WITH_DEMO, DATABASE)
            step("Installing the addon with its demo data")
            log = bases.install(DATABASE, ADDON)
            if lines := troubles(log):
                raise Fault("The installation warns:\n" + "\n".join(lines))
        step("Connecting the demo company to the emulator")
        script = demo_setup.script(
            self.addresses["odoo_url"],
            self.addresses["payplug_url"],
            self.ports["smtp-port"],
            TEST_KEY,
        )
        self.odoo.call(
            "The demo company could not be set up; what Odoo said stands above.",
            *("shell", "-c", self.settings, "-d", DATABASE, "--no-http"),
            script=script,
        )

    # The programs

    def _start_odoo(self):
        step("Starting Odoo")
        command = self.odoo.command("server", "-c", self.settings, "-d", DATABASE)
        update = (
            [] if self.options.walk else ["-u", ADDON]
        )  # code changes between starts
        login = f"{self.addresses['odoo_url']}/web/login"
        self.server_process = self._start_program(
            "odoo", [*command, *update], login, self.odoo.environment()
        )

    def _emulator_command(self):
        # No live key: a demo books its test payments, and that is refused beside one.
        port = str(self.ports["payplug-port"])
        words = ["--no-live", "--merchant", "FR Company"]
        return [sys.executable, EMULATOR, "--port", port, *words]

    def _start_mailbox(self):
        mailbox = self.stack.enter_context(
            served(Mailbox(), HOST, self.ports["smtp-port"])
        )
        page = make_server(
            HOST,
            self.ports["mail-port"],
            MailboxPage(mailbox),
            threaded=True,
            request_handler=_Silent,
        )
        threading.Thread(target=page.serve_forever, daemon=True).start()
        self.stack.callback(page.shutdown)

    def _start_program(self, name, command, url, env=None):
        """Start a program, wait until it answers at `url`, and return its process."""
        log = cache.folder() / f"{name}.log"
        process = self.stack.enter_context(running(command, log, env))
        wait_for(url, process, log)
        return process


def _ports(options):
    """The number of each port, when all of them can be used.

    :raise Fault: if one cannot
    """
    ports = {name: getattr(options, name.replace("-", "_")) for name in PORTS}
    for name, number in ports.items():
        if reason := refusal(number):
            [another] = free_ports(1)
            raise Fault(
                f"Port {number} for {PORTS[name][1]} {reason}; name another: "
                f"dev/demo --{name} {another}"
            )
    return ports


class _Silent(WSGIRequestHandler):
    def log(self, *_arguments):
        """Print nothing: the terminal belongs to the demo."""
