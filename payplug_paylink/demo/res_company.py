"""Demo data: a French company with invoices that may, and may not, be paid by a link.

A chart of accounts cannot be loaded from an addon's demo file, so this does nothing
where the demo company has none (``l10n_fr_account`` not installed).
"""

from datetime import timedelta

from odoo import Command, api, fields, models

CUSTOMERS = [
    # xml id, name, e-mail, language
    ("customer_durand", "Marie Durand", "marie.durand@example.com", "fr_FR"),
    (
        "customer_atelier",
        "Atelier Lefèvre",
        "compta@atelier-lefevre.example.com",
        "fr_FR",
    ),
    ("customer_smith", "John Smith", "john.smith@example.com", "en_US"),
    ("customer_no_email", "Boulangerie Petit", False, "fr_FR"),
]
ADDRESSES = {
    "customer_durand": ("12 rue des Lilas", "75020", "Paris"),
    "customer_atelier": ("3 quai de la Fosse", "44000", "Nantes"),
    "customer_smith": ("8 avenue Foch", "69006", "Lyon"),
    "customer_no_email": ("5 place du Marché", "35000", "Rennes"),
}
INVOICES = [
    # xml id, customer, what was sold, euros with taxes, what is special
    ("invoice_website", "customer_durand", "Website design", 1234.56, ""),
    ("invoice_training", "customer_atelier", "Training, two days", 1800.00, ""),
    ("invoice_support", "customer_smith", "Support, one quarter", 450.00, ""),
    ("invoice_hosting", "customer_durand", "Hosting, one year", 96.00, ""),
    ("invoice_smallest", "customer_atelier", "Domain name, first year", 1.00, ""),
    ("invoice_largest", "customer_smith", "Machine tool", 20_000.00, ""),
    ("invoice_draft", "customer_durand", "Maintenance", 240.00, "draft"),
    ("invoice_dollars", "customer_smith", "Consulting", 600.00, "dollars"),
    ("invoice_no_email", "customer_no_email", "Shop sign", 380.00, ""),
    ("invoice_too_small", "customer_atelier", "Spare screw", 0.50, ""),
    ("invoice_too_large", "customer_atelier", "Delivery van", 25_000.00, ""),
    ("invoice_two_dates", "customer_durand", "Renovation", 3000.00, "two dates"),
    ("invoice_paid", "customer_smith", "Workshop", 150.00, "paid"),
]


class ResCompany(models.Model):
    _inherit = "res.company"

    @api.model
    def _payplug_create_demo_data(self):
        """Create customers and invoices in the French demo company, once."""
        company = self.env.ref("base.demo_company_fr", raise_if_not_found=False)
        if not company or not company.chart_template:
            return
        self = self.with_company(company).with_context(tracking_disable=True)
        if self._payplug_demo_ref("invoice_website"):
            return
        for values in CUSTOMERS:
            self._payplug_create_demo_customer(*values)
        for values in INVOICES:
            self._payplug_create_demo_invoice(*values)

    def _payplug_demo_ref(self, name):
        return self.env.ref(f"payplug_paylink.{name}", raise_if_not_found=False)

    def _payplug_demo_record(self, name, record):
        """Give a demo record its xml id, so that it is created once."""
        self.env["ir.model.data"]._update_xmlids(
            [
                {
                    "xml_id": f"payplug_paylink.{name}",
                    "record": record,
                    "noupdate": True,
                }
            ]
        )
        return record

    def _payplug_create_demo_customer(self, xml_id, name, email, lang):
        street, postcode, city = ADDRESSES[xml_id]
        installed = dict(self.env["res.lang"].get_installed())
        customer = self.env["res.partner"].create(
            {
                "name": name,
                "email": email,
                "lang": lang if lang in installed else False,
                "street": street,
                "zip": postcode,
                "city": city,
                "country_id": self.env.ref("base.fr").id,
                "is_company": name in ("Atelier Lefèvre", "Boulangerie Petit"),
            }
        )
        return self._payplug_demo_record(xml_id, customer)

    def _payplug_create_demo_invoice(self, xml_id, customer, label, amount, special):
        today = fields.Date.context_today(self)
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self._payplug_demo_ref(customer).id,
                "invoice_user_id": self.env.ref("base.user_admin").id,
                "invoice_date": today - timedelta(days=3),
                "currency_id": self._payplug_demo_currency(special).id,
                "invoice_payment_term_id": self._payplug_demo_terms(special).id,
                "invoice_line_ids": [
                    Command.create(
                        {"name": label, "price_unit": amount, "tax_ids": False}
                    )
                ],
            }
        )
        if special != "draft":
            invoice.action_post()
        if special == "paid":
            self._payplug_pay_demo_invoice(invoice)
        return self._payplug_demo_record(xml_id, invoice)

    def _payplug_demo_currency(self, special):
        dollar, euro = self.env.ref("base.USD"), self.env.ref("base.EUR")
        if special != "dollars":
            return euro
        dollar.active = True
        return dollar

    def _payplug_demo_terms(self, special):
        if special != "two dates":
            return self.env.ref("account.account_payment_term_30days")
        return self.env["account.payment.term"].create(
            {
                "name": "Half now, half in two months",
                "line_ids": [
                    Command.create(
                        {"value": "percent", "value_amount": 50, "nb_days": days}
                    )
                    for days in (0, 60)
                ],
            }
        )

    def _payplug_pay_demo_invoice(self, invoice):
        self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=invoice.ids
        ).create({})._create_payments()

    def _payplug_demo_connect(self, test_key):
        """Connect this demo company to Payplug's test mode and book its payments.

        :param str test_key: secret key of the emulator, or of a real account
        """
        self.write(
            {
                "payplug_test_key": test_key,
                "payplug_mode": "test",
                "payplug_enabled": True,
                "payplug_book_test_payments": True,
            }
        )
