"""The company hands out the client, and knows words for what Payplug answers."""

import time
from ipaddress import ip_address
from urllib.parse import urlsplit

from odoo import api, models
from odoo.exceptions import UserError

from ..confidential import ConfidentialUserError
from ..payplug_api import API_URL, PayplugClient
from ..payplug_remote import (
    NO_ANSWER,
    NO_CONNECTION,
    UNREADABLE,
    UNTRUSTED_PAGE,
    PayplugRejected,
    SecretKey,
)

INTERNAL_DOMAINS = (".local", ".localhost", ".internal", ".lan", ".home", ".test")
REQUEST_SECONDS = 9  # what all calls of one request may take together (design 5)


class Deadline(float):
    """A moment of `time.monotonic`; as a type, for no request can put it in a context."""


def in_a_hurry(records, **context):
    """Return the records for a request in which somebody waits: its calls all end soon.

    :param records: any recordset from which `_payplug_client` is reached; if they are
        in a hurry already, they stay in the same
    :param context: further keys; ``payplug_waits`` for a person who would see an error
        page where another request holds the invoice's lock
    """
    if _deadline(records) is None:
        context["payplug_deadline"] = Deadline(time.monotonic() + REQUEST_SECONDS)
    return records.with_context(**context)


def _deadline(records):
    found = records.env.context.get("payplug_deadline")
    return found if isinstance(found, Deadline) else None


def is_public(url):
    """Tell whether an address looks as if the Internet could reach it.

    :param str url: an absolute address
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https"):
        return False
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith(INTERNAL_DOMAINS)


class ResCompany(models.Model):
    _inherit = "res.company"

    def _payplug_client(self, is_live=None):
        """Return a client for this company's account.

        :param bool is_live: the mode; by default the one that is set
        :rtype: PayplugClient
        :raise UserError: if there is no key of that mode
        """
        is_live = self._payplug_is_live() if is_live is None else is_live
        key = self._payplug_key(is_live)
        if not key:
            raise UserError(
                self.env._(
                    "%(company)s has no %(mode)s key of Payplug any more. An "
                    "administrator can add it in Settings ▸ Invoicing ▸ Payplug.",
                    company=self._payplug_root().display_name,
                    mode=self._payplug_mode_word(is_live),
                )
            )
        return PayplugClient(
            SecretKey(key),
            self._payplug_api_url(),
            _deadline(self),
        )

    @api.model
    def _payplug_api_url(self):
        """Return where the API is; only an administrator can point it elsewhere."""
        params_sudo = self.env["ir.config_parameter"].sudo()  # not for everyone to read
        return params_sudo.get_param("payplug_paylink.api_url") or API_URL

    def _payplug_can_ring(self):
        """Tell whether Payplug can reach this Odoo with a notification.

        An API address of one's own (an emulator) is taken to be as near as Odoo is.
        """
        if self._payplug_api_url() != API_URL:
            return True
        return is_public(self.get_base_url())

    def _payplug_read_account(self):
        """Ask Payplug about the account of the key in use; store what we need of it.

        :rtype: RemoteAccount
        :raise PayplugError: if Payplug is silent or does not accept the key
        """
        account = self._payplug_client().get_account()
        self._payplug_root()._payplug_take_limits(account)
        return account

    def _payplug_take_limits(self, account):
        """Store what conditions and settings need to know of the account.

        :param RemoteAccount account: of the mode that is set
        """
        root_sudo = self._payplug_root()
        root_sudo.payplug_account_name = account.name
        if account.min_cents:
            root_sudo.payplug_min_cents = account.min_cents
        if account.max_cents:
            root_sudo.payplug_max_cents = account.max_cents

    def _payplug_user_error(self, error):
        """Return a `PayplugError` as what a user is shown; it may quote a customer."""
        return ConfidentialUserError(self._payplug_explain(error))

    def _payplug_explain(self, error):
        """Return what a `PayplugError` means for a user: what happened, what to do.

        :rtype: str
        """
        if not isinstance(error, PayplugRejected):
            return self.env._(
                "Payplug could not be reached (%(reason)s). Nothing was changed: try "
                "again in a few minutes.",
                reason=self._payplug_reason(error),
            )
        if error.status == 401:
            return self.env._(
                "Payplug does not accept the secret key of %(company)s. An "
                "administrator can sign in to Payplug again in Settings ▸ Invoicing ▸ "
                "Payplug.",
                company=self._payplug_root().display_name,
            )
        if not error.details:
            return self.env._(
                "Payplug refused (%(reason)s) and gave no reason. Nothing was changed: "
                "look into your account in Payplug's portal.",
                reason=self._payplug_reason(error),
            )
        return self.env._(
            "Payplug refused (%(reason)s): %(details)s. Nothing was changed: correct "
            "what is named there and try again.",
            reason=self._payplug_reason(error),
            details=error.details,
        )

    def _payplug_reason(self, error):
        """Return, for people, why a call failed: a few words or the HTTP status."""
        words = {
            NO_ANSWER: self.env._("no answer in time"),
            NO_CONNECTION: self.env._("no connection"),
            UNREADABLE: self.env._("unreadable answer"),
            UNTRUSTED_PAGE: self.env._("payment page at an unknown address"),
        }
        if error.status == 429:
            return self.env._("too many requests at once")
        return words.get(error.reason, error.reason)
