"""Demo data: a French company with invoices that may, and may not, be paid by a link.

A chart of accounts cannot be loaded from an addon's demo file, so this does nothing
where the demo company has none (``l10n_fr_account`` not installed).
"""

from datetime import timedelta

from odoo import Command, api, fields, models

# xml id: name, e-mail, language, street, postcode, city
CUSTOMERS = {
    "durand": "Marie Durand|marie.durand@example.com|fr_FR"
    "|12 rue des Lilas|75020|Paris",
    "atelier": "Atelier Lefèvre|compta@atelier-lefevre.example.com|fr_FR"
    "|3 quai de la Fosse|44000|Nantes",
    "smith": "John Smith|john.smith@example.com|en_US|8 avenue Foch|69006|Lyon",
    "no_email": "Boulangerie Petit||fr_FR|5 place du Marché|35000|Rennes",
    # the demo's mail server refuses this domain
    "gone": "Chantal Perdue|chantal@nobody.example.com|fr_FR"
    "|2 rue Haute|67000|Strasbourg",
}
# xml id: customer, what was sold, euros with taxes, what is special
INVOICES = {
    "website": ("durand", "Website design", 1234.56, ""),
    "training": ("atelier", "Training, two days", 1800.00, ""),
    "support": ("smith", "Support, one quarter", 450.00, ""),
    "hosting": ("durand", "Hosting, one year", 96.00, ""),
    "smallest": ("atelier", "Domain name, first year", 1.00, ""),
    "largest": ("smith", "Machine tool", 20_000.00, ""),
    "draft": ("durand", "Maintenance", 240.00, "draft"),
    "dollars": ("smith", "Consulting", 600.00, "dollars"),
    "no_email": ("no_email", "Shop sign", 380.00, ""),
    "too_small": ("atelier", "Spare screw", 0.50, ""),
    "too_large": ("atelier", "Delivery van", 25_000.00, ""),
    "two_dates": ("durand", "Renovation", 3000.00, "two dates"),
    "gone": ("gone", "Window cleaning", 132.00, ""),
    "paid": ("smith", "Workshop", 150.00, "paid"),
    "paid_by_link": ("durand", "Photo shoot", 640.00, ""),
    "partly_refunded": ("smith", "Garden party", 480.00, ""),
    "refunded": ("atelier", "Cancelled course", 210.00, ""),
}
# xml id of the invoice: euros that go back; each with its credit note
REFUNDED = {"partly_refunded": 80.00, "refunded": 210.00}


class PayplugDemo(models.AbstractModel):
    _name = "payplug.demo"
    _description = "Demo data of Payplug payment links"

    @api.model
    def _create_data(self):
        """Create customers and invoices in the French demo company, once."""
        company = self.env.ref("base.demo_company_fr", raise_if_not_found=False)
        if not company or not company.chart_template or self._ref("invoice_website"):
            return
        self = self.with_company(company).with_context(tracking_disable=True)
        for name, words in CUSTOMERS.items():
            self._create_customer(name, *words.split("|"))
        for name, values in INVOICES.items():
            self._create_invoice(name, *values)

    @api.model
    def _connect(self, company, test_key):
        """Connect a company to Payplug's test mode and book its payments.

        :param company: the `res.company`
        :param str test_key: secret key of the emulator, or of a real account
        """
        company.write(
            {
                "payplug_test_key": test_key,
                "payplug_live_key": False,  # of an earlier emulator
                "payplug_mode": "test",
                "payplug_enabled": True,
                "payplug_book_test_payments": True,
            }
        )

    @api.model
    def _pay_and_refund(self, pay):
        """Let customers pay some invoices by their links, and refund a few, once.

        :param pay: a function of a payment's id, by which its customer pays
        """
        for name in ("paid_by_link", *REFUNDED):
            invoice = self._ref(f"invoice_{name}")
            if not invoice or invoice.payplug_link_id:
                continue
            company = invoice.company_id
            invoice = invoice.with_company(company).with_context(
                allowed_company_ids=company.ids
            )
            link = self.env["payplug.payment.link"]._get_or_create(invoice)
            pay(link.payplug_id)
            link._sync()
            if name in REFUNDED:
                self._refund(link, invoice, REFUNDED[name])

    def _refund(self, link, invoice, amount):
        today = fields.Date.context_today(self)
        note = invoice._reverse_moves([{"invoice_date": today, "date": today}])
        note.invoice_line_ids.price_unit = amount
        note.action_post()
        self.env["payplug.refund"]._ask(link.sudo(), amount, note)

    def _ref(self, name):
        return self.env.ref(f"payplug_paylink.{name}", raise_if_not_found=False)

    def _load(self, model, name, values):
        record = {"xml_id": f"payplug_paylink.{name}", "values": values}
        return self.env[model]._load_records([{**record, "noupdate": True}])

    def _create_customer(self, name, title, email, lang, street, postcode, city):
        installed = dict(self.env["res.lang"].get_installed())
        values = {
            "name": title,
            "email": email or False,
            "lang": lang if lang in installed else False,
            "street": street,
            "zip": postcode,
            "city": city,
            "country_id": self.env.ref("base.fr").id,
            "is_company": name in ("atelier", "no_email"),
        }
        self._load("res.partner", f"customer_{name}", values)

    def _create_invoice(self, name, customer, label, amount, special):
        line = {"name": label, "price_unit": amount, "tax_ids": False}
        values = {
            "move_type": "out_invoice",
            "partner_id": self._ref(f"customer_{customer}").id,
            "invoice_user_id": self.env.ref("base.user_admin").id,
            "invoice_date": fields.Date.context_today(self) - timedelta(days=3),
            "currency_id": self._currency(special).id,
            "invoice_payment_term_id": self._terms(special).id,
            "invoice_line_ids": [Command.create(line)],
        }
        invoice = self._load("account.move", f"invoice_{name}", values)
        if special != "draft":
            invoice.action_post()
        if special == "paid":
            self.env["account.payment.register"].with_context(
                active_model="account.move", active_ids=invoice.ids
            ).create({})._create_payments()

    def _currency(self, special):
        currency = self.env.ref("base.USD" if special == "dollars" else "base.EUR")
        currency.active = True
        return currency

    def _terms(self, special):
        if special != "two dates":
            return self.env.ref("account.account_payment_term_30days")
        halves = [
            Command.create({"value": "percent", "value_amount": 50, "nb_days": days})
            for days in (0, 60)
        ]
        name = "Half now, half in two months"
        terms = self.env["account.payment.term"]
        return terms.create({"name": name, "line_ids": halves})
