"""The cron's cheap look: pages of an account's payments instead of single questions."""

import logging
import time
from datetime import timedelta
from functools import partial

from odoo import fields, models
from odoo.exceptions import UserError

from ..payplug_api import LINK_DAYS
from ..payplug_remote import PayplugError, PayplugUnavailable
from ..transactions import CONFLICTS
from .payplug_payment_link_cron import ASK_AGAIN, TRY_AGAIN

_logger = logging.getLogger(__name__)

PAGES_SECONDS = 60  # for the pages of one account
OLDEST = timedelta(days=LINK_DAYS + 1)  # nothing older is still payable


class PayplugPaymentLink(models.Model):
    _inherit = "payplug.payment.link"

    def _follow_accounts(self):
        """Follow links with as few calls as possible, account by account.

        :return: whether there is time for more
        """
        groups = self.grouped(
            lambda link: (link.company_id._payplug_root(), link.is_live)
        )
        return all(links._follow_account() for links in groups.values())

    def _follow_account(self):
        """Follow links of one account and mode; return whether time is left."""
        try:
            unseen = self._follow_pages()
        except (PayplugError, UserError) as error:
            _logger.info("%s links are not followed: %s", len(self), error)
            silent = isinstance(error, PayplugUnavailable)
            return self._set_aside(ASK_AGAIN if silent else TRY_AGAIN)
        return unseen._each(type(self)._look)

    def _follow_pages(self):
        """Follow links by pages of the account's payments, newest first.

        The list also holds a web shop's payments, and it shifts while it is read: so it
        stops at the oldest link's creation, or when pages would outnumber single
        questions, and what it did not show is asked one by one.

        :return: the links that the pages did not show
        :raise PayplugError: if Payplug is silent or does not accept the key
        """
        waiting = {link.payplug_id: link for link in self}
        oldest = self._oldest_creation()
        client = self[:1]._client()
        until = time.monotonic() + PAGES_SECONDS
        page, more = 0, True
        while more and page < len(waiting) and time.monotonic() < until:
            remotes, more = client.list_payments(page)
            self._follow_shown(remotes, waiting)
            more = more and bool(remotes) and remotes[-1].created_at >= oldest
            page += 1
        return self.browse().union(*waiting.values())

    def _oldest_creation(self):
        """Return the creation of the oldest link for which pages are read."""
        healthy = self.filtered(
            lambda link: link.state == "pending" and not link.problem
        )
        ends = (healthy or self).mapped("expires_at")
        return max(
            min(ends) - timedelta(days=LINK_DAYS), fields.Datetime.now() - OLDEST
        )

    def _follow_shown(self, remotes, waiting):
        """Follow the links of which a page brings news; take those seen off `waiting`.

        :param list remotes: a page of `RemotePayment`
        :param dict waiting: links by Payplug's id
        """
        shown = [(waiting.pop(r.id), r) for r in remotes if r.id in waiting]
        news = [(link, remote) for link, remote in shown if link._has_news(remote)]
        quiet = self.browse().union(*(link for link, _remote in shown))
        (quiet - self.browse().union(*(link for link, _remote in news)))._set_checked()
        for link, remote in news:
            link._each(partial(type(link)._follow, remote=remote))

    def _set_checked(self):
        """Remember, in one transaction, that these links were looked at."""
        try:
            self.write({"checked_at": fields.Datetime.now()})
            self.env["ir.cron"]._commit_progress(len(self))
        except CONFLICTS:  # one of them is being handled: they come again
            self.env.cr.rollback()
