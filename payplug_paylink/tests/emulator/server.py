"""The HTTP server under the emulator."""

# It prints, and its methods are not Odoo's.
# pylint: disable=missing-return,print-used

import io

from werkzeug.serving import WSGIRequestHandler
from werkzeug.wrappers import Response

from .faults import DRIP, ConnectionDropped


class Handler(WSGIRequestHandler):
    """Keeps connections alive, which Werkzeug's own handler always closes."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together

    def setup(self):
        super().setup()
        self.server.app.connection_opened(self.connection)

    def finish(self):
        self.server.app.connection_closed(self.connection)
        super().finish()

    def handle_expect_100(self):
        allowed = super().handle_expect_100()
        self.wfile.flush()  # the client waits for it before it sends the body
        return allowed

    def run_wsgi(self):
        environ = self.make_environ()
        # Read to its end, whatever becomes of the request: the next one follows it.
        if environ.get("wsgi.input_terminated"):
            data = environ["wsgi.input"].read()
        else:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        environ["wsgi.input"] = io.BytesIO(data)
        environ["CONTENT_LENGTH"] = str(len(data))
        try:
            response = Response.from_app(self.server.app, environ, buffered=True)
        except ConnectionDropped:
            self.close_connection = True
            self._report("dropped")
            return
        self._send(response)
        self._report(response.status_code)

    def _send(self, response):
        self.send_response(response.status_code)
        drip = float(response.headers.pop(DRIP, 0))
        for name, value in response.headers.items():
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.data)))
        self.end_headers()
        data = b"" if self.command == "HEAD" else response.data
        if drip:
            self._send_slowly(data, drip)
        else:
            self.wfile.write(data)
        self.wfile.flush()

    def _send_slowly(self, data, seconds):
        for start in range(len(data)):
            self.wfile.write(data[start : start + 1])
            self.wfile.flush()
            if self.server.app.wait(seconds):
                break

    def _report(self, outcome):
        if self.server.app.is_verbose:
            print(self.command, self.path.partition("?")[0], outcome, flush=True)

    def log(self, type, message, *args):
        """Override: `_report` says what is worth it, in a short form."""
