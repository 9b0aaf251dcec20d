"""What Odoo's log must not hold: sentences that name people, and calls with a secret."""

import logging

from odoo.exceptions import UserError


class ConfidentialUserError(UserError):
    """A refusal that names a contact, or quotes what Payplug was sent.

    Odoo logs ``str(error)`` and shows the error's first argument: the sentence is on
    the user's screen, and the log only says that there was one.
    """

    def __str__(self):
        return "a refusal that names people: shown to the user, not logged"


class SecretCallFilter(logging.Filter):
    """Keeps the password and the keys of Payplug out of Odoo's debug log of calls."""

    def filter(self, record):
        """Replace the arguments of a call that carry a secret; let every record pass.

        :param record: of ``odoo.service.model``, whose arguments are a recordset, the
            name of a method and its parameters
        """
        if record.levelno == logging.DEBUG and len(record.args) == 3:
            records, method, parameters = record.args
            model = getattr(records, "_name", "")
            if model == "payplug.sign.in" or _has_key(str(parameters)):
                record.args = (records, method, "not logged: secret")
        return True


def _has_key(text):
    return any(word in text for word in ("payplug_test_key", "payplug_live_key", "sk_"))


logging.getLogger("odoo.service.model").addFilter(SecretCallFilter())
