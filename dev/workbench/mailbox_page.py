"""The page on which the mails of the demo can be read."""

from pathlib import Path

from jinja2 import DictLoader, Environment
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

# scripts stay off, and links leave the frame: a mail is read, not run
SANDBOX = "sandbox allow-popups allow-popups-to-escape-sandbox"
ROUTES = Map(
    [
        Rule("/", endpoint="list"),
        Rule("/mail/<int:number>", endpoint="mail"),
        Rule("/mail/<int:number>/html", endpoint="html"),
        Rule("/mail/<int:number>/source", endpoint="source"),
        Rule("/mail/<int:number>/part/<int:part>", endpoint="part"),
    ]
)


class MailboxPage:
    """A WSGI application that shows the mails in `mailbox`."""

    def __init__(self, mailbox):
        self.mailbox = mailbox
        template = Path(__file__).with_name("mailbox.html").read_text()
        self.template = Environment(
            loader=DictLoader({"page": template}), autoescape=True
        ).get_template("page")

    def __call__(self, environ, start_response):
        try:
            endpoint, values = ROUTES.bind_to_environ(environ).match()
            response = getattr(self, f"_{endpoint}")(Request(environ), **values)
        except HTTPException as error:
            response = error
        return response(environ, start_response)

    def _list(self, _request):
        return self._page(mails=self.mailbox.all())

    def _mail(self, _request, number):
        mail = self._find(number)
        return self._page(mails=self.mailbox.all(), mail=mail)

    def _html(self, _request, number):
        mail = self._find(number)
        html = mail.body("text/html")
        for index, part in enumerate(mail.parts):
            if name := (part["Content-ID"] or "").strip("<> "):
                html = html.replace(f"cid:{name}", f"/mail/{number}/part/{index}")
        head = (
            '<base target="_blank"><meta name="viewport" content="width=device-width">'
        )
        return Response(
            head + html,
            mimetype="text/html",
            headers={"Content-Security-Policy": SANDBOX},
        )

    def _source(self, _request, number):
        return Response(self._find(number).source, mimetype="text/plain")

    def _part(self, _request, number, part):
        parts = self._find(number).parts
        if part >= len(parts):
            raise NotFound()
        response = Response(
            parts[part].get_payload(decode=True),
            mimetype=parts[part].get_content_type(),
            headers={"Content-Security-Policy": SANDBOX},
        )
        if name := parts[part].get_filename():
            response.headers.set("Content-Disposition", "attachment", filename=name)
        return response

    def _find(self, number):
        mail = self.mailbox.get(number)
        if mail is None:
            raise NotFound()
        return mail

    def _page(self, **values):
        return Response(self.template.render(**values), mimetype="text/html")
