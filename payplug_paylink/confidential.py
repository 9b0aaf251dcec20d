"""What Odoo's log must not hold: sentences that name people, calls with a secret."""

import logging
import re

from odoo.exceptions import RedirectWarning, UserError

NOT_LOGGED = "not logged: it may hold a secret"
KEY_FIELD = re.compile(r"payplug_(test|live)_key")
# What follows the name of a field may be a mistyped key, which looks like anything.
SECRET = re.compile(rf"(?<={KEY_FIELD.pattern}).+|sk_(test|live)_\w+", re.DOTALL)


class Confidential:
    """A refusal that names a contact, or quotes what Payplug was sent.

    Odoo logs ``str(error)`` and shows the error's first argument: the sentence is on
    the user's screen, and the log only says that there was one.
    """

    def __str__(self):
        return "a refusal that names people: shown to the user, not logged"


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

        :param record: a call (a recordset, a method's name, its parameters) or a query,
            which Odoo logs as an error where it failed
        """
        if isinstance(record.args, tuple):
            text = record.getMessage()
            model = getattr(next(iter(record.args), None), "_name", "")
            if model and (model == "payplug.sign.in" or KEY_FIELD.search(text)):
                record.args = (*record.args[:2], NOT_LOGGED)
            elif SECRET.search(text):
                record.msg, record.args = SECRET.sub(f" … {NOT_LOGGED}", text), ()
        return True


for name in ("odoo.service.model", "odoo.sql_db"):
    logging.getLogger(name).addFilter(SecretFilter())
