"""Making the links of many invoices at the same time: a batch of the queue."""

from odoo import api, models
from odoo.exceptions import ConcurrencyError

from ..payplug_remote import PayplugError


class PayplugPaymentLink(models.Model):
    _inherit = "payplug.payment.link"

    @api.model
    def _request_many(self, moves):
        """Make a link for each invoice, concurrently; one client for each account.

        :param moves: `account.move` records whose conditions were checked and which
            have no pending link; those that are handled elsewhere are left out
        :return: the new link of each invoice, in sudo, or the `PayplugError` that kept
            it from being made
        :rtype: dict
        """
        rows_sudo = self.browse().sudo().union(*map(self._create_free_row, moves))
        outcomes = {}
        for links_sudo in rows_sudo.grouped(
            lambda link: (link.company_id._payplug_root(), link.is_live)
        ).values():
            outcomes.update(links_sudo._make_payments())
        return outcomes

    @api.model
    def _create_free_row(self, move):
        """Return the row of a new link, empty if the invoice is handled elsewhere."""
        try:
            self._lock_invoice(move.id)
            return self.sudo()._create_row(move)  # machines write links, not users
        except ConcurrencyError:
            return self.browse().sudo()

    def _make_payments(self):
        """Make the payments of these rows of one account; rows without one go again.

        :return: as `_request_many`
        :rtype: dict
        """
        client = self[:1]._client()
        answers = client.create_payments([link._prepare_payload() for link in self])
        pairs = list(zip(self, answers, strict=True))
        refused = [link for link, answer in pairs if isinstance(answer, PayplugError)]
        made = [answer for answer in answers if not isinstance(answer, PayplugError)]
        (self - self.browse().union(*refused))._take(made, client)
        outcomes = {
            link.move_id: answer if link in refused else link for link, answer in pairs
        }
        self.browse().union(*refused).unlink()
        return outcomes
