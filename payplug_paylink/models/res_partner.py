"""The payer, as Payplug wants to know a payer."""

import re

from odoo import models
from odoo.tools import email_normalize, email_normalize_all

# What Payplug's own plugins cut to.
SIZES = {
    "first_name": 100,
    "last_name": 100,
    "company_name": 100,
    "email": 255,
    "address1": 255,
    "address2": 255,
    "postcode": 16,
    "city": 100,
}
# One address, alone or after a name. What it does not match, Payplug refuses.
ADDRESS = re.compile(r"(?:[^<>]*<)?\s*([^\s@<>\"]+@[^\s@<>.]+(?:\.[^\s@<>.]+)+)\s*>?")
REQUIRED = ("first_name", "last_name", "email", "address1", "postcode", "city")


class ResPartner(models.Model):
    _inherit = "res.partner"

    def _payplug_email(self):
        """Return the first e-mail address, "" unless all that Odoo would mail are good.

        Odoo digs an address out of anything: out of "marie durand@example.com" that of
        somebody else.
        """
        written = self.email or ""
        pieces = map(ADDRESS.fullmatch, map(str.strip, re.split("[,;\n]", written)))
        good = {email_normalize(piece[1]) for piece in pieces if piece}
        mailed = email_normalize_all(written)
        return mailed[0] if mailed and good.issuperset(mailed) else ""

    def _payplug_billing(self):
        """Return the ``billing`` block of a payment, or nothing if it is incomplete.

        No telephone number: Payplug needs none for a card, and refuses payments for a
        wrong one.
        """
        first_name, last_name = self._payplug_names()
        found = {
            "first_name": first_name,
            "last_name": last_name,
            "company_name": self.commercial_company_name,
            "email": self._payplug_email(),
            "address1": self.street,
            "address2": self.street2,
            "postcode": self.zip,
            "city": self.city,
        }
        country = self.country_id.code
        if not country or not all(found[name] for name in REQUIRED):
            return {}
        block = {name: value[: SIZES[name]] for name, value in found.items() if value}
        language = (self.lang or self.env.lang or "fr")[:2]  # of Payplug's page
        return {**block, "country": country, "language": language}

    def _payplug_names(self):
        """Split the only name that Odoo has; Payplug wants two, of companies too."""
        name = self.name or self.commercial_company_name or ""
        first, _space, last = name.partition(" ")
        return first, last.strip() or first
