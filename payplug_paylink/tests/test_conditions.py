"""R2: which invoices may be paid by a link, and what a refusal says."""

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import Form, tagged

from .common import PayplugCommon


@tagged("post_install", "-at_install", "once")
class TestConditions(PayplugCommon):
    def assertUnmet(self, invoice, *words):
        """Check that exactly one condition is unmet, and that it says all these words.

        :return: the sentence
        """
        unmet = invoice._payplug_unmet_conditions()
        self.assertEqual(len(unmet), 1, unmet)
        for word in words:
            self.assertIn(word, unmet[0].replace("\N{NO-BREAK SPACE}", " "))
        return unmet[0]

    def assertMet(self, invoice):
        self.assertEqual(invoice._payplug_unmet_conditions(), [])

    def test_posted_invoice_in_euros_meets_all_conditions(self):
        self.assertMet(self._create_payable_invoice())

    def test_draft_must_be_confirmed_first(self):
        draft = self._create_payable_invoice(post=False)
        self.assertUnmet(draft, "not validated (Draft)", "confirm it")

    def test_cancelled_invoice_is_refused(self):
        invoice = self._create_payable_invoice()
        invoice.button_draft()
        invoice.button_cancel()
        self.assertUnmet(invoice, "not validated (Cancelled)")

    def test_vendor_bill_is_refused_with_its_kind(self):
        bill = self._create_payable_invoice(move_type="in_invoice")
        self.assertUnmet(bill, "another document (Vendor Bill)", "select")

    def test_credit_note_is_refused_with_its_kind(self):
        credit_note = self._create_payable_invoice(move_type="out_refund")
        self.assertUnmet(credit_note, "Customer Credit Note")

    def test_invoice_in_dollars_is_refused(self):
        dollar = self.env.ref("base.USD")
        dollar.active = True
        invoice = self._create_payable_invoice(currency_id=dollar.id)
        self.assertUnmet(invoice, "the invoice is in USD", "in EUR")

    def test_company_in_dollars_is_refused(self):
        other = self.setup_other_company(name="Dollar Inc.")["company"]
        other.currency_id = self.env.ref("base.USD")
        invoice = self._create_payable_invoice(company_id=other.id, post=False)
        unmet = invoice._payplug_unmet_conditions()
        self.assertTrue(
            any("Dollar Inc. keeps its books in USD" in why for why in unmet), unmet
        )

    def test_switched_off_payplug_is_refused_with_the_way_to_the_settings(self):
        invoice = self._create_payable_invoice()
        self.company.payplug_enabled = False
        self.assertUnmet(invoice, "switched off for", "Settings ▸ Invoicing ▸ Payplug")

    def test_missing_key_of_the_mode_is_refused(self):
        invoice = self._create_payable_invoice()
        self.company.write({"payplug_mode": "live", "payplug_live_key": False})
        self.assertUnmet(invoice, "no live key", "Settings ▸ Invoicing ▸ Payplug")

    def test_journal_without_outstanding_account_is_not_connected(self):
        invoice = self._create_payable_invoice()
        line = self.company.payplug_journal_id._payplug_inbound_line()
        line.payment_account_id = False
        self.assertUnmet(invoice, "Payplug journal", "outstanding account")

    def test_contact_without_email_is_named(self):
        invoice = self._create_payable_invoice()
        self.partner_a.email = False
        self.assertUnmet(invoice, "Marie Durand has no e-mail address", "write one")

    def test_malformed_email_is_shown(self):
        invoice = self._create_payable_invoice()
        self.partner_a.email = "marie.durand"
        self.assertUnmet(invoice, "Marie Durand", "(marie.durand)")

    def test_email_that_belongs_to_somebody_else_or_nobody_is_not_valid(self):
        invoice = self._create_payable_invoice()
        for email in (
            "marie durand@example.com",
            "a@b",
            "a@@b.fr",
            "jean@example.com.",
            "marie durand@example.com, ok@example.com",
        ):
            with self.subTest(email=email):
                self.partner_a.email = email
                self.assertUnmet(invoice, "no valid e-mail", email)
        for email in (
            "marie@example.com",
            "Marie Durand <marie@example.com>",
            '"Durand, Marie" <marie@example.com>',
            "marie@example.com, paul@example.com",
            "marie@example.com; Paul <paul@example.com>",
        ):
            with self.subTest(email=email):
                self.partner_a.email = email
                self.assertMet(invoice)
                self.assertEqual(self.partner_a._payplug_email(), "marie@example.com")

    def test_email_of_the_invoiced_contact_counts_and_not_that_of_its_company(self):
        contact = self.env["res.partner"].create(
            {"name": "Paul", "parent_id": self.partner_a.id, "type": "invoice"}
        )
        invoice = self._create_payable_invoice(partner_id=contact.id)
        self.assertUnmet(invoice, "Paul has no e-mail")

    def test_paid_invoice_has_nothing_left_to_pay(self):
        invoice = self._create_payable_invoice()
        self._register_payment(invoice)
        self.assertUnmet(invoice, "Nothing is left to pay", "(Paid)")

    def test_invoice_whose_payment_is_on_the_way_is_not_asked_twice(self):
        """Odoo's Accounting app keeps the residual of an `in_payment` invoice."""
        self.patch(
            type(self.env["account.move"]),
            "_get_invoice_in_payment_state",
            lambda move: "in_payment",
        )
        invoice = self._create_payable_invoice()
        self._register_payment(invoice)
        self.assertEqual(invoice.payment_state, "in_payment")
        self.assertUnmet(invoice, "Nothing is left to pay")

    def test_partly_paid_invoice_is_judged_by_what_is_left(self):
        invoice = self._create_payable_invoice(20_500.00)
        self._register_payment(
            invoice, amount=20_499.50, payment_difference_handling="open"
        )
        self.assertUnmet(invoice, "The amount due is 0.50 €")

    def test_amounts_from_1_to_20000_euros_are_allowed_bounds_included(self):
        for amount, allowed in [
            (0.99, False),
            (1.00, True),
            (19.99, True),
            (20_000.00, True),
            (20_000.01, False),
        ]:
            with self.subTest(amount=amount):
                invoice = self._create_payable_invoice(amount)
                if allowed:
                    self.assertMet(invoice)
                else:
                    self.assertUnmet(
                        invoice, f"{amount:,.2f} €", "1.00 € to 20,000.00 €"
                    )

    def test_limits_of_the_account_narrow_the_common_ones(self):
        self.company.write({"payplug_min_cents": 30, "payplug_max_cents": 5000})
        self.assertMet(self._create_payable_invoice(50.00))
        self.assertUnmet(self._create_payable_invoice(50.01), "1.00 € to 50.00 €")
        self.assertUnmet(self._create_payable_invoice(0.99), "1.00 € to 50.00 €")

    def _create_invoice_of_two_halves(self):
        """Return an invoice of 1 January to be paid by halves, in 10 and in 40 days."""
        terms = self.env["account.payment.term"].create(
            {
                "name": "Half and half",
                "line_ids": [
                    Command.create(
                        {"value": "percent", "value_amount": 50, "nb_days": days}
                    )
                    for days in (10, 40)
                ],
            }
        )
        return self._create_payable_invoice(
            invoice_date="2026-01-01", invoice_payment_term_id=terms.id
        )

    def test_two_due_dates_are_both_shown(self):
        invoice = self._create_invoice_of_two_halves()
        self.assertUnmet(invoice, "2 due dates", "01/11/2026", "02/10/2026")

    def test_two_lines_due_on_the_same_date_count_as_one_due_date(self):
        invoice = self._create_invoice_of_two_halves()
        halves = invoice.line_ids.filtered("date_maturity")
        self.assertEqual(len(halves), 2)
        halves.date_maturity = "2026-02-10"  # allowed after posting, too
        self.assertEqual(len(invoice.line_ids.filtered("date_maturity")), 2)
        self.assertMet(invoice)

    def test_two_due_dates_of_which_one_is_settled_or_nothing_are_one(self):
        invoice = self._create_invoice_of_two_halves()
        payment = self._register_payment(
            invoice, amount=60, payment_difference_handling="open"
        )
        self.assertTrue(payment)
        self.assertMet(invoice)
        self.assertEqual(self._request(invoice).amount, 60)
        terms = self._create_invoice_of_two_halves().invoice_payment_term_id
        terms.line_ids[0].value_amount, terms.line_ids[1].value_amount = 0, 100
        for post in (True, False):
            with self.subTest(post=post):
                invoice = self._create_payable_invoice(
                    post=post, invoice_payment_term_id=terms.id
                )
                self.assertLess(len(invoice._payplug_facts().due_dates), 2)

    def test_draft_of_nothing_is_told_its_amount_as_well(self):
        draft = self._create_payable_invoice(0, post=False)
        with self.assertRaises(UserError) as refusal:
            draft.action_payplug_send_link()
        self.assertIn("The amount due is 0.00", refusal.exception.args[0])

    def test_cancelled_invoice_is_not_told_to_be_confirmed_as_it_is(self):
        draft = self._create_payable_invoice(post=False)
        draft.button_cancel()
        self.assertUnmet(draft, "(Cancelled)", "reset it to draft")

    def test_form_without_a_currency_works_as_without_the_addon(self):
        self.biller.group_ids += self.env.ref("base.group_multi_currency")
        for kind in ("out_invoice", "in_invoice"):
            with self.subTest(kind=kind):
                moves = self.env["account.move"].with_user(self.biller)
                form = Form(moves.with_context(default_move_type=kind))
                form.currency_id = self.env["res.currency"]
                form.currency_id = self.env.ref("base.EUR")
                form.partner_id = self.partner_a
                self.assertEqual(form.save().move_type, kind)

    def test_refusal_names_the_invoice_and_every_unmet_condition(self):
        self.partner_a.email = False
        draft = self._create_payable_invoice(25_000, post=False)
        with self.assertRaises(UserError) as refusal:
            draft.action_payplug_send_link()
        message = refusal.exception.args[0].replace("\N{NO-BREAK SPACE}", " ")
        self.assertIn("No payment link can be sent for Draft Invoice", message)
        self.assertEqual(message.count("•"), 3, message)
        for word in ("not validated", "no e-mail", "25,000.00 €"):
            self.assertIn(word, message)
        self.assertFalse(draft.payplug_link_id)
        self.assertFalse(self.payplug.calls)
