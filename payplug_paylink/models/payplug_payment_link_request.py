"""Making, reusing and withdrawing links: at most one payable link per invoice."""

import logging
from contextlib import ExitStack
from datetime import timedelta

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import ConcurrencyError, UserError
from odoo.tools import mute_logger

from ..payplug_api import LINK_DAYS
from ..payplug_remote import PayplugError, to_cents

_logger = logging.getLogger(__name__)

CLEANUP_SECONDS = 3
DESCRIPTION_SIZE = 80
REUSE_MARGIN = timedelta(days=1)  # a link mailed today must be good tomorrow


def _abort_quietly(client, payment_id):
    """Abort a payment that nobody will ever hear of; failing that is harmless."""
    try:
        client.renewed(CLEANUP_SECONDS).abort_payment(payment_id)
    except PayplugError as error:
        _logger.info("Payment %s was not aborted: %s", payment_id, error.reason)


class PayplugPaymentLink(models.Model):
    _inherit = "payplug.payment.link"

    @api.model
    def _request(self, move, customer=False):
        """Return the invoice's link for the amount due, made or reused.

        Payplug is asked before a link is reused, and a new one is made only after the
        end of the old one was seen. If it turns out that the customer has paid, the
        paid link is returned; if the old link cannot be followed, that one with its
        `problem` (not an exception, which would forget it).

        :param move: one `account.move` whose conditions were checked
        :param bool customer: whether the customer asks, who pays at once: the link may
            be near its end, and be renewed only as far as the company lets him
        :rtype: PayplugPaymentLink
        :raise PayplugError: if Payplug is silent or refuses. No link was made then, and
            the old one is as before, unless its end was seen: that is kept in the row
        :raise UserError: if the old link is not known to be at its end
        :raise ConcurrencyError: if somebody else is at it
        """
        self._lock_invoice(move.id)
        link_sudo = move.sudo()._payplug_open_link()  # machines write links, not users
        if link_sudo.state == "pending":
            remote = link_sudo._refresh()
            if link_sudo._is_reusable(customer):
                return link_sudo
            link_sudo._end(remote)
            if link_sudo.state in ("pending", "paid"):
                return link_sudo  # with a problem that a person must look at, or paid
        if customer and link_sudo.state == "expired" and not move._payplug_may_renew():
            return link_sudo
        unbooked_sudo = move._payplug_links_to_book()
        if unbooked_sudo and not move._payplug_amount_due():
            return unbooked_sudo[:1]
        return self.sudo()._create_for(move, customer)

    def _is_reusable(self, customer):
        """Tell whether a link that was just asked about is good enough.

        :param bool customer: whether it is paid at once, or mailed and paid tomorrow
        """
        lasts = self.expires_at > fields.Datetime.now() + REUSE_MARGIN
        return self._fits_today() and (customer or lasts)

    def _is_current(self):
        """Tell, without asking Payplug, whether a customer could pay this link now."""
        return self._fits_today() and self.expires_at > fields.Datetime.now()

    def _fits_today(self):
        """Tell whether this link asks for what is due today, in today's mode.

        Not where somebody cancelled it or must look at it.
        """
        return (
            self.state == "pending"
            and not (self.problem or self.to_cancel)
            and self._asks_what_is_due()
            and self.is_live == self.company_id._payplug_is_live()
        )

    def _create_for(self, move, customer):
        """Create a payment at Payplug and its link, as one: both or none stay.

        :param bool customer: as for `_request`
        """
        with self.env.cr.savepoint():
            link = self._create_row(move)
            client = link._client()
            remote = client.create_payment(link._prepare_payload())
            link._take([remote], client, customer)
        return link

    def _take(self, remotes, client, customer=False):
        """Take over the payments that were made for these rows, or let nobody pay them.

        :param list remotes: the new `RemotePayment` of each row, in their order
        :param PayplugClient client: the one that made them
        :param bool customer: whether the customer asked for them
        """
        with ExitStack() as undo:
            # Here and not by the hook alone: a caller's savepoint runs none.
            for remote in remotes:
                undo.callback(_abort_quietly, client, remote.id)
            for link, remote in zip(self, remotes, strict=True):
                link.write(
                    {
                        "payplug_id": remote.id,
                        "url": remote.url,
                        "expires_at": remote.created_at + timedelta(days=LINK_DAYS),
                    }
                )
                link._become_current()
            self._tell_made(customer)
            self.env.flush_all()
            self.env.cr.postrollback.add(undo.pop_all().close)

    def _prepare_payload(self):
        """Return the body that creates this link's payment, amounts in cents."""
        payload = {
            "amount": to_cents(self.amount),
            "currency": self.currency_id.name,
            # Says that we mail the link; an ordinary page would die within minutes.
            "hosted_payment": {"sent_by": "OTHER", **self._prepare_return_urls()},
            "description": self.move_id.name[:DESCRIPTION_SIZE],
            "metadata": {
                "invoice": self.move_id.name,
                "link_id": str(self.id),
                "database": self._database(),
            },
        }
        billing = self.partner_id._payplug_billing()
        if billing:  # complete or not at all: an incomplete block is refused
            payload["billing"] = billing
            payload["shipping"] = {**billing, "delivery_type": "BILLING"}
        if self.company_id._payplug_can_ring():
            payload["notification_url"] = self._door_url("notify")
        return payload

    def _prepare_return_urls(self):
        """Return where Payplug sends the payer's browser afterwards."""
        url = self._door_url("return")
        return {"return_url": url, "cancel_url": url}

    def _create_row(self, move):
        """Create the row of a new link; the database refuses a second pending one."""
        try:
            with self.env.cr.savepoint(), mute_logger("odoo.sql_db"):
                return self.create(
                    {
                        "move_id": move.id,
                        "company_id": move.company_id.id,
                        "partner_id": move.partner_id.id,
                        "currency_id": move.currency_id.id,
                        "amount": move._payplug_amount_due(),
                        "is_live": move.company_id._payplug_is_live(),
                    }
                )
        except psycopg2.errors.UniqueViolation as error:
            # Made by somebody whose commit this transaction is too old to see.
            raise ConcurrencyError(f"invoice {move.id} has just got a link") from error

    def _withdraw(self):
        """Make the link unpayable, or follow what Payplug says of it.

        :raise PayplugError: if Payplug is silent
        :raise UserError: if the link's end was not seen
        :raise ConcurrencyError: if somebody else is at it
        """
        self._end(self._refresh())

    def _end(self, remote):
        """Abort a link that was just asked about, and believe it only when seen.

        A link with a `problem` is left to people.

        :param RemotePayment remote: what `_refresh` returned
        :raise PayplugError: if Payplug is silent
        :raise UserError: if the link's end was not seen
        """
        if self.problem == "no_key" and not self.is_live:
            self._close()  # nobody can pay real money with it
        if self.state != "pending" or self.problem:
            return
        self._check_may_abort(remote)
        remote = self._client().abort_payment(self.payplug_id)
        self._follow(remote)
        if self.state == "pending" and not self.problem:
            raise UserError(self._still_payable())

    def _close(self):
        """End a link by a person's word, unless Payplug's can be had after all."""
        self._lock()
        if self.company_id._payplug_key(self.is_live):
            self._abort_if_made_here()
        if self.state == "pending":
            self._move_to("cancelled", problem=False)
            self._tell_closed()

    def _abort_if_made_here(self):
        """Try to abort, never what another copy waits for; follow what Payplug says."""
        client = self._client().renewed(CLEANUP_SECONDS)
        try:
            remote = client.get_payment(self.payplug_id)
            if self._is_made_here(remote):
                remote = client.abort_payment(self.payplug_id)
        except PayplugError as error:
            _logger.info("Link %s was closed unseen: %s", self.id, error.reason)
        else:
            self._follow(remote)

    def _is_made_here(self, remote):
        """Tell whether this database, and no copy of it, made the payment."""
        return remote.metadata.get("database", self._database()) == self._database()

    def _check_may_abort(self, remote):
        """Check that this link is ours to abort, and that no money is on its way.

        :raise UserError: telling why the link stays as it is
        """
        if remote.is_being_checked:
            raise UserError(self._still_payable())
        if not self._is_made_here(remote):
            raise UserError(
                self.env._(
                    "The link %(payment)s was made by another copy of this database, "
                    "which still waits for it: it is left alone here.",
                    payment=self.payplug_id,
                )
            )

    def _still_payable(self):
        return self.env._(
            "Payplug has not yet ended the earlier link of %(invoice)s (%(payment)s): "
            "a payment may be under way. No new link was made, so that the customer "
            "cannot pay twice. Try again in a few minutes.",
            invoice=self.move_id.display_name,
            payment=self.payplug_id,
        )

    def _database(self):
        """Return what tells this database from a restored copy of it."""
        return self.env["ir.config_parameter"].get_param("database.uuid")
