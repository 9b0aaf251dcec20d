"""A mail server that keeps every mail in a folder, and a page that shows them."""

import contextlib
import email
import email.policy
import tempfile
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox
from jinja2 import Environment
from werkzeug.exceptions import NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

# of the frame: links open outside of it
HEAD = '<base target="_blank"><meta name="viewport" content="width=device-width">'
REFUSED = "@nobody.example.com"  # of a customer in the demo data
ROUTES = Map(
    [
        Rule("/", endpoint="list"),
        Rule("/mail/<name>", endpoint="mail"),
        Rule("/mail/<name>/<int:number>", endpoint="part"),
    ]
)


class _Mailbox(Mailbox):
    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if address.endswith(REFUSED):
            return "550 5.1.1 No such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"


@contextlib.contextmanager
def receiving(host, port):
    """A mail server; yields the Maildir in which it keeps what it gets."""
    with tempfile.TemporaryDirectory(prefix="paylink-") as folder:
        mails = Path(folder) / "mails"
        controller = Controller(_Mailbox(mails), hostname=host, port=port)
        controller.start()
        try:
            yield mails
        finally:
            controller.stop()


def files(folder):
    """The files of the mails, the newest first."""
    paths = (folder / "new").iterdir()
    return sorted(paths, key=lambda path: path.stat().st_mtime, reverse=True)


def read(path):
    """The mail in a file."""
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


def body(mail, kind):
    """The text of a mail, `kind` being html or plain; empty if it has none."""
    part = mail.get_body([kind])
    return part.get_content() if part else ""


class MailPage:
    """A WSGI application that shows the mails in `folder`."""

    def __init__(self, folder):
        self.folder = folder
        text = Path(__file__).with_name("mailbox.html").read_text()
        self.template = Environment(autoescape=True).from_string(text)

    @Request.application
    def __call__(self, request):
        endpoint, values = ROUTES.bind_to_environ(request.environ).match()
        mails = {path.name: path for path in files(self.folder)}
        if "name" not in values:
            shown = [(name, read(path)) for name, path in mails.items()]
            return self._page(mails=shown)
        name = values.pop("name")
        if name not in mails:
            raise NotFound()
        return getattr(self, f"_{endpoint}")(name, read(mails[name]), **values)

    def _mail(self, name, mail):
        attachments = [
            (number, part.get_filename())
            for number, part in enumerate(mail.walk())
            if part.get_filename()
        ]
        html, plain = body(mail, "html"), body(mail, "plain")
        for number, part in enumerate(mail.walk()):
            if content_id := (part["Content-ID"] or "").strip("<> "):
                html = html.replace(f"cid:{content_id}", f"/mail/{name}/{number}")
        texts = {"html": html and HEAD + html, "plain": plain}
        return self._page(name=name, mail=mail, attachments=attachments, **texts)

    def _part(self, _name, mail, number):
        part = list(mail.walk())[number]
        policy = {"Content-Security-Policy": "sandbox"}
        data, kind = part.get_payload(decode=True), part.get_content_type()
        return Response(data, mimetype=kind, headers=policy)

    def _page(self, **values):
        return Response(self.template.render(**values), mimetype="text/html")
