"""The customer's portal and paper: where they lead to the stable page."""

import base64

from odoo import api, models
from odoo.tools.image import image_data_uri

QR_PIXELS = 256


class AccountMove(models.Model):
    _inherit = "account.move"

    def _payplug_shows_portal_button(self):
        """Tell whether the portal shows *Pay by card* on this invoice.

        Never beside Odoo's own *Pay Now* for the same thing.
        """
        if not self._payplug_is_payable():
            return False
        # A bank transfer, which "custom" stands for, is another thing.
        others = self._payplug_other_providers() - {"custom"}
        return not (others and self._has_to_be_paid())

    def _payplug_other_providers(self):
        """Return the codes of the providers that Odoo's own *Pay Now* offers customers.

        As they see them, whoever asks: published, and with a method for their country
        and currency. Odoo shows the others to employees only, for whom it also takes a
        record that it read as superuser. Of several invoices: what pays all at once.
        """
        if not self._payplug_has_native_payment():
            return set()
        move_sudo = self.sudo()  # providers are not for the portal's users to read
        customer, currency = move_sudo.partner_id[:1], move_sudo.currency_id[:1]
        found_sudo = move_sudo.env["payment.provider"]._get_compatible_providers(
            move_sudo.company_id[:1].id,
            customer.id,
            sum(move_sudo.mapped("amount_total")),
            currency_id=currency.id,
        )
        found_sudo = found_sudo.filtered("is_published")
        methods_sudo = move_sudo.env["payment.method"]._get_compatible_payment_methods(
            found_sudo.ids, customer.id, currency_id=currency.id
        )
        return set((found_sudo & methods_sudo.provider_ids).mapped("code"))

    @api.model
    def _payplug_has_native_payment(self):
        """Tell whether account_payment is there, with buttons of its own."""
        return "transaction_ids" in self._fields

    def _payplug_bars_pay_overdue(self):
        """Tell whether *Pay overdue* leads nowhere, and ours takes these invoices.

        Then each has its own button, and no second one that is dead.
        """
        return (
            self._payplug_has_native_payment()
            and not self._payplug_other_providers()
            and any(move._payplug_is_payable() for move in self)
        )

    def _has_to_be_paid(self):
        # EXTEND account_payment, where it is installed: its *Pay Now* leads nowhere
        # without a provider, and then ours takes its place
        native = getattr(super(), "_has_to_be_paid", None)
        if not (native and native()):
            return False
        if self.sudo()._payplug_is_under_way():
            return False  # nobody pays twice
        return not self._payplug_is_payable() or bool(self._payplug_other_providers())

    def _payplug_is_under_way(self):
        """Tell whether money came, or may, that the invoice does not show yet."""
        link = self._payplug_open_link()
        if link.state == "pending" and link.is_being_checked:
            return True
        # An earlier link may have been paid beside one that is still payable.
        return bool(self._payplug_paid_ahead() or self._payplug_recorded_link())

    def _payplug_shows_qr_code(self):
        """Tell whether the printed invoice carries the QR code of its stable page."""
        root_sudo = self.company_id._payplug_root()
        return root_sudo.payplug_qr_code and self._payplug_is_payable()

    def _payplug_qr_code(self):
        """Return the QR code of the stable page, as a ``data:`` url of a PNG.

        Never Payplug's own page: paper lives longer than seven days.
        """
        picture = self.env["ir.actions.report"].barcode(
            "QR",
            self._payplug_page_url(),
            width=QR_PIXELS,
            height=QR_PIXELS,
            quiet=False,
        )
        return image_data_uri(base64.b64encode(picture))
