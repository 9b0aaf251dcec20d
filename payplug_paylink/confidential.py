"""What Odoo's log must not hold: sentences that name people, calls with a secret."""

import logging
import re

from odoo.exceptions import RedirectWarning, UserError

NOT_LOGGED = "not logged: it may hold a secret"
REFUSED = "A refusal that names people: shown to the user, not logged"
KEY_FIELD = re.compile(r"payplug_(test|live)_key")
# The reasons that our rows store quote mail servers, and name contacts.
REASONS = r'(?:INSERT INTO|UPDATE)(?:\s|\\n)+"payplug_\w+"'
# What follows may be a mistyped key, or whoever signs in: it looks like anything.
SECRET = re.compile(
    rf"(?P<of>{KEY_FIELD.pattern}|payplug_sign_in\b|{REASONS}).+|sk_(test|live)_\w+",
    re.DOTALL,
)


class Confidential:
    """A refusal that names a contact, or quotes what Payplug was sent.

    It is told to the user, and the log of requests only says that there was one.
    """


class ConfidentialUserError(Confidential, UserError):
    """See `Confidential`."""


class ConfidentialRedirectWarning(Confidential, UserError):
    """See `Confidential`; it offers what to open, with Odoo's dialog for that.

    A refusal, and no error in Odoo's log, as `RedirectWarning` itself would be.

    :param str message: on the user's screen
    :param dict action: what the button opens
    :param str button: its label
    """

    def __init__(self, message, action, button):
        Exception.__init__(self, message, action, button, None)

    def __str__(self):
        return self.args[0]


# The web client chooses the dialog by the name of the error's class.
for shown, known in (
    (ConfidentialUserError, UserError),
    (ConfidentialRedirectWarning, RedirectWarning),
):
    shown.__module__ = known.__module__
    shown.__name__ = known.__name__


class SecretFilter(logging.Filter):
    """Keeps Payplug's password and keys out of what is logged of calls and queries."""

    def filter(self, record):
        """Mask what is secret; let every record pass.

        :param record: a call (a recordset, a method's name, its parameters), a query,
            which Odoo logs as an error where it failed, or a condition of a search
        """
        if isinstance(record.args, tuple):
            text = record.getMessage()
            model = getattr(next(iter(record.args), None), "_name", "")
            if model and (model == "payplug.sign.in" or KEY_FIELD.search(text)):
                record.args = (*record.args[:2], NOT_LOGGED)
            elif SECRET.search(text):
                record.msg, record.args = (
                    SECRET.sub(rf"\g<of> … {NOT_LOGGED}", text),
                    (),
                )
        return True


class RefusalFilter(logging.Filter):
    """Keeps what a `Confidential` refusal says out of the log of requests."""

    def filter(self, record):
        """Mask the sentence; let every record pass.

        :param record: whose message is an error, as Odoo logs refusals
        """
        if isinstance(record.msg, Confidential):
            record.msg = REFUSED
        return True


for name in (
    *("odoo.service.model", "odoo.sql_db", "odoo.domains"),
    "odoo.addons.web.controllers.export",
):
    logging.getLogger(name).addFilter(SecretFilter())
logging.getLogger("odoo.http").addFilter(RefusalFilter())
