"""The signed addresses by which the Internet reaches a link."""

from odoo import api, models
from odoo.tools import consteq
from odoo.tools.misc import hmac

SIGNATURE_SIZE = 32  # hexadecimal digits: 128 bits


class PayplugPaymentLink(models.Model):
    _inherit = "payplug.payment.link"

    def _door_url(self, door):
        """Return the absolute address of one of this link's doors.

        :param str door: ``notify`` or ``return``
        """
        base = self.company_id.get_base_url()
        return f"{base}/payplug/{door}/{self.id}/{self._signature(door, self.id)}"

    @api.model
    def _signature(self, door, record_id):
        """Return what proves that an address was made by this database.

        The bare HMAC has one spelling only; Odoo's signed tokens have several. One
        scope for each door: the address of one opens no other.

        :param str door: ``pay``, ``notify`` or ``return``
        :param record_id: id of the invoice or of the link, as the address spells it
        """
        scope = f"payplug_paylink.{door}"
        return hmac(self.env(su=True), scope, str(record_id))[:SIGNATURE_SIZE]

    @api.model
    def _is_signature(self, door, record_id, signature):
        """Tell, without a query of ours, whether an address was made by us.

        :param str record_id: as it stands in the address: ``007`` is not ``7``
        """
        expected = self._signature(door, record_id)
        return signature.isascii() and consteq(expected, signature)
