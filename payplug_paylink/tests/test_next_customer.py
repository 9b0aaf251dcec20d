"""An invoice that has become another customer's, after the first one had a link."""

from odoo import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import LINK_LOG, PayplugCommon
from .common_page import PageCommon


@tagged("post_install", "-at_install", "once")
class TestNextCustomer(PageCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner_b.write({"email": "b@example.com", "lang": "en_US"})

    def setUp(self):
        super().setUp()
        self.link = self._request(self.invoice)

    def _hand_over(self):
        """Reset the invoice, make it out to another customer, and confirm it."""
        for partial in self.invoice._get_all_reconciled_invoice_partials():
            self.invoice.js_remove_outstanding_partial(partial["partial_id"])
        self.invoice.button_draft()
        self.invoice.partner_id = self.partner_b
        self.invoice.invoice_payment_term_id = self.pay_terms_a
        self.invoice.action_post()
        self.env.flush_all()
        self.env.invalidate_all()

    def _pay_first(self):
        self.payplug.pay(self.link.payplug_id)
        self.link._sync()

    def _refund_first(self):
        self.payplug.refund(self.link.payplug_id, 123456)
        self.link._sync()

    def _assert_owes(self):
        """Check that the next customer is asked, and told nothing of the first one."""
        self.assertEqual(self.invoice._payplug_amount_due(), 1234.56)
        self.assertFalse(self.invoice.payplug_status)
        self._assert_knows_nothing("Amount due")
        for name in ("payplug_status", "payplug_amount_refunded"):
            self.assertFalse(self.invoice.read([name])[0][name], name)

    def _assert_knows_nothing(self, *words):
        shown = self._words(self.assertShows(*words))
        for word in ("refused", "being checked", "refunded", self.link.payplug_id):
            self.assertNotIn(word, shown)

    def test_refused_card_of_the_first_is_not_told(self):
        self.payplug.refuse(self.link.payplug_id, "insufficient_funds")
        self.link._sync()
        self._hand_over()
        self._assert_owes()

    def test_payment_of_the_first_that_is_being_checked_is_not_told(self):
        self._lie(payment_method={"type": "oney", "is_pending": True})
        self.link._sync()
        self._hand_over()
        self.assertEqual(self.invoice.payplug_status, "checking")
        self._assert_knows_nothing("can no longer be paid online: please contact us")

    @mute_logger(LINK_LOG)
    def test_money_of_the_first_that_waits_for_the_books_pays_nothing(self):
        self._let_books_refuse()
        self._pay_first()
        self.assertTrue(self.link.to_book)
        self._hand_over()
        self.assertEqual(self.link.status, "to_book")
        banners = str(self.invoice.with_user(self.biller).alerts)
        self.assertIn("could not be booked yet", banners)
        self._let_books_refuse(False)
        self._assert_owes()
        second = self._request(self.invoice)
        self.assertEqual(second.partner_id, self.partner_b)
        self.link._register_payment()
        self.assertEqual(self.link.account_payment_id.partner_id, self.partner_a)
        self.assertEqual(self.invoice.payplug_status, "created")
        self._assert_knows_nothing("Amount due")

    def test_refund_of_the_first_is_not_told(self):
        self._pay_first()
        self._hand_over()
        self._refund_first()
        self._assert_owes()
        second = self._request(self.invoice)
        self.payplug.pay(second.payplug_id)
        second._sync()
        self.assertEqual(self.invoice.payplug_status, "paid")
        self.assertFalse(self.invoice.payplug_amount_refunded)
        self._assert_knows_nothing("This invoice is paid", second.payplug_id)

    def test_receipt_after_a_payment_by_bank_is_not_that_of_the_first(self):
        self._pay_first()
        self._hand_over()
        self._refund_first()
        register = self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=self.invoice.ids
        )
        register.create({})._create_payments()
        self._assert_knows_nothing("This invoice is paid")

    def test_nobody_is_thanked_for_what_the_first_paid_late(self):
        self.company.payplug_thank_customer = True
        self._hand_over()
        before = self.invoice.message_ids
        self._pay_first()
        told = (self.invoice.message_ids - before).filtered("notification_ids")
        self.assertFalse(told.mapped("body"))
        self._assert_owes()

    def test_refund_of_the_first_asks_for_no_credit_note_of_the_next(self):
        self._pay_first()
        self.link.account_payment_id.action_draft()
        self.link.account_payment_id.action_cancel()
        self._hand_over()
        self._refund_first()
        self.assertTrue(self.link.refund_ids._open_debit())
        self.assertFalse(self.invoice._payplug_missing_credit())
        self.assertNotIn("credit note", str(self.invoice._get_alerts()))
        with self.assertUserError("no payment by Payplug link"):
            self.invoice.with_user(self.biller).action_payplug_prepare_credit_note()
        self.assertFalse(self.invoice.reversal_move_ids)
        [call] = self.invoice.activity_ids.filtered(lambda one: "credit" in one.summary)
        self.assertIn("another customer", call.note)

    def test_refund_of_the_first_opens_no_draft_of_a_credit_note_for_the_first(self):
        self._pay_first()
        draft = self.invoice._reverse_moves()
        self._hand_over()
        second = self._request(self.invoice)
        self.payplug.pay(second.payplug_id)
        second._sync()
        self.payplug.refund(second.payplug_id, 5000)
        second._sync()
        mine = self.invoice.with_user(self.biller)
        note = mine.action_payplug_prepare_credit_note()["res_id"]
        self.assertNotEqual(note, draft.id)

    def test_window_says_whose_money_of_an_earlier_customer_goes_back(self):
        self._pay_first()
        self._hand_over()
        window_id = self.invoice.action_payplug_refund()["res_id"]
        window = self.env["payplug.refund.by.card"].browse(window_id)
        told = f"{self.link.payplug_id} ({self.partner_a.display_name})"
        self.assertEqual(window.payment, told)
        model = self.env["ir.model"]._get_id("res.partner")
        hidden = {"name": "Hidden", "domain_force": [("id", "!=", self.partner_a.id)]}
        self.env["ir.rule"].sudo().create({**hidden, "model_id": model})
        self.env.invalidate_all()
        self.assertEqual(window.payment, self.link.payplug_id)

    def test_late_money_of_the_first_is_not_told_to_be_the_next_ones(self):
        self._hand_over()
        register = self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=self.invoice.ids
        )
        register.create({})._create_payments()
        self._pay_first()
        [call] = self.invoice.activity_ids
        self.assertIn("another customer", call.note)
        self.assertNotIn("in its place", call.note)

    def test_first_customer_again_has_paid_all_the_same(self):
        self._pay_first()
        self._hand_over()
        self._request(self.invoice)._cancel()
        self.assertNotEqual(self.invoice.payplug_link_id, self.link)
        self.invoice.button_draft()
        self.invoice.partner_id = self.partner_a
        self.invoice.invoice_payment_term_id = self.pay_terms_a
        self.invoice.action_post()
        self.assertEqual(self.invoice._payplug_amount_due(), 0)
        self.assertEqual(self.invoice.payplug_status, "paid")

    # === WHAT THE NEXT ONE PAYS === #

    def test_next_one_pays_though_the_firsts_link_has_expired_for_good(self):
        self.company.payplug_customer_renewal = False
        self.payplug.expire(self.link.payplug_id)
        self.link._sync()
        self._hand_over()
        self._assert_owes()
        answer = self._start()
        self.assertEqual(answer.headers["Location"], self.invoice.payplug_link_id.url)

    def test_link_of_the_first_that_cannot_be_followed_closes_the_page(self):
        """No other can be made before that one has ended."""
        with mute_logger(LINK_LOG):
            self.link._set_problem("mismatch")
        self._hand_over()
        self.assertEqual(self.invoice.payplug_status, "problem")
        self.assertNoButton(self.assertShows("please contact us"))

    def test_late_money_of_the_first_takes_no_place_from_the_next_ones(self):
        self._hand_over()
        second = self._request(self.invoice)
        self.assertEqual(self.link.state, "cancelled")
        self.payplug.alter(self.link.payplug_id, {"is_paid": True, "failure": None})
        self.link._sync()
        self.assertEqual(self.link.state, "paid")
        self.assertEqual(self.invoice.payplug_link_id, second)
        self.assertEqual(self.invoice.payplug_status, "created")
        self.payplug.pay(second.payplug_id)
        second._sync()
        self.assertEqual(self.invoice.payplug_status, "paid")

    def test_currency_that_was_changed_makes_it_another_invoice(self):
        self._pay_first()
        self.payplug.refund(self.link.payplug_id, 5000)
        self.link._sync()
        for partial in self.invoice._get_all_reconciled_invoice_partials():
            self.invoice.js_remove_outstanding_partial(partial["partial_id"])
        self.invoice.button_draft()
        self.invoice.currency_id = self.env.ref("base.USD")
        self.invoice.action_post()
        self.assertFalse(self.invoice.payplug_status)
        self.assertFalse(self.invoice.payplug_amount_refunded)
        self._assert_knows_nothing(self.invoice.name)


@tagged("post_install", "-at_install", "once")
class TestCustomersCompany(PageCommon):
    """The customer of a link is the company to which its contact belonged."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        new = {"is_company": True, "email": "firm@example.com", "lang": "en_US"}
        cls.firm, cls.other_firm = cls.env["res.partner"].create(
            [{"name": name, **new} for name in ("Alpha SA", "Bravo SAS")]
        )
        contact = {"email": "c@example.com", "lang": "en_US", "parent_id": cls.firm.id}
        cls.contact, cls.colleague = cls.env["res.partner"].create(
            [{"name": name, **contact} for name in ("Chloé", "Denis")]
        )
        cls.invoice = cls._create_payable_invoice(partner_id=cls.contact.id)

    def setUp(self):
        super().setUp()
        self.link = self._request(self.invoice)

    def _pay(self):
        self.payplug.pay(self.link.payplug_id)
        self.link._sync()

    def _make_out_to(self, partner):
        for partial in self.invoice._get_all_reconciled_invoice_partials():
            self.invoice.js_remove_outstanding_partial(partial["partial_id"])
        self.invoice.button_draft()
        self.invoice.partner_id = partner
        self.invoice.action_post()
        self.env.flush_all()
        self.env.invalidate_all()

    def test_money_is_the_companys_whatever_becomes_of_its_contact(self):
        self.contact.parent_id = self.other_firm
        self._pay()
        self.assertEqual(self.link.account_payment_id.partner_id, self.firm)
        self.assertEqual(self.invoice.payment_state, "paid")

    def test_contact_takes_no_money_along_to_another_company(self):
        self._pay()
        self.contact.parent_id = self.other_firm
        self._make_out_to(self.contact)
        self.assertEqual(self.invoice.commercial_partner_id, self.other_firm)
        self.assertEqual(self.invoice._payplug_amount_due(), 120)
        self.assertFalse(self.invoice.payplug_status)
        path = f"/payplug/return/{self.link.id}/"
        path += self.link._signature("return", self.link)
        self.assertEqual(self._open(path, allow_redirects=False).status_code, 404)

    def test_company_has_paid_though_its_contact_is_deleted(self):
        self._make_out_to(self.colleague)
        self.contact.unlink()
        self.env.invalidate_all()
        self._pay()
        self.assertEqual(self.link.account_payment_id.partner_id, self.firm)
        self.assertEqual(self.invoice._payplug_amount_due(), 0)
        self.assertEqual(self.invoice.payplug_status, "paid")

    def test_colleague_opens_the_same_page(self):
        path = self.invoice._payplug_page_path()
        self._make_out_to(self.colleague)
        self.assertShows("Amount due", path=path)

    def _make_out_to_person(self):
        person = self.partner_a.copy({"email": "p@example.com"})
        self.invoice = self._create_payable_invoice(partner_id=person.id)
        self.link = self._request(self.invoice)
        return person

    def test_person_who_becomes_a_contact_has_paid_all_the_same(self):
        person = self._make_out_to_person()
        person.parent_id = self.firm
        self._pay()
        self.assertEqual(self.link.account_payment_id.partner_id, self.firm)
        self.assertEqual(self.invoice.payplug_status, "paid")

    def test_person_who_leaves_the_company_again_has_paid_all_the_same(self):
        """Odoo leaves the invoice with the company: a wrong click, undone at once."""
        person = self._make_out_to_person()
        person.parent_id = self.firm
        person.parent_id = False
        self.env.flush_all()
        self.assertEqual(self.invoice.commercial_partner_id, self.firm)
        self._pay()
        self.assertEqual(self.invoice.payment_state, "paid")
        self.assertEqual(self.invoice.payplug_status, "paid")
        self.assertShows("This invoice is paid")

    def test_payment_by_hand_of_a_person_who_became_a_contact_is_taken_over(self):
        person = self._make_out_to_person()
        register = self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=self.invoice.ids
        )
        journal = self.company.payplug_journal_id
        by_hand = register.create({"journal_id": journal.id})._create_payments()
        person.parent_id = self.firm
        self._pay()
        self.assertEqual(self.link.account_payment_id, by_hand)

    def test_customer_of_the_books_that_a_user_writes_takes_no_money_along(self):
        self._pay()
        values = {"commercial_partner_id": self.other_firm.id}
        self.invoice.with_user(self.biller).sudo(False).write(values)
        self.assertEqual(self.link.payer_id, self.firm)


@tagged("post_install", "-at_install", "once")
class TestNextCompany(PayplugCommon):
    def test_invoice_with_links_moves_to_no_other_company(self):
        rival = self.setup_other_company(name="Rival SA")
        invoice = self._create_payable_invoice()
        self._request(invoice)
        invoice.button_draft()
        invoice.write({"name": False, "invoice_line_ids": [Command.clear()]})
        moving = {"journal_id": rival["default_journal_sale"].id}
        with self.assertUserError("has payment links of company_1_data"):
            invoice.write(moving)
        copied = invoice.copy()
        copied.write(moving)
        self.assertEqual(copied.company_id, rival["company"])
