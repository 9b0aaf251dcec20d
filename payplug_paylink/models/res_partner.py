"""The payer, as Payplug wants to know a payer."""

import re

from odoo import models
from odoo.tools import email_normalize_all

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
# An address that can exist and be meant, narrower than RFC 5321 has it: a quote at its
# edge was put around it. What it does not match, servers or Payplug refuse.
LOCAL = r"(?=[A-Za-z0-9_])[A-Za-z0-9.&'+~%_-]{1,64}(?<![.'])"
LABEL = r"(?!-)(?:[^\W\d_]|[0-9-]){1,63}(?<!-)"
TOP = r"(?:[^\W\d_]{2,63}|(?i:xn--)[A-Za-z0-9-]{1,59})"
ADDRESS = re.compile(rf"(?!.*\.\.)(?!.*@.{{254}}){LOCAL}@(?:{LABEL}\.)+{TOP}")
# One address, alone or after a name, maybe in quotes.
WRITTEN = re.compile(r"(?:[^<>]*<)?\s*([^\s<>]+)\s*>?")
REQUIRED = ("first_name", "last_name", "email", "address1", "postcode", "city")


class ResPartner(models.Model):
    _inherit = "res.partner"

    def _payplug_email(self):
        """Return the first e-mail address, "" unless all that Odoo would mail are good.

        Odoo digs an address out of anything: out of "marie durand@example.com" that of
        somebody else. What it would mail must be what is written, and can exist.
        """
        written = self.email or ""
        found = map(WRITTEN.fullmatch, map(str.strip, re.split("[,;\n]", written)))
        good = {one[1].lower() for one in found if one and ADDRESS.fullmatch(one[1])}
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
