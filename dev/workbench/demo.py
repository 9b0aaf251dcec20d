"""`dev/demo`: Odoo with the addon, an emulated Payplug, and a page with the mails."""

import contextlib
import socket
import sys

from playwright.sync_api import Error as BrowserError

from . import cache, databases, mailbox, system
from .console import CommandError, step
from .odoo import ADDON, warnings
from .options import LANGUAGES, PORTS
from .processes import HOST, running, serving
from .walk import walk

DATABASE = "paylink_site"
EMULATOR = cache.ROOT / ADDON / "tests" / "payplug_emulator.py"
TEST_KEY = "sk_test_00EmulatorDemoAccount0"

WELCOME = """
  Odoo          {}   (login admin, password admin)
  Mails         {}
  Payplug       {}   (emulated: nobody pays anything)

  Invoicing ▸ Customers ▸ Invoices: open one of Marie Durand's, click "Send payment
  link", then "Send". Read the mail at the address above, follow its button and pay
  with the card 4242 4242 4242 4242, any date to come, any 3 digits.
  Settings ▸ Invoicing ▸ Payplug: sign in as demo@example.com, demo-password.

  Ctrl-C stops everything.
"""
# Run by Odoo's shell. The only mail server is that of Odoo's settings file, so that no
# mail leaves the demo.
SET_UP = """
import requests

company = env.ref("base.demo_company_fr")
administrator = env.ref("base.user_admin")
parameters = env["ir.config_parameter"]
parameters.set_param("payplug_paylink.api_url", {payplug_url!r})
parameters.set_param("web.base.url", {odoo_url!r})
parameters.set_param("web.base.url.freeze", "True")
env["ir.mail_server"].search([]).unlink()
administrator.write(
    {{"company_ids": [(4, company.id)], "company_id": company.id, "lang": {lang!r}}}
)
env["payplug.demo"]._connect(company, {test_key!r})
env.cr.commit()


def pay(payment_id):
    hook = {payplug_url!r} + "/_emulator/pay"
    requests.post(hook, json={{"payment_id": payment_id}}, timeout=20)


env["payplug.demo"]._pay_and_refund(pay)
env.cr.commit()
"""


def main(options):
    """Start everything; then wait for Ctrl-C, or walk. Return the exit status."""
    system.need_pdf()
    browser = options.walk and system.need_browser()
    with contextlib.ExitStack() as stack:
        demo = Demo(options, stack)
        process = demo.start()
        if options.walk:
            return demo.walk(browser)
        urls = [demo.urls[name] for name in ("port", "mail-port", "payplug-port")]
        print(WELCOME.format(*urls), flush=True)
        return process.wait()


class Demo:
    """Odoo and the programs that it needs, until the stack is closed."""

    def __init__(self, options, stack):
        self.options = options
        self.stack = stack
        self.ports = {name: getattr(options, name.replace("-", "_")) for name in PORTS}
        self.urls = {name: f"http://{HOST}:{port}" for name, port in self.ports.items()}
        _check_ports(self.ports)

    def start(self):
        """Start everything; return Odoo's process once it answers."""
        self._start_mailbox()
        self._start_emulator()
        settings = {"http_port": self.ports["port"], "dbfilter": f"^{DATABASE}$"}
        settings |= {"smtp_server": HOST, "smtp_port": self.ports["smtp-port"]}
        settings["limit_time_real"] = 0  # else it starts anew, without its packages
        bases = self.stack.enter_context(databases.serving(self.options, **settings))
        self._make_database(bases)
        step("Starting Odoo")
        command = bases.odoo.command("server", "-c", bases.settings, "-d", DATABASE)
        if not self.options.walk:
            command += ["-u", ADDON]  # the code may have changed since the last start
        told = cache.folder() / "odoo.log", f"{self.urls['port']}/web/login"
        return self.stack.enter_context(running(command, *told))

    def walk(self, browser):
        """Go through the screens in a hidden browser; return the exit status."""
        step(f"Walking through the screens; pictures go to {self.options.pictures}")
        try:
            walk((self.urls["port"], self.urls["mail-port"]), browser, self.options)
        except (AssertionError, BrowserError) as error:
            raise CommandError(f"Something was not seen: {error}") from error
        step("Every step was seen")
        return 0

    def _make_database(self, bases):
        if self.options.fresh or self.options.walk or not bases.is_there(DATABASE):
            bases.copy(databases.WITH_DEMO, DATABASE)
            step("Installing the addon with its demo data")
            if lines := warnings(bases.install(DATABASE, ADDON)):
                raise CommandError("The installation warns:\n" + "\n".join(lines))
        step("Connecting the demo company to the emulator")
        script = SET_UP.format(
            odoo_url=self.urls["port"],
            payplug_url=self.urls["payplug-port"],
            test_key=TEST_KEY,
            lang=LANGUAGES[self.options.lang],
        )
        bases.run_script(DATABASE, script)

    def _start_emulator(self):
        # no live key: a demo books its test payments, and that is refused beside one
        options = [EMULATOR, "--no-live", "--merchant", "FR Company"]
        options += ["--port", str(self.ports["payplug-port"])]
        log = cache.folder() / "emulator.log"
        url = f"{self.urls['payplug-port']}/test"
        self.stack.enter_context(running([sys.executable, *options], log, url))

    def _start_mailbox(self):
        server = mailbox.receiving(HOST, self.ports["smtp-port"])
        folder = self.stack.enter_context(server)
        page = serving(mailbox.MailPage(folder), self.ports["mail-port"])
        self.stack.enter_context(page)


def _check_ports(ports):
    for name, number in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, number))
            except (OSError, OverflowError) as error:
                raise CommandError(
                    f"Port {number} for {PORTS[name][1]} cannot be used ({error}); "
                    f"choose another: dev/demo --{name} N"
                ) from error
