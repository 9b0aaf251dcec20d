"""Following many links by pages of the account's payments, not by single questions."""

import json
from datetime import timedelta
from functools import partial

from odoo import fields

from .models.payplug_process_mixin import (
    CONFLICTS,
    MAX_FAILURES,
    RETRY_REFUSED,
    ProcessFailed,
    isolated,
)
from .payplug_api import LINK_DAYS
from .payplug_remote import SILENT, UNREADABLE, PayplugError

OLDEST = timedelta(days=LINK_DAYS + 1)  # nothing older is still payable
DONE = -1  # in place of a page: all that help were read


class AccountPolling:
    """Follow the links of one account and mode.

    The account's list also holds a web shop's payments. So reading stops at the oldest
    link's creation, or when the pages that showed none of the links outnumber the links
    that are left: those are asked one by one.

    Odoo gives a job some seconds and calls it again. The company remembers the next
    page, so that none is read twice: the list grows at its beginning only, and what was
    not shown yet is on later pages. Links made meanwhile wait for the next look.

    :param links: `payplug.payment.link` records of one account and mode
    """

    def __init__(self, links):
        self._company_sudo = links.company_id._payplug_root()  # in sudo, as the cron is
        what = "refunds" if links[:1].state == "paid" else "payments"
        self._place = f"{'live' if links[:1].is_live else 'test'} {what}"
        self._links = links
        self._since, self._page, self._fruitless = fields.Datetime.now(), 0, 0
        self._failures = 0  # pages in a row that could not be read
        self._resume()
        self._waiting = {link.payplug_id: link for link in self._links}

    def _resume(self):
        """Go on where an earlier call stopped, if that was less than an hour ago."""
        known = self._places().get(self._place)
        since = known and fields.Datetime.to_datetime(known["since"])
        if since and self._since - RETRY_REFUSED < since:
            self._since = since
            self._page = known["page"]
            self._fruitless = known["fruitless"]
            self._links = self._links.filtered(self._was_due)

    def _places(self):
        return json.loads(self._company_sudo.payplug_polling or "{}")

    def _was_due(self, link):
        """Tell whether a link was to be looked at when the reading began."""
        due = self._since - RETRY_REFUSED
        is_due = not link.checked_at or link.checked_at <= due
        return is_due and link.create_date <= self._since

    @property
    def unseen(self):
        """The links that no page has shown."""
        return self._links.browse().union(*self._waiting.values())

    def remember(self, is_through):
        """Store where the next call goes on; if all is done, at the first page."""
        known = self._places()
        new = {name: place for name, place in known.items() if name != self._place}
        if not is_through:
            new[self._place] = {
                "since": fields.Datetime.to_string(self._since),
                "page": self._page,
                "fruitless": self._fruitless,
            }
        if new != known:
            values = {"payplug_polling": json.dumps(new) if new else False}
            self._store(lambda: self._company_sudo.write(values))

    def follow(self):
        """Apply what the pages tell, while there is time; return whether some is left.

        :raise PayplugError: if Payplug is silent or does not accept the key
        :raise UserError: if the company has no key any more
        """
        if not self._waiting:
            return True
        oldest, has_time = self._oldest_creation(), True
        self._client = self._links[:1]._client()
        while has_time and self._waiting and self._page != DONE:
            remotes, more = self._list_payments()
            has_time = self._apply(remotes)
            if has_time or not self._shown_by(remotes):  # else the page comes again
                more = more and not (remotes and remotes[-1].created_at < oldest)
                self._turn_page(more)
        return has_time

    def _list_payments(self):
        """Return a page; nothing for one that cannot be had: its links are asked."""
        try:
            answer = self._client.list_payments(self._page)
        except PayplugError as error:
            if error.reason in SILENT or error.status == 401:  # nothing would be told
                raise
            self._failures += 1
            more = error.reason == UNREADABLE and self._failures < MAX_FAILURES
            return [], more
        self._failures = 0
        return answer

    def _turn_page(self, more):
        is_enough = self._fruitless >= len(self._waiting)
        self._page = self._page + 1 if more and not is_enough else DONE

    def _oldest_creation(self):
        """Return the creation of the oldest link for which pages are read."""
        if set(self._links.mapped("state")) == {"paid"}:  # refunded months later
            return min(self._links.mapped("create_date"))
        healthy = self._links.filtered(
            lambda link: link.state == "pending" and not link.problem
        )
        ends = (healthy or self._links).mapped("expires_at")
        first = min(ends) - timedelta(days=LINK_DAYS)
        if self._links[:1].state == "paid":  # for what was refunded since
            return first
        return max(first, fields.Datetime.now() - OLDEST)

    def _shown_by(self, remotes):
        """Return the links that wait and that a page shows, with what it tells."""
        waiting = self._waiting
        return [(waiting[one.id], one) for one in remotes if one.id in waiting]

    def _apply(self, remotes):
        """Apply a page to the links that it shows; return whether time is left."""
        shown = self._shown_by(remotes)
        self._fruitless += not shown
        same = [(link, one) for link, one in shown if not link._differs_from(one)]
        has_time = True  # for one at least, however long it took to find the work
        for link, remote in shown:
            if has_time and link._differs_from(remote):
                self._waiting.pop(remote.id, None)  # a page may show it twice
                apply = partial(type(link)._apply_remote, remote=remote)
                has_time = link._process_each(apply)
        has_time = self._set_checked(same) and has_time
        for remote in self._links._unknown_of(remotes):
            has_time = has_time and self._settle_unknown(remote)
        return has_time

    def _set_checked(self, shown):
        """Remember, in one transaction, that these links were looked at."""
        links = self._links.browse().union(*(link for link, _remote in shown))
        for _link, remote in shown:
            self._waiting.pop(remote.id, None)
        checked = {"checked_at": fields.Datetime.now(), "unanswered_since": False}
        return self._store(lambda: links.write(checked), len(links))

    def _settle_unknown(self, remote):
        links, company = self._links, self._company_sudo
        return self._store(lambda: links._settle_unknown(remote, company, self._client))

    def _store(self, work, count=0):
        """Do and commit something that may fail alone; return whether time is left."""
        env = self._links.env
        try:
            with isolated():
                work()
                env.flush_all()
        except CONFLICTS:  # they are in hand: they come again
            env.cr.rollback()
        except ProcessFailed as failure:
            env.cr.rollback()
            self._links._log_left_aside(failure.cause)
        return bool(env["ir.cron"]._commit_progress(count))
