"""What people read of a link: words, banners, lines in the invoice's chatter."""

from odoo import SUPERUSER_ID, api, fields, models
from odoo.tools import format_date, format_datetime


class PayplugPaymentLink(models.Model):
    _inherit = "payplug.payment.link"

    refusal_text = fields.Char(
        string="Last attempt refused",
        compute="_compute_refusal_text",
        help="Why the customer's last attempt failed. The link stays payable.",
    )

    @api.depends("refusal")
    @api.depends_context("lang")
    def _compute_refusal_text(self):
        words = self._refusal_words()
        for link in self:
            link.refusal_text = words.get(link.refusal, link.refusal)

    def _refusal_words(self):
        """Return words for the failure codes that Payplug documents."""
        return {
            "processing_error": self.env._("the card could not be processed"),
            "card_declined": self.env._("the bank refused the card"),
            "insufficient_funds": self.env._("not enough funds"),
            "3ds_declined": self.env._("the 3-D Secure check failed"),
            "incorrect_number": self.env._("wrong card number"),
            "fraud_suspected": self.env._("Payplug suspected a fraud"),
            "method_unsupported": self.env._("this kind of card is not accepted"),
            "card_scheme_mismatch": self.env._(
                "the card is not of the brand that was chosen"
            ),
            "card_expiration_date_prior_to_last_installment_date": self.env._(
                "the card expires before the last instalment"
            ),
        }

    def _banners(self):
        """Yield what the form of the invoice says first: name, level, sentence."""
        if not self:
            return
        if not self.is_live:
            yield (
                "test_mode",
                "warning",
                self.env._(
                    "The payment link of this invoice belongs to Payplug's test mode: "
                    "no real money is paid with it."
                ),
            )
        if self.problem:
            yield "problem", "danger", self._problem_sentence()
        if self.state == "pending":
            yield from self._pending_banners()
        if self.state == "expired" and self.move_id._payplug_amount_due():
            yield (
                "expired",
                "warning",
                self.env._(
                    "The payment link has expired. Send a new one with “Send payment "
                    "link”."
                ),
            )

    def _to_book_banner(self):
        """Return, as `_banners` does, what to say of money that is not booked yet."""
        return (
            "to_book",
            "danger",
            self.env._(
                "The customer has paid on Payplug; the payment could not be booked "
                "yet. Odoo tries again every hour."
            ),
        )

    def _pending_banners(self):
        if self.to_cancel:
            yield (
                "to_cancel",
                "warning",
                self.env._("The payment link will be cancelled when Payplug answers."),
            )
        if self.refusal:
            yield (
                "refused",
                "info",
                self.env._(
                    "The customer's last attempt to pay was refused: %(why)s. The link "
                    "stays payable.",
                    why=self.refusal_text,
                ),
            )

    def _problem_sentence(self):
        words = dict(self._fields["problem"]._description_selection(self.env))
        return self.env._(
            "The payment link %(payment)s cannot be followed: %(why)s. Compare with "
            "Payplug's portal, then close the link.",
            payment=self.payplug_id,
            why=words[self.problem],
        )

    # === CHATTER === #

    def _tell(self, sentence):
        """Write a line into the invoice's chatter, which notifies nobody."""
        if self.move_id:
            self.move_id._message_log(body=sentence)

    def _speaker(self):
        """Return the link as the one who speaks: the user, or OdooBot for a visitor.

        OdooBot speaks the accountant's tongue, in a cron too.
        """
        user = self.env.user
        is_person = user._is_internal() and user.id != SUPERUSER_ID
        return self if is_person else self._for_accountant()

    def _tell_made(self, customer):
        if not self:
            return
        told = {
            link.move_id.id: link._speaker()._made_sentence(customer) for link in self
        }
        speaker = self[:1]._speaker()
        speaker.move_id.browse(told)._message_log_batch(told)

    def _made_sentence(self, customer):
        values = {
            "mode": self.company_id._payplug_mode_word(self.is_live),
            **self._names(),
        }
        if customer:
            return self.env._(
                "Payment link %(payment)s of %(amount)s made by the customer "
                "(%(mode)s).",
                **values,
            )
        return self.env._(
            "Payment link %(payment)s of %(amount)s made (%(mode)s).", **values
        )

    def _tell_refused(self):
        link = self._speaker()
        link._tell(
            link.env._(
                "The customer's attempt to pay was refused: %(why)s. The link stays "
                "payable.",
                why=link.refusal_text,
            )
        )

    def _tell_ended(self):
        link = self._speaker()
        if link.state == "expired":
            told = link.env._("Payment link %(payment)s has expired.", **link._names())
        else:
            told = link.env._("Payment link %(payment)s cancelled.", **link._names())
        link._tell(told)

    def _tell_closed(self):
        self._tell(
            self.env._(
                "Payment link %(payment)s closed by hand, unseen by Payplug.",
                **self._names(),
            )
        )

    def _tell_unbooked(self):
        self._tell(
            self.env._(
                "Paid by card on %(date)s (%(payment)s, %(amount)s). The payment could "
                "not be booked yet.",
                **self._names(),
            )
        )

    def _tell_recorded(self):
        link = self._speaker()
        link._tell(
            link.env._(
                "Paid in Payplug's test mode on %(date)s: recorded, not booked.",
                **link._names(),
            )
        )

    def _tell_booked(self, payment):
        paid_on = self._booking_date()
        values = {
            "payment": payment.display_name,
            "journal": payment.journal_id.display_name,
            "paid": format_date(self.env, paid_on),
            "booked": format_date(self.env, payment.move_id.date),
        }
        if payment.move_id.date == paid_on:
            self._tell(
                self.env._(
                    "Paid by card on %(paid)s, booked as %(payment)s in %(journal)s.",
                    **values,
                )
            )
            return
        self._tell(
            self.env._(
                "Paid by card on %(paid)s. That period is locked: booked as "
                "%(payment)s in %(journal)s on %(booked)s.",
                **values,
            )
        )

    def _names(self):
        """Return what the sentences about this link name."""
        paid_at = "–"
        if self.paid_at:
            zone = self._booking_zone()
            paid_at = format_datetime(self.env, self.paid_at, tz=zone)
        return {
            "payment": self.payplug_id,
            "amount": self.currency_id.format(self.amount),
            "date": paid_at,
        }
