"""A mail server for the demo: takes every mail, delivers none, keeps them in memory."""

import contextlib
import email
import email.policy
import itertools
import threading
from dataclasses import dataclass, field
from datetime import datetime

from aiosmtpd.controller import Controller


@dataclass
class Mail:
    """One mail as it was received."""

    number: int
    source: bytes
    received: datetime = field(default_factory=datetime.now)

    def __post_init__(self):
        self.message = email.message_from_bytes(
            self.source, policy=email.policy.default
        )
        self.parts = [part for part in self.message.walk() if not part.is_multipart()]

    def header(self, name):
        """A header as text, empty if the mail has none."""
        return str(self.message[name] or "")

    def body(self, kind):
        """The text of the first part of the type `kind` that is no attachment."""
        for part in self.parts:
            if part.get_content_type() == kind and not part.is_attachment():
                return part.get_content()
        return ""

    def attachments(self):
        """Number and part of everything that is no body."""
        return [
            (number, part)
            for number, part in enumerate(self.parts)
            if part.get_filename() or part.get_content_maintype() != "text"
        ]


class Mailbox:
    """All mails received so far; also the handler that the mail server calls."""

    def __init__(self):
        self._numbers = itertools.count(1)
        self._mails = {}
        self._lock = threading.Lock()

    async def handle_DATA(self, _server, _session, envelope):
        """Keep a mail that the server has received."""
        with self._lock:
            number = next(self._numbers)
            self._mails[number] = Mail(number, envelope.original_content)
        return "250 Kept"

    def all(self):
        """The mails, the newest first."""
        with self._lock:
            return [self._mails[number] for number in sorted(self._mails, reverse=True)]

    def get(self, number):
        """The mail with this number, None if there is none."""
        with self._lock:
            return self._mails.get(number)


@contextlib.contextmanager
def served(mailbox, host, port):
    """The mail server of a `Mailbox`, in a thread of its own."""
    controller = Controller(mailbox, hostname=host, port=port)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()
