"""Following many links by pages of the account's payments, not by single questions."""

import time
from datetime import timedelta
from functools import partial

from odoo import fields

from .models.payplug_process_mixin import CONFLICTS
from .payplug_api import LINK_DAYS

PAGES_SECONDS = 60  # for the pages of one account
OLDEST = timedelta(days=LINK_DAYS + 1)  # nothing older is still payable


class AccountPolling:
    """Follow the links of one account and mode.

    The account's list also holds a web shop's payments, and it shifts while it is read:
    so reading stops at the oldest link's creation, or when pages would outnumber single
    questions, and what was not shown is left to ask one by one.

    :param links: `payplug.payment.link` records of one account and mode
    """

    def __init__(self, links):
        self._links = links
        self._waiting = {link.payplug_id: link for link in links}

    def follow(self):
        """Apply what the pages tell; return the links that they did not show.

        :raise PayplugError: if Payplug is silent or does not accept the key
        :raise UserError: if the company has no key any more
        """
        oldest = self._oldest_creation()
        client = self._links[:1]._client()
        until = time.monotonic() + PAGES_SECONDS
        page, more = 0, True
        while more and page < len(self._waiting) and time.monotonic() < until:
            remotes, more = client.list_payments(page)
            self._apply(remotes)
            more = more and bool(remotes) and remotes[-1].created_at >= oldest
            page += 1
        return self._links.browse().union(*self._waiting.values())

    def _oldest_creation(self):
        """Return the creation of the oldest link for which pages are read."""
        if set(self._links.mapped("state")) == {"paid"}:  # refunded months later
            return min(self._links.mapped("create_date"))
        healthy = self._links.filtered(
            lambda link: link.state == "pending" and not link.problem
        )
        ends = (healthy or self._links).mapped("expires_at")
        first = min(ends) - timedelta(days=LINK_DAYS)
        return max(first, fields.Datetime.now() - OLDEST)

    def _apply(self, remotes):
        """Apply a page to the links that it shows; those no longer wait."""
        same, changed = self._links.browse(), []
        for remote in remotes:
            link = self._waiting.pop(remote.id, None)
            if link and link._differs_from(remote):
                changed.append((link, remote))
            elif link:
                same += link
        self._set_checked(same)
        for link, remote in changed:
            link._process_each(partial(type(link)._apply_remote, remote=remote))

    def _set_checked(self, links):
        """Remember, in one transaction, that these links were looked at."""
        env = links.env
        try:
            links.write({"checked_at": fields.Datetime.now()})
            env["ir.cron"]._commit_progress(len(links))
        except CONFLICTS:  # one of them is in hand: they come again
            env.cr.rollback()
