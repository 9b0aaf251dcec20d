"""The cron: withdraw what no longer asks for what is due, follow the rest, book.

The second chance of everything: a notification that never came, a refusal of
accounting, a link that the user could not cancel because Payplug was silent. One bad
record never stops the others; what is done is committed at once.
"""

import logging
from datetime import timedelta
from functools import partial

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..payplug_api import LINK_DAYS
from ..payplug_remote import PayplugError, PayplugRejected, PayplugUnavailable
from .payplug_payment_link_booking import CONFLICTS

_logger = logging.getLogger(__name__)

PATIENCE = 3  # unanswered questions in a row


class PayplugPaymentLink(models.Model):
    _inherit = "payplug.payment.link"

    @api.model
    def _trigger_cron(self):
        """Let the cron run as soon as this transaction is committed."""
        cron_sudo = self.env.ref("payplug_paylink.ir_cron_follow").sudo()  # by anyone
        cron_sudo._trigger()

    @api.model
    def _cron_follow(self):
        """Book what is paid, withdraw what is outdated, follow the rest."""
        to_book = self.search([("to_book", "=", True)])
        followed = self.search(self._domain_to_follow())
        outdated = followed.filtered(lambda link: link._is_outdated())
        self.env["ir.cron"]._commit_progress(remaining=len(to_book) + len(followed))
        to_book._each(lambda link: link._register_payment())
        outdated._each(lambda link: link._withdraw())
        groups = (followed - outdated).grouped(
            lambda link: (link.company_id._payplug_root(), link.is_live)
        )
        for links in groups.values():
            links._follow_account()
        if self.env["ir.cron"]._commit_progress():  # in time: nothing more for now
            self.env["ir.cron"]._commit_progress(remaining=0)

    @api.model
    def _domain_to_follow(self):
        """Return the links that may still be paid.

        Those that ended are looked at until a little after the end of their days: a
        late truth of Payplug's shows in its pages at no further cost.
        """
        lately = fields.Datetime.now() - timedelta(days=1)
        ended = Domain("state", "in", ("cancelled", "expired"))
        return Domain("payplug_id", "!=", False) & (
            Domain("state", "=", "pending") | ended & Domain("expires_at", ">", lately)
        )

    def _is_outdated(self):
        """Tell whether a link must no longer be paid: cancelled, or another amount."""
        if self.state != "pending":
            return False
        due = self.move_id._payplug_amount_due() if self.move_id else 0.0
        return self.to_cancel or self.currency_id.compare_amounts(self.amount, due) != 0

    def _each(self, act):
        """Do something to each link in a transaction of its own, while there is time.

        A failure is logged and concerns its link alone; when Payplug is silent again
        and again, the others wait for the next time.

        :param act: a function of one link
        """
        silent = 0
        keys = {link: link._lock_key() for link in self}
        self.env["ir.cron"]._commit_progress()
        for link, key in keys.items():
            silent = 0 if link._attempt(act, key) else silent + 1
            if silent == PATIENCE or not self.env["ir.cron"]._commit_progress(1):
                return

    def _attempt(self, act, key):
        """Lock the link first of all, then do something to it.

        :param act: a function of one link
        :param int key: what `_lock_key` said before this transaction
        :return: whether Payplug answered
        """
        try:
            with self.env.cr.savepoint():
                self._lock_invoice(key)
                act(self)
        except CONFLICTS as error:
            self.env.cr.rollback()
            _logger.info("Link %s is being handled elsewhere: %s", self.id, error)
        except PayplugUnavailable as error:
            _logger.info("Link %s: Payplug is silent: %s", self.id, error)
            return False
        except (PayplugRejected, UserError) as error:
            _logger.info("Link %s: %s", self.id, error)
        return True

    def _follow_account(self):
        """Follow links of one account and mode with as few calls as possible."""
        try:
            unseen = self._follow_pages()
        except (PayplugError, UserError) as error:
            _logger.info("%s links are not followed: %s", len(self), error)
            return
        pending = unseen.filtered(lambda link: link.state == "pending")
        pending._each(lambda link: link._refresh())

    def _follow_pages(self):
        """Follow links by pages of the account's payments, newest first.

        The list also holds a web shop's payments, and it shifts while it is read: so it
        stops at the oldest link's creation, or when pages would outnumber single
        questions, and what it did not show is asked one by one.

        :return: the links that the pages did not show
        :raise PayplugError: if Payplug is silent or does not accept the key
        """
        waiting = {link.payplug_id: link for link in self}
        oldest = min(self.mapped("expires_at")) - timedelta(days=LINK_DAYS)
        client = self[:1]._client()
        page, more = 0, True
        while more and page < len(waiting):
            remotes, more = client.list_payments(page)
            self._follow_shown(remotes, waiting)
            more = more and bool(remotes) and remotes[-1].created_at >= oldest
            page += 1
        return self.filtered(lambda link: link.payplug_id in waiting)

    def _follow_shown(self, remotes, waiting):
        """Follow the links of which a page brings news; take those seen off `waiting`.

        :param list remotes: a page of `RemotePayment`
        :param dict waiting: links by Payplug's id
        """
        for remote in remotes:
            link = waiting.pop(remote.id, None)
            if link and link._has_news(remote):
                link._each(partial(type(link)._follow, remote=remote))
