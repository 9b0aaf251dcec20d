"""Money that goes back from Odoo: once, with a reason where it does not."""

from datetime import timedelta
from unittest.mock import patch

from lxml import etree

from odoo import Command, fields
from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import mute_logger
from odoo.tools.safe_eval import safe_eval

from .common_refunds import (
    ANSWER_LOST,
    CREDIT_NOTE,
    REFUND_LOG,
    TO_BOOK,
    RefundCommon,
)


@tagged("post_install", "-at_install", "once")
class TestRefundByCard(RefundCommon):
    def test_refund_of_a_credit_note_goes_to_the_card_and_into_the_books(self):
        note = self._credit(50)
        window = self._open(note)
        self.assertRecordValues(
            window,
            [{"asked": 50, "allowed": 120, "amount": 50, "may_confirm": True}],
        )
        self.assertTrue(window.until)
        refund = self._refund(note, 30)
        self.assertRecordValues(
            refund,
            [
                {
                    "state": "done",
                    "origin": "odoo",
                    "amount": 30,
                    "credit_note_id": note.id,
                    "user_id": self.accountant.id,
                }
            ],
        )
        self.assertEqual(self._refunded_cents(), 3000)
        self.assertEqual(refund.account_payment_id.memo[:4], note.name[:4])
        self.assertIn(refund.payplug_id, refund.account_payment_id.memo)
        self.assertEqual(note.amount_residual, 20)
        self.assertEqual(self.link.amount_refunded, 30)
        self.assertEqual(self._balance(), 90)
        for move in (self.invoice, note):
            self.assertTrue(self._logged(move, "Refunded by card on"))
        self.assertIn("payplug_test_refund", note._get_alerts())
        metadata = self.payplug.store.payments[self.link.payplug_id].refunds[0][
            "metadata"
        ]
        self.assertEqual(metadata["refund_id"], str(refund.id))
        self.link._sync()
        self.assertEqual(self._refunds(), refund, "its own notification is no news")

    def test_window_shows_no_payment_that_an_onchange_brings_along(self):
        """Odoo makes a new record of a document in a dictionary, and checks none."""
        note = self._credit()
        rival = self.setup_other_company(name="Rival SA")["company"]
        stranger = self._create_user("stranger", "account.group_account_invoice")
        companies = {"company_ids": [Command.set(rival.ids)], "company_id": rival.id}
        stranger.sudo().write(companies)
        self.env.flush_all()
        self.env.invalidate_all()
        windows = self.env["payplug.refund.by.card"].with_user(stranger).sudo(False)
        windows = windows.with_context(allowed_company_ids=rival.ids)
        shown = {"payment": {}, "asked": {}, "allowed": {}}
        with self.assertRaises(AccessError):
            windows.onchange({"move_id": {"id": note.id}}, ["move_id"], shown)

    def _move_to_other_company(self, invoice):
        """Reset an invoice, and confirm it in another company; return it."""
        other = self.setup_other_company(name="Rival SA")
        invoice = invoice.sudo()
        invoice.button_draft()
        invoice.name = "/"
        invoice.invoice_line_ids.unlink()
        invoice.journal_id = other["default_journal_sale"]
        line = {"name": "Service", "price_unit": 10, "tax_ids": False}
        invoice.invoice_line_ids = [Command.create(line)]
        invoice.action_post()
        self.assertEqual(invoice.company_id, other["company"])
        return invoice

    def test_money_of_the_company_from_which_a_credit_note_came_is_not_refunded(self):
        invoice = self._move_to_other_company(self._credit())
        self.assertFalse(invoice.payplug_can_refund)
        with self.assertUserError("no payment by Payplug link"):
            invoice.action_payplug_refund()
        self.assertEqual(self._refunded_cents(), 0)

    def test_refunds_of_the_company_from_which_a_credit_note_came_are_left_to_it(self):
        self._refund_in_portal(5000)
        self._refund_in_portal(3000)
        lost, kept = self._refunds()
        self._lose_refund(lost, "deleted")
        invoice = self._move_to_other_company(self._credit())
        self.assertTrue(lost._is_missing_in_books() and kept._open_debit())
        invoice.action_payplug_book_again()
        self.assertFalse(lost.account_payment_id)
        with self.assertUserError("no payment by Payplug link"):
            invoice.action_payplug_prepare_credit_note()

    def test_rest_of_the_credit_note_is_offered_and_no_more(self):
        note = self._credit()
        self._refund(note, 100)
        window = self._open(note)
        self.assertEqual((window.asked, window.allowed, window.amount), (20, 20, 20))
        window.amount = 20.01
        with self.assertUserError(r"20\.00\xa0?.*is left to refund"):
            window.action_confirm()
        window.amount = 20
        window.action_confirm()
        self._run_refund_cron(wait=False)
        self.assertEqual(self._refunded_cents(), 12000)
        self.assertFalse(note.payplug_can_refund)
        with self.assertUserError("no payment by Payplug link"):
            note.action_payplug_refund()
        self.assertEqual(note.payment_state, "paid")

    def test_what_cannot_go_back_is_told_in_french(self):
        self.accountant.lang = "fr_FR"
        note = self._credit(50)
        action = note.with_user(self.accountant).action_payplug_refund()
        windows = self.env[action["res_model"]].with_user(self.accountant)
        window = windows.with_context(lang="fr_FR").browse(action["res_id"])
        arch = window.get_view()["arch"]
        for words in ("Un remboursement est définitif", "conserve ses frais", "solde"):
            self.assertIn(words, arch)
        now = fields.Datetime.now()
        day = timedelta(days=1)
        payment = self.link.payplug_id
        for values, amount, words in (
            ({}, 0.09, r"au moins 0,10\xa0€"),
            ({}, 50.01, r"50,00\xa0€ à rendre"),
            ({"refundable_after": now + day}, 50, f"{payment} qu'à partir du"),
            ({"refundable_until": now - day}, 50, "virement"),
            ({"is_live": True}, 50, "clé Payplug du mode réel"),
        ):
            with self.subTest(words), self.cr.savepoint() as undo:
                self.link.write(values)
                self.env.flush_all()
                self.env.invalidate_all()
                window.amount = amount
                with self.assertUserError(words):
                    window.action_confirm()
                undo.rollback()
                self.env.invalidate_all()

    def test_surplus_of_a_payment_on_account_can_be_refunded(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self._pay_partly(invoice, 20)
        self._pay(link)
        self.assertTrue(invoice.payplug_can_refund)
        window = self._open(invoice)
        self.assertEqual((window.asked, window.allowed), (20, 120))
        self.assertNotIn("is to confirm it", str(invoice._get_alerts()))
        self._open(invoice, self.biller).action_ask()
        self.env.invalidate_all()
        self.assertIn(f"{self.biller.name} asks to refund", str(invoice._get_alerts()))
        refund = self._refund(invoice)
        self.assertEqual(refund.amount, 20)
        self.assertFalse(refund._open_debit())
        self.assertEqual(link._open_credit(), 0)
        self.assertFalse(invoice.payplug_can_refund)
        self.assertFalse(invoice.activity_ids, "“Paid twice: refund?” is answered")

    def test_what_the_emulated_account_refuses_is_told_and_can_be_tried_again(self):
        note = self._credit(50)
        self.account.balance_cents = 1000
        refund = self._refund(note)
        self.assertEqual(refund.state, "refused")
        self.assertIn("balance of your account is too low", refund.failure_reason)
        self.assertEqual(self._refunded_cents(), 0)
        banner = note._get_alerts()[f"payplug_refund_{refund.id}"]
        self.assertIn("too low", banner["message"])
        self.account.balance_cents = 6000
        refund.with_user(self.accountant).action_retry()
        self._run_refund_cron(wait=False)
        self.assertEqual(refund.state, "done")
        self.assertEqual(self._refunded_cents(), 5000)

    def test_error_object_in_a_success_is_left_to_people(self):
        """It may say, in words that nobody knows, that it is only recorded."""
        path = f"/v1/payments/{self.link.payplug_id}/refunds"
        self.payplug.fail("error", path=path, method="POST")
        refund = self._refund(self._credit(50))
        self._run_refund_cron()
        self.assertEqual(refund.state, "unknown")
        self.assertEqual(self._activities(self.invoice), [ANSWER_LOST])
        self.assertEqual(self._posts(), 1)

    def test_refund_that_is_only_recorded_is_shown_and_followed_to_its_end(self):
        self.account.refunds_by_hand = True
        note = self._credit(50)
        refund = self._refund(note)
        self.assertEqual(refund.state, "recorded")
        self.assertIn("processes it by hand", self._banner(note, refund))
        self.assertEqual(note.payplug_refund_state, "under_way")
        self.assertFalse(note.payplug_can_refund, "it is on its way")
        self._run_refund_cron()
        self.assertEqual(self._posts(), 1)
        self.payplug.process_refunds(self.link.payplug_id)
        self.link._sync()
        self.assertEqual(self._refunds(), refund)
        self.assertRecordValues(refund, [{"state": "done", "to_book": False}])
        self.assertEqual(note.payment_state, "paid")

    def _banner(self, move, refund):
        return move._get_alerts()[f"payplug_refund_{refund.id}"]["message"]

    def test_lost_answer_never_refunds_twice(self):
        path = f"/v1/payments/{self.link.payplug_id}/refunds"
        for kind in ("drop", "bad_utf8", "empty", "null"):
            with self.subTest(kind=kind):
                before = self._refunded_cents()
                note = self._credit(10)
                self.payplug.fail(kind, path=path, method="POST")
                refund = self._refund(note)
                self.assertEqual(refund.state, "unknown")
                self.assertIn("never refunds twice", self._banner(note, refund))
                self._run_refund_cron(wait=False)
                self.assertEqual(refund.state, "unknown", "it may still be at it")
                self._run_refund_cron()
                self.assertEqual(refund.state, "done")
                self.assertEqual(self._refunded_cents(), before + 1000)
                self.assertEqual(note.payment_state, "paid")

    def test_answer_that_is_lost_before_anything_is_done_is_left_to_people(self):
        path = f"/v1/payments/{self.link.payplug_id}/refunds"
        self.payplug.fail(500, path=path, method="POST")
        note = self._credit(50)
        refund = self._refund(note)
        self.assertEqual(refund.state, "unknown")
        for _each in range(3):
            self._run_refund_cron()
            self.assertEqual(refund.state, "unknown")
            self.assertEqual(self._activities(self.invoice), [ANSWER_LOST])
        self.assertEqual(self.invoice.activity_ids.user_id, self.link._refunder())
        self.assertIn("Give up", self._banner(note, refund))
        self.assertEqual(self._posts(), 1)
        refund.with_user(self.accountant).action_close()
        self.assertEqual(self._create_retry(refund).state, "done")
        self.assertFalse(self.invoice.activity_ids)
        self.assertEqual(self._refunded_cents(), 5000)

    def test_lost_answer_of_what_payplug_only_records_never_refunds_twice(self):
        """No list shows it: only a person may send it again."""
        self.account.refunds_by_hand = True
        path = f"/v1/payments/{self.link.payplug_id}/refunds"
        self.payplug.fail("drop", path=path, method="POST")
        refund = self._refund(self._credit(50))
        self._run_refund_cron()
        self._run_refund_cron()
        self.payplug.process_refunds(self.link.payplug_id)
        self._run_refund_cron()
        self.assertEqual(refund.state, "done")
        self.assertEqual(self._refunded_cents(), 5000)
        self.assertFalse(self.invoice.activity_ids)

    def test_lost_answer_without_our_mark_is_known_by_its_amount(self):
        path = f"/v1/payments/{self.link.payplug_id}/refunds"
        self.payplug.fail("drop", path=path, method="POST")
        note = self._credit()
        refund = self._refund(note, 30)
        self.payplug.store.payments[self.link.payplug_id].refunds[0]["metadata"] = None
        self._run_refund_cron()
        self.assertEqual(self._refunds(), refund)
        self.assertEqual(refund.state, "done")
        self.assertEqual(self._refunded_cents(), 3000)

    def test_metadata_that_comes_back_as_a_text_is_read(self):
        path = f"/v1/payments/{self.link.payplug_id}/refunds"
        self.payplug.fail("drop", path=path, method="POST")
        refund = self._refund(self._credit(50))
        body = self.payplug.store.payments[self.link.payplug_id].refunds[0]
        body["metadata"] = str(body["metadata"]).replace("'", '"')
        self._run_refund_cron()
        self.assertEqual(refund.state, "done")

    def test_list_that_cannot_be_read_sends_nothing(self):
        path = f"/v1/payments/{self.link.payplug_id}/refunds"
        self.payplug.fail("drop", path=path, method="POST")
        refund = self._refund(self._credit(50))
        for kind in ("null", "list", 500):
            self.payplug.fail(kind, path=path, method="GET")
            self._run_refund_cron()
            self.assertEqual(refund.state, "unknown")
        self.assertEqual(self._posts(), 1)
        self._run_refund_cron()
        self.assertEqual(refund.state, "done")

    def test_silent_payplug_leaves_the_refund_to_send(self):
        refund = self._ask(self._credit(50))
        self.payplug.go_down()
        self._run_refund_cron(wait=False)
        self.assertEqual(refund.state, "to_send")
        self.assertTrue(refund.retry_at)
        self.payplug.come_back()
        self._run_refund_cron()
        self.assertEqual(refund.state, "done")

    def test_window_of_dates_is_kept(self):
        note = self._credit(50)
        now = self.payplug.store.now()
        self.payplug.alter(self.link.payplug_id, {"refundable_after": now + 3600})
        with self.assertUserError("wait until then"):
            self._ask(note)
        past = {"refundable_after": now - 99, "refundable_until": now - 9}
        self.payplug.alter(self.link.payplug_id, past)
        with self.assertUserError("pay the customer back another way"):
            self._ask(note)
        self.assertEqual(self._posts(), 0)

    def test_less_than_ten_cents_and_more_than_the_credit_note_are_refused(self):
        note = self._credit(50)
        with self.assertUserError("0.10 € at least"):
            self._ask(note, 0.09)
        with self.assertUserError(r"leaves .*50\.00"):
            self._ask(note, 50.01)
        self._refund(note, 0.10)
        self.assertEqual(self._refunded_cents(), 10)

    def test_refund_is_judged_again_when_it_is_sent(self):
        note = self._credit()
        refund = self._ask(note)
        self.payplug.refund(self.link.payplug_id, 12000)  # at the same time, elsewhere
        self._run_refund_cron(wait=False)
        self.assertEqual(refund.state, "refused")
        self.assertIn("is left to refund", refund.failure_reason)
        self.assertEqual(self._refunded_cents(), 12000)
        self.assertEqual(note.payment_state, "paid", "by the refund of the portal")

    def test_key_that_is_gone_or_of_another_account_is_told(self):
        note = self._credit(50)
        refund = self._ask(note)
        key, self.company.payplug_test_key = self.company.payplug_test_key, False
        self._run_refund_cron(wait=False)
        self.assertEqual(refund.state, "refused")
        self.assertIn("has no test key", refund.failure_reason)
        self.company.payplug_test_key = self.payplug.add_account("Another").test_key
        again = self._create_retry(refund)
        self.assertIn("does not know", again.failure_reason)
        self.company.payplug_test_key = key
        self.assertEqual(self._create_retry(refund).state, "done")

    def test_refusal_ends_with_the_credit_note_that_it_was_for(self):
        note = self._credit(50)
        refund = self._ask(note)
        self.company.payplug_test_key = False
        self._run_refund_cron(wait=False)
        self.assertIn("has no test key", self._banner(note, refund))
        note.button_draft()
        note.button_cancel()
        self.assertNotIn(f"payplug_refund_{refund.id}", self.invoice._get_alerts())
        self._run_refund_cron()
        self.assertFalse(self.invoice.activity_ids)

    def _create_retry(self, refund):
        refund.with_user(self.accountant).action_retry()
        self._run_refund_cron(wait=False)
        return refund

    def test_key_that_is_gone_leaves_a_lost_answer_unknown(self):
        path = f"/v1/payments/{self.link.payplug_id}/refunds"
        self.payplug.fail("drop", path=path, method="POST")
        refund = self._refund(self._credit(50))
        key, self.company.payplug_test_key = self.company.payplug_test_key, False
        self._run_refund_cron()
        self.assertEqual(refund.state, "unknown")
        self.assertIn("has no test key", refund.failure_reason)
        self.company.payplug_test_key = key
        self._run_refund_cron()
        self.assertEqual(refund.state, "done")

    def test_lost_answer_calls_a_person_once_whatever_look_fails(self):
        """No key can look; then Payplug shows nothing; then it is silent."""
        posted = f"/v1/payments/{self.link.payplug_id}/refunds"
        self.payplug.fail(500, path=posted, method="POST")
        refund = self._refund(self._credit(50))
        self.assertFalse(self.invoice.activity_ids, "it may be found in a moment")
        key, self.company.payplug_test_key = self.company.payplug_test_key, False
        self._run_refund_cron()
        self.assertEqual(self._activities(self.invoice), [ANSWER_LOST])
        called = self.invoice.activity_ids
        self.assertGreater(refund.retry_at, fields.Datetime.now())
        with self.assertRaises(ZeroDivisionError), self.env.cr.savepoint():
            refund.with_user(self.accountant).action_close()
            self.assertEqual(refund.state, "refused", "who is called need not wait")
            raise ZeroDivisionError
        self.company.payplug_test_key = key
        self._run_refund_cron()
        self.assertIn("does not show this refund", refund.failure_reason)
        self.payplug.fail(500, path=f"/v1/payments/{self.link.payplug_id}")
        self._run_refund_cron()
        self.assertNotIn("does not show this refund", refund.failure_reason)
        self._run_refund_cron()
        self.assertEqual(self.invoice.activity_ids, called)

    def test_payplug_that_is_silent_for_an_hour_calls_a_person(self):
        path = f"/v1/payments/{self.link.payplug_id}"
        self.payplug.fail(500, path=f"{path}/refunds", method="POST")
        refund = self._refund(self._credit(50))
        for hours, calls in ((0, []), (1, [ANSWER_LOST]), (2, [ANSWER_LOST])):
            with self.subTest(hours=hours):
                refund.sudo().sent_at = fields.Datetime.now() - timedelta(hours=hours)
                self.payplug.fail(500, path=path)
                self._run_refund_cron()
                self.assertEqual(refund.state, "unknown")
                self.assertEqual(self._activities(self.invoice), calls)

    def test_refund_that_waits_for_an_hour_calls_a_person_once(self):
        """Payplug is silent before anything was sent, then it answers."""
        refund = self._ask(self._credit(50))
        self.payplug.fail(500, times=2, path=f"/v1/payments/{self.link.payplug_id}")
        query = "UPDATE payplug_refund SET create_date = create_date - %s"
        for calls in (0, 1):
            self._run_refund_cron()
            self.assertEqual(refund.state, "to_send")
            self.assertEqual(len(self.invoice.activity_ids), calls)
            self.env.cr.execute(query, [timedelta(hours=1)])
            self.env.invalidate_all()
        self.company.payplug_test_key = False
        self._run_refund_cron()
        self.assertEqual(refund.state, "refused")
        self.assertEqual(len(self.invoice.activity_ids), 1, "the refusal alone")

    def test_person_gives_up_what_no_key_can_look_for_any_more(self):
        path = f"/v1/payments/{self.link.payplug_id}/refunds"
        for key in (False, self.payplug.add_account("Another").test_key):
            with self.subTest(key=key):
                known = self.company.payplug_test_key
                self.payplug.fail(500, path=path, method="POST")
                refund = self._refund(self._credit(20))
                self._let_wait_end()
                self.company.payplug_test_key = key
                refund.with_user(self.accountant).action_close()
                self.assertEqual(refund.state, "refused")
                self.company.payplug_test_key = known

    def test_person_gives_up_what_did_not_go_and_not_what_did(self):
        path = f"/v1/payments/{self.link.payplug_id}/refunds"
        note = self._credit()
        for kind, state in ((500, "refused"), ("drop", "done")):
            self.payplug.fail(kind, path=path, method="POST")
            refund = self._refund(note, 30)
            self.assertEqual(refund.state, "unknown")
            self._let_wait_end()
            refund.with_user(self.accountant).action_close()
            self.assertEqual(refund.state, state)
        self.assertEqual(self._refunded_cents(), 3000)

    def test_nobody_gives_up_what_payplug_may_still_be_at(self):
        path = f"/v1/payments/{self.link.payplug_id}/refunds"
        self.payplug.fail(500, path=path, method="POST")
        refund = self._refund(self._credit(), 30)
        with self.assertUserError("may still be at it"):
            refund.with_user(self.accountant).action_close()
        self.assertEqual(refund.state, "unknown")

    def test_refund_that_was_given_up_and_comes_all_the_same_is_seen(self):
        self.account.refunds_by_hand = True
        refund = self._refund(self._credit(50))
        refund.with_user(self.accountant).action_close()
        self.assertEqual(refund.state, "refused")
        self.account.refunds_by_hand = False
        self.payplug.process_refunds(self.link.payplug_id)
        self.link._sync()
        self.assertEqual(self.link.amount_refunded, 50)
        self.assertEqual(self._refunds()[-1].state, "done")

    def test_second_refund_waits_for_the_first(self):
        note = self._credit()
        window = self._open(note)
        self._ask(note, 30)
        self.env.invalidate_all()  # another request
        with self.assertUserError("has changed since this window was opened"):
            window.action_confirm()
        with self.assertUserError("on its way"):
            self._ask(note, 30)
        self._run_refund_cron(wait=False)
        self.assertEqual(self._refunded_cents(), 3000)

    def test_billing_user_asks_and_an_accountant_confirms(self):
        note = self._credit(50)
        window = self._open(note, self.biller)
        self.assertFalse(window.may_confirm)
        self.assertFalse(window.request)
        self.assertEqual(window.payment, self.link.payplug_id)
        self.assertNotIn("asked for", str(note._get_alerts()))
        with self.assertUserError("needs the group"):
            window.action_confirm()
        window.amount = 40
        window.action_ask()
        activity = note.activity_ids
        self.assertTrue(activity.user_id.has_group("payplug_paylink.group_refund"))
        self.assertIn("40.00", activity.note)
        self.env.invalidate_all()
        told = f"{self.biller.name} asks to refund 40.00"
        self.assertIn(told, str(note._get_alerts()).replace("\xa0€", ""))
        self.assertIn("40.00", activity.summary)
        shown = self._open(note)
        self.assertEqual((shown.amount, shown.asked), (40, 50))
        self.assertIn(told, shown.request)
        refund = self._refund(note, 40)
        self.assertNotIn("is to confirm it", str(note._get_alerts()))
        with self.assertUserError("needs the group"):
            refund.with_user(self.biller).action_retry()

    def _told(self, user, note):
        """Return the subjects and texts of the notices to a user about a document."""
        found = (
            self.env["mail.message"]
            .sudo()
            .search([("model", "=", note._name), ("res_id", "=", note.id)])
        )
        notices = found.filtered(
            lambda one: (
                one.message_type == "user_notification"
                and user.partner_id in one.partner_ids
                and one.subject.startswith(("Your request", "Votre demande"))
            )
        )
        return [(one.subject, one.body) for one in notices]

    def test_who_asked_for_a_refund_is_told_in_own_language_what_became_of_it(self):
        note = self._credit(50)
        self.biller.lang = "fr_FR"
        window = self._open(note, self.biller)
        window.amount = 40
        window.action_ask()
        self.assertFalse(self._told(self.biller, note))
        refund = self._refund(note, 40)
        self.assertEqual(refund.asked_by_id, self.biller)
        [(subject, body)] = self._told(self.biller, note)
        self.assertIn("Votre demande de rembourser 40,00", subject)
        self.assertIn(refund.payplug_id, body)
        self._refund(note, 10)
        self.assertEqual(len(self._told(self.biller, note)), 1, "asked by nobody")

    def test_who_may_no_longer_bill_is_not_told_of_a_refund(self):
        note = self._credit(50)
        self._open(note, self.biller).action_ask()
        groups = self.env.ref("account.group_account_invoice")
        self.biller.sudo().group_ids -= groups
        self._refund(note, 50)
        self.assertFalse(self._told(self.biller, note))

    def test_who_asked_for_a_refund_is_told_that_payplug_refused_it(self):
        note = self._credit(50)
        self._open(note, self.biller).action_ask()
        self.account.balance_cents = 0
        refund = self._refund(note, 50)
        self.assertEqual(refund.state, "refused")
        [(_subject, body)] = self._told(self.biller, note)
        self.assertIn("was not refunded", body)
        self.assertIn("balance", body)

    def test_who_confirmed_a_refund_is_called_when_payplug_refuses_it(self):
        note = self._credit(50)
        self.account.balance_cents = 0
        refund = self._refund(note, 50)
        self.assertEqual(refund.activity_id.user_id, self.accountant)

    def test_refused_refund_that_another_one_followed_is_not_tried_again(self):
        note = self._credit(50)
        self.account.balance_cents = 0
        refund = self._refund(note, 50)
        self.assertFalse(refund.is_superseded)
        self.account.balance_cents = None
        self._refund(note, 50)
        self.assertTrue(refund.is_superseded)

    def test_amount_over_both_limits_is_told_the_smaller_one(self):
        note = self._credit(50)
        window = self._open(note)
        window.amount = 10_000
        with self.assertUserError(f"{note.name} leaves 50.00"):
            window.action_confirm()

    def test_number_or_customer_typed_into_the_search_of_refunds_finds_them(self):
        note = self._credit(50)
        refund = self._refund(note, 50)
        refunds = self.env["payplug.refund"].with_user(self.accountant).sudo(False)
        arch = refunds.get_view(view_type="search")["arch"]
        field = etree.fromstring(arch).find(".//field")  # that of Enter
        typed = (note.name, self.invoice.name, refund.payplug_id, note.partner_id.name)
        for text in typed:
            domain = safe_eval(field.get("filter_domain"), {"self": text})
            with self.subTest(text=text):
                self.assertIn(refund, refunds.search(domain))

    def test_who_asks_again_has_changed_the_amount(self):
        note = self._credit(50)
        for amount in (50, 30):
            window = self._open(note, self.biller)
            window.amount = amount
            window.action_ask()
        self.assertEqual(len(note.activity_ids), 1)
        shown = self._open(note)
        self.assertEqual(shown.amount, 30)
        self._refund_in_portal(3500)
        self.assertEqual(self._open(note).amount, 15, "no more than is left")

    def test_refund_is_asked_for_whatever_the_context_of_the_request(self):
        note = self._credit(50)
        window = self._open(note, self.biller)
        window.with_context(mail_activity_automation_skip=True).action_ask()
        self.assertEqual(self.link.asking_activity_ids, note.activity_ids)
        self.assertTrue(note.activity_ids)

    def test_amount_that_nobody_could_confirm_is_not_asked_for(self):
        note = self._credit(50)
        window = self._open(note, self.biller)
        for amount, words in ((-5, "at least"), (0.09, "at least"), (51, "leaves")):
            window.amount = amount
            with self.assertUserError(words):
                window.action_ask()
        self.assertFalse(note.activity_ids)

    def test_activity_that_asks_for_a_refund_is_done_when_it_is_confirmed(self):
        note, other = self._credit(50), self._credit(20)
        for document in (note, other):
            self._open(document, self.biller).action_ask()
        self._refund(note, 40)
        self.env.invalidate_all()
        self.assertFalse(note.activity_ids)
        self.assertEqual(len(other.activity_ids), 1, "nobody has answered this one")

    def test_activity_that_was_moved_to_another_record_keeps_no_refund_unbooked(self):
        """Who has an activity may have it name another record, of any model."""
        note = self._credit(50)
        self._open(note, self.biller).action_ask()
        partners, moves = self.env["res.partner"], self.env["account.move"]
        partner = partners.create({"name": "x"})
        while moves.browse(partner.id).exists():  # the two count for themselves
            partner = partners.create({"name": "x"})
        activity = note.activity_ids
        values = {"res_model_id": self.env["ir.model"]._get_id(partner._name)}
        activity.with_user(self.biller).sudo(False).write(
            {**values, "res_id": partner.id}
        )
        self.env.flush_all()
        self.env.invalidate_all()
        refund = self._refund(note, 40)
        self.assertTrue(refund.is_booked)
        self.assertTrue(activity.exists().active, "it is no longer of this refund")
        other = self._credit(20)
        other.button_draft()
        other.with_user(self.accountant).button_cancel()

    def test_activity_that_asks_for_a_refund_goes_with_what_it_is_for(self):
        note, other = self._credit(50), self._credit(20)
        for document in (note, other):
            self._open(document, self.biller).action_ask()
        self._refund_in_portal(5000)
        self.assertFalse(note.activity_ids, "it was refunded in the portal")
        self.assertTrue(other.activity_ids)
        other.with_user(self.biller).button_cancel()
        self.assertFalse(other.activity_ids)

    def test_accountants_may_confirm_by_default(self):
        manager = self._create_user("boss", "account.group_account_manager")
        self.assertTrue(manager.has_group("payplug_paylink.group_refund"))
        self.assertFalse(self.biller.has_group("payplug_paylink.group_refund"))

    def test_window_of_another_companys_credit_note_is_refused(self):
        note = self._credit(50)
        rival = self.env["res.company"].create({"name": "Rival SA"})
        stranger = self._create_user(
            "stranger", "account.group_account_invoice,payplug_paylink.group_refund"
        )
        stranger.write({"company_ids": rival.ids, "company_id": rival.id})
        windows = self.env["payplug.refund.by.card"].with_user(stranger)
        with self.assertRaises(AccessError):
            windows.create({"move_id": note.id}).action_confirm()

    def test_window_that_is_filled_by_hand_shows_nothing_of_another_company(self):
        """Odoo computes stored fields in sudo, and caches what they have read."""
        note = self._credit()
        stranger = self._create_stranger()
        windows = self.env["payplug.refund.by.card"].with_user(stranger).sudo(False)
        shown = {"amount": {}, "seen": {}, "payment": {}, "allowed": {}}
        for name in ("amount", "seen"):
            self.env.invalidate_all()
            with self.subTest(name=name), self.assertRaises(AccessError):
                spec = {name: {}, **shown}
                windows.onchange({"move_id": note.id}, ["move_id"], spec)
        with self.assertRaises(AccessError):
            windows.create({"move_id": note.id}).read(["amount"])

    def _create_stranger(self):
        """Return a user who may refund, in another company alone."""
        groups = "account.group_account_invoice,payplug_paylink.group_refund"
        stranger = self._create_user("stranger", groups)
        rival = self.env["res.company"].create({"name": "Rival SA"})
        companies = {"company_ids": rival.ids, "company_id": rival.id}
        stranger.sudo().write(companies)
        self.env.flush_all()
        self.env.invalidate_all()
        return stranger

    def test_credit_note_of_another_customer_gives_nothing_back_to_this_card(self):
        """A person may change the customer of a draft that reverses an invoice."""
        note = self._reverse_invoice(self.invoice)
        note.partner_id = self.partner_b
        note.action_post()
        self.assertEqual(note.reversed_entry_id, self.invoice)
        with self.assertUserError("has no payment by Payplug link"):
            self._open(note)
        self._refund_in_portal()
        self.assertFalse(self._refunds().credit_note_id)
        self.assertEqual(note.payment_state, "not_paid")

    def test_invoice_that_was_not_paid_by_a_link_offers_no_refund(self):
        invoice = self._create_payable_invoice()
        self._register_payment(invoice)
        note = self._credit(invoice=invoice)
        self.assertFalse(note.payplug_can_refund)
        draft = self._reverse_invoice(self.invoice)
        self.assertFalse(draft.payplug_can_refund)

    def test_register_payment_says_that_it_sends_no_money(self):
        note = self._credit(50)
        action = note.with_user(self.biller).action_register_payment()
        windows = self.env["account.payment.register"].with_user(self.biller)
        window = windows.with_context(**action["context"]).create(
            {"journal_id": self.company.payplug_journal_id.id}
        )
        told = window.actionable_errors
        self.assertIn("sends no money", told["payplug_refund"]["message"])
        self.assertEqual(told["payplug_refund"]["action"]["type"], "ir.actions.server")
        self.assertEqual(
            told["payplug_refund_portal"]["action"]["type"], "ir.actions.act_url"
        )
        window.journal_id = self.company_data["default_journal_bank"]
        self.assertNotIn("payplug_refund", window.actionable_errors or {})

    def test_refund_is_dated_as_payplug_dates_it(self):
        note = self._credit(50)
        refund = self._ask(note)
        self.payplug.advance(days=3)
        self._run_refund_cron(wait=False)
        day = fields.Date.today() + timedelta(days=3)
        self.assertLessEqual(abs(refund.account_payment_id.date - day), timedelta(1))

    def test_copy_of_the_database_does_not_send_what_waits_in_the_original(self):
        refund = self._ask(self._credit(50))
        self.env["ir.config_parameter"].set_param("database.uuid", "another copy")
        self._run_refund_cron(wait=False)
        self.assertEqual(refund.state, "refused")
        self.assertIn("another copy of this database", refund.failure_reason)
        self.assertEqual(self._posts(), 0)
        self.assertEqual(self._create_retry(refund).state, "done", "by a person's word")


@tagged("post_install", "-at_install", "once")
class TestRefundedOnce(RefundCommon):
    """What was given back is not given back again, whatever became of the books."""

    def test_refund_whose_payment_is_lost_is_not_sent_again_and_is_told(self):
        for how in ("deleted", "cancelled", "draft"):
            with self.subTest(how=how):
                note = self._credit(20)
                refund = self._refund(note)
                self._lose_refund(refund, how)
                self._assert_refunds_no_more(note)
                for move in (self.invoice, note):
                    alert = move._get_alerts()["payplug_refund_missing"]
                    self.assertIn("20.00", alert["message"])
                action = self.env["ir.actions.server"].browse(alert["action"]["id"])
                context = alert["action"]["context"]
                action.with_user(self.biller).with_context(**context).run()
                self.env.invalidate_all()
                self.assertEqual(note.payment_state, "paid")
                self.assertNotIn("payplug_refund_missing", note._get_alerts())
        self.assertEqual(self._refunded_cents(), 6000)
        self.assertEqual(self._balance(), 60)

    def test_lost_payment_that_is_registered_by_hand_is_taken_over(self):
        note = self._credit(50)
        refund = self._refund(note)
        self._lose_refund(refund, "deleted")
        by_hand = self._register_by_hand(note)
        note.action_payplug_book_again()
        self.assertEqual(refund.account_payment_id, by_hand)
        self.assertEqual(self._balance(), 70)

    def _register_by_hand(self, note):
        """Register a payment in the Payplug journal, later than what was done before.

        A test's transaction has one moment of creation for all.
        """
        journal = self.company.payplug_journal_id
        payment = self._register_payment(note, journal_id=journal.id)
        self.env.flush_all()
        query = "UPDATE account_payment SET create_date = %s WHERE id = %s"
        self.env.cr.execute(query, [fields.Datetime.now(), payment.id])
        self.env.invalidate_all()
        return payment

    def test_refund_registered_by_hand_while_it_waits_is_not_booked_again(self):
        note = self._credit(50)
        self._let_books_refuse_refunds()
        with self.assertLogs(REFUND_LOG, "WARNING"):
            refund = self._refund(note)
        self._let_books_refuse_refunds(False)
        by_hand = self._register_by_hand(note)
        self._run_refund_cron()
        self.assertEqual(refund.account_payment_id, by_hand)
        self.assertEqual(self._balance(), 70)

    def test_payment_by_hand_before_the_refund_is_not_taken_for_it(self):
        note = self._credit(60)
        journal = self.company.payplug_journal_id
        self._register_payment(
            note, journal_id=journal.id, amount=30, payment_difference_handling="open"
        )
        refund = self._refund(note)
        self.assertEqual(refund.amount, 30)
        self.assertEqual(self._balance(), 60, "both are in the books")

    def test_credit_note_cancelled_while_the_answer_is_awaited(self):
        """What went is booked and calls for a credit note; what did not go stays."""
        path = f"/v1/payments/{self.link.payplug_id}/refunds"
        for fault, state in ((500, "refused"), ("drop", "done")):
            with self.subTest(fault=fault):
                self.payplug.fail(fault, path=path, method="POST")
                note = self._credit(50)
                refund = self._refund(note)
                note.button_draft()
                note.button_cancel()
                self._run_refund_cron()
                if refund.state == "unknown":
                    refund.with_user(self.accountant).action_close()
                self.assertEqual(refund.state, state)
                self.assertEqual(bool(refund.account_payment_id), state == "done")
        self.assertEqual(self._refunded_cents(), 5000)
        self.assertEqual(self._credit(50).payment_state, "paid")

    def test_refund_taken_off_its_credit_note_is_not_sent_again(self):
        note = self._credit(50)
        self._refund(note)
        note.line_ids.remove_move_reconcile()
        self._assert_refunds_no_more(note)

    def test_new_credit_note_in_place_of_a_cancelled_one_is_settled(self):
        old = self._credit(50)
        refund = self._refund(old)
        old.button_draft()
        old.button_cancel()
        self.env.invalidate_all()
        self.assertIn("payplug_no_credit_note", self.invoice._get_alerts())
        note = self._credit(50)
        self.assertEqual(note.payment_state, "paid")
        self.assertEqual(refund.credit_note_id, note)
        self._assert_refunds_no_more(note)

    def test_new_credit_note_is_not_refunded_again_if_the_payment_is_lost_too(self):
        old = self._credit(50)
        self._lose_refund(self._refund(old), "deleted")
        old.button_cancel()
        self._assert_refunds_no_more(self._credit(50))

    def test_refund_of_a_trial_that_is_not_booked_is_not_sent_again(self):
        self.company.payplug_book_test_payments = False
        note = self._credit(50)
        first, second = self._open(note), self._open(note)  # in two tabs
        first.amount = second.amount = 30
        first.action_confirm()
        self._run_refund_cron(wait=False)
        self.env.invalidate_all()
        with self.assertUserError("has changed since this window was opened"):
            second.action_confirm()
        self.assertEqual(self._open(note).asked, 20)

    def test_credit_note_of_another_customer_is_not_refunded_to_this_card(self):
        note = self._reverse_invoice(self.invoice)
        note.partner_id = self.partner_b
        note.action_post()
        self._assert_refunds_no_more(note)

    def _prepared_note(self):
        """Return the credit note that Odoo offers for what no other one settles."""
        action = self.invoice.action_payplug_prepare_credit_note()
        note = self.env["account.move"].browse(action["res_id"])
        note.action_post()
        return note

    def test_rest_of_a_refund_settles_the_next_credit_note(self):
        note = self._credit(50)
        self._refund_in_portal(7000)
        self.assertEqual(self._refunds().credit_note_id, note)
        other = self._prepared_note()
        self.assertEqual(other.payment_state, "paid")
        self.assertNotIn(CREDIT_NOTE, self._activities(self.invoice))
        self._assert_refunds_no_more(other)

    def _redo(self, entry):
        """Reset, cancel and confirm a payment or an entry again."""
        document = entry.origin_payment_id or entry
        for name in ("action_draft", "action_cancel", "action_draft", "action_post"):
            act = getattr(document, name, None)
            act = act or getattr(document, name.replace("action", "button"))
            act()

    def test_payment_of_a_refund_that_is_restored_settles_its_credit_note_again(self):
        note = self._credit(50)
        payment = self._refund(note).account_payment_id
        self._redo(payment.move_id)
        self.env.invalidate_all()
        self.assertEqual(note.payment_state, "paid")
        payment.action_draft()
        payment.amount = 30
        payment.action_post()
        payment.action_draft()
        payment.amount = 50
        payment.action_post()
        self._assert_refunds_no_more(note)
        self.assertEqual(note.payment_state, "paid")
        self.assertFalse(self.invoice._payplug_missing_credit())

    def test_credit_note_that_is_open_is_settled_before_another_one_is_made(self):
        for how in ("unreconciled", "reversal taken back"):
            with self.subTest(how):
                note = self._credit(20)
                entry = self._refund(note).account_payment_id.move_id
                if how == "unreconciled":
                    note.line_ids.remove_move_reconcile()
                else:
                    self._reverse(entry)
                    entry.reversal_move_ids.button_draft()
                    entry.reversal_move_ids.button_cancel()
                self.env.invalidate_all()
                self.assertEqual(note.payment_state, "not_paid")
                alerts = self.invoice._get_alerts()
                self.assertIn("payplug_no_credit_note", alerts)
                action = self.invoice.action_payplug_prepare_credit_note()
                self.assertEqual(action["res_id"], note.id)
                self._assert_refunds_no_more(note)
                self.assertEqual(note.payment_state, "paid")
        self.assertEqual(len(self.invoice.reversal_move_ids), 2)

    def test_reversal_that_is_reversed_loses_nothing(self):
        note = self._credit(50)
        entry = self._refund(note).account_payment_id.move_id
        reversal = entry._reverse_moves(cancel=True)
        self.assertIn("payplug_refund_missing", note._get_alerts())
        reversal._reverse_moves(cancel=True)
        self.env.invalidate_all()
        self.assertNotIn("payplug_refund_missing", note._get_alerts())
        self._assert_refunds_no_more(note)

    def test_what_the_invoice_still_asks_is_not_given_back(self):
        note = self._credit(50)
        self._refund(note)
        paid = self._receivable(self.link.account_payment_id.move_id)
        paid.remove_move_reconcile()
        self.assertEqual(self.invoice.amount_residual, 120)
        self._assert_refunds_no_more(self.invoice)

    def test_credit_note_that_was_taken_off_its_open_invoice_is_not_given_back(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        note = self._credit(50, invoice)
        (self._receivable(note) | self._receivable(invoice)).reconcile()
        self._pay(link)
        self._refund(invoice)
        self.assertEqual(self._refunded_cents(link), 5000)
        note.line_ids.remove_move_reconcile()
        self.assertEqual(invoice.amount_residual, 50)
        self._assert_refunds_no_more(note)

    def test_credit_note_that_was_lowered_after_its_refund_leaves_no_more(self):
        note = self._credit(50)
        self._refund(note)
        note.button_draft()
        note.invoice_line_ids.price_unit = 30
        note.action_post()
        self._assert_refunds_no_more(self._prepared_note())

    def test_credit_note_that_was_lowered_while_its_answer_is_awaited_leaves_no_more(
        self,
    ):
        note = self._credit(50)
        path = f"/v1/payments/{self.link.payplug_id}/refunds"
        self.payplug.fail("drop", path=path, method="POST")
        self._refund(note)
        note.button_draft()
        note.invoice_line_ids.price_unit = 30
        note.action_post()
        self._assert_refunds_no_more(self._credit(20))

    def test_credit_note_that_was_used_elsewhere_after_its_refund_leaves_no_more(self):
        note = self._credit(50)
        self._refund(note)
        lines = self._receivable(note)
        lines.remove_move_reconcile()
        (lines | self._receivable(self._create_payable_invoice(50))).reconcile()
        self._assert_refunds_no_more(self._credit(50))

    def test_payment_of_a_refund_that_was_lowered_leaves_no_more(self):
        note = self._credit(50)
        payment = self._refund(note).account_payment_id
        payment.action_draft()
        payment.amount = 20
        payment.action_post()
        (self._receivable(payment.move_id) | self._receivable(note)).reconcile()
        self.assertEqual(note.amount_residual, 30)
        self._assert_refunds_no_more(note)

    def _receivable(self, moves):
        return moves.line_ids.filtered(
            lambda line: line.account_type == "asset_receivable"
        )

    def test_credit_note_that_is_being_paid_by_bank_is_not_refunded_by_card(self):
        """As the Accounting app has it: in payment, without an entry."""
        moves = type(self.env["account.move"])
        bank = self.company_data["default_journal_bank"]
        line = bank.outbound_payment_method_line_ids[:1]
        line.payment_account_id = False
        state = patch.object(
            moves, "_get_invoice_in_payment_state", lambda move: "in_payment"
        )
        with state:
            asked = self._ask(self._credit(20))
            by_bank = {"journal_id": bank.id, "payment_method_line_id": line.id}
            for note in (self._credit(50), asked.credit_note_id):
                self._register_payment(note, **by_bank)
                self.env.invalidate_all()
                self.assertEqual(note.payment_state, "in_payment")
                self.assertTrue(note.amount_residual)
                self.assertFalse(note.payplug_can_refund)
            self._run_refund_cron()
        self.assertEqual(asked.state, "refused")
        self.assertIn("leaves nothing to give back", asked.failure_reason)
        self.assertEqual(self._posts(), 0)

    def test_refund_whose_entry_is_reversed_is_not_sent_again_and_is_told(self):
        note = self._credit(50)
        entry = self._refund(note).account_payment_id.move_id
        self._reverse(entry)
        self.assertEqual(note.payment_state, "not_paid")
        self._assert_refunds_no_more(note)
        self.assertIn("payplug_refund_missing", note._get_alerts())
        note.action_payplug_book_again()
        self.env.invalidate_all()
        self.assertEqual(note.payment_state, "paid")
        self.assertNotIn("payplug_refund_missing", note._get_alerts())
        self.assertEqual(self._balance(), 70)

    def _reverse(self, entry):
        window = self.env["account.move.reversal"].with_context(
            active_model="account.move", active_ids=entry.ids
        )
        window.create({"journal_id": entry.journal_id.id}).refund_moves()
        self.env.invalidate_all()

    def test_refund_payment_that_became_a_suppliers_leaves_no_more(self):
        note = self._credit(50)
        payment = self._refund(note).account_payment_id
        payment.action_draft()
        payment.partner_type = "supplier"
        payment.action_post()
        self._assert_refunds_no_more(note)
        self.assertIn("Correct its payment", self._changed(note))

    def test_refund_payment_of_another_amount_is_told(self):
        note = self._credit(50)
        payment = self._refund(note).account_payment_id
        self.assertNotIn("Correct its payment", self._changed(note))
        for amount in (20, 120):
            payment.action_draft()
            payment.amount = amount
            payment.action_post()
            for move in (note, self.invoice):
                self.assertIn(f"{amount}.00", self._changed(move))

    def _changed(self, move):
        self.env.invalidate_all()
        alerts = move._get_alerts().items()
        return " ".join(one["message"] for name, one in alerts if "changed_" in name)

    def test_refund_that_is_booked_otherwise_bars_no_other(self):
        note = self._credit(50)
        refund = self._refund(note)
        self._lose_refund(refund, "deleted")
        self._register_payment(note)
        other = self._credit(30)
        self.assertFalse(other.payplug_can_refund)
        self.assertTrue(refund.is_missing)
        with self.assertUserError("needs the group"):
            refund.with_user(self.biller).action_settled_otherwise()
        refund.with_user(self.accountant).action_settled_otherwise()
        self.env.invalidate_all()
        self.assertNotIn("payplug_refund_missing", note._get_alerts())
        self._refund(other)
        self.assertEqual(self._refunded_cents(), 8000)
        self._assert_refunds_no_more(note)

    def test_refunds_of_two_customers_of_one_invoice_do_not_mix(self):
        """The first link was paid late, when the invoice was another customer's."""
        invoice = self._create_payable_invoice()
        late = self._request(invoice)
        late._cancel()
        invoice.button_draft()
        invoice.partner_id = self.partner_b
        invoice.action_post()
        link = self._request(invoice)
        self._pay(link)
        self._pay(late, late=True)
        self.assertEqual(late._open_credit(), 120)
        self._refund_in_portal(None, link)
        self.assertEqual(late._open_credit(), 120)
        refund = self._refund(invoice)
        self.assertEqual((refund.link_id, refund.amount), (late, 120))
        self.assertFalse(late._open_credit())

    def test_what_is_left_is_never_told_as_less_than_nothing(self):
        note = self._credit(50)
        refund = self._ask(note)
        note.button_draft()
        note.invoice_line_ids.price_unit = 20
        note.action_post()
        self._run_refund_cron()
        self.assertEqual(refund.state, "refused")
        self.assertIn("20.00", refund.failure_reason)

    def test_payment_that_has_settled_something_else_is_not_taken_over(self):
        self._let_books_refuse_refunds()
        with mute_logger(REFUND_LOG):
            self._refund_in_portal(4000)
        refund = self._refunds()
        self._let_books_refuse_refunds(refuse=False)
        journal = self.company.payplug_journal_id
        other = self._create_payable_invoice(1000, move_type="out_refund")
        payment = self._register_payment(other, journal_id=journal.id)
        payment.memo = f"deposit back {refund.payplug_id}"
        self.assertNotEqual(payment.amount, 40)
        self._assert_books_anew(refund, payment)

    def _assert_books_anew(self, refund, payment):
        self._run_refund_cron()
        self.assertTrue(refund.account_payment_id)
        self.assertNotEqual(refund.account_payment_id, payment)

    def test_credit_note_on_a_colleagues_invoice_refunds_nothing_of_it(self):
        """A user says of which invoice a credit note is, and may not see that one."""
        self.invoice.invoice_user_id = self.biller
        note = self._credit(50)
        rule = [
            "|",
            ("move_type", "!=", "out_invoice"),
            ("invoice_user_id", "=", self.accountant.id),
        ]
        self.env["ir.rule"].sudo().create(
            {
                "name": "own invoices",
                "model_id": self.env["ir.model"]._get_id("account.move"),
                "domain_force": str(rule),
            }
        )
        window = self.env["payplug.refund.by.card"].with_user(self.accountant)
        with self.assertRaises(AccessError):
            note.with_user(self.accountant).action_payplug_refund()
        with self.assertRaises(AccessError):
            window.sudo(False).create({"move_id": note.id}).action_confirm()
        self.assertFalse(self.link.sudo().refund_ids)

    def test_credit_note_that_became_another_customers_is_not_settled(self):
        note = self._credit(50)
        self._refund(note)
        note.button_draft()
        note.partner_id = self.partner_b
        note.action_post()
        self.assertEqual(note.payment_state, "not_paid")
        self.assertEqual(self.invoice._payplug_missing_credit(), 50)

    def test_surplus_beside_a_credit_note_is_not_given_back_by_what_was_lost(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self._pay_partly(invoice, 20)
        self._pay(link)
        self._credit(50, invoice)
        self._refund_in_portal(7000, link)
        self._lose_refund(link.refund_ids, "cancelled")
        self._assert_refunds_no_more(invoice)

    def _pay_twice(self):
        """Return an invoice, the link that paid it, and a withdrawn one paid late."""
        invoice = self._create_payable_invoice()
        late = self._request(invoice)
        late._cancel()
        link = self._request(invoice)
        self._pay(link)
        self._pay(late, late=True)
        return invoice, link, late

    def test_other_payment_of_the_invoice_is_looked_at_as_strictly(self):
        """It was refunded in the portal, and a list that lags, or a 404, hides that."""
        for fault in ("lag", 404):
            with self.subTest(fault=fault):
                invoice, link, late = self._pay_twice()
                target = invoice._payplug_refundable_link()
                other = (link | late) - target
                self.payplug.refund(other.payplug_id)
                payment = self.payplug.store.payments[other.payplug_id]
                listed = payment.refunds
                if fault == "lag":
                    payment.refunds = []
                else:
                    path = f"/v1/payments/{other.payplug_id}"
                    self.payplug.fail(fault, path=path)
                refund = self._refund(invoice)
                self.assertNotEqual(refund.state, "done")
                self.assertTrue(refund.failure_reason)
                self.assertEqual(self._refunded_cents(target), 0)
                payment.refunds = listed
                self._run_refund_cron()
                self.assertEqual(refund.state, "refused")
                self.assertEqual(self._refunded_cents(target), 0)

    def test_payment_by_hand_for_another_credit_note_is_taken_over(self):
        """Beside a refund of this amount that was booked otherwise."""
        note, other = self._credit(20), self._credit(20)
        lost = self._refund(note)
        self._lose_refund(lost, "deleted")
        lost.with_user(self.accountant).action_settled_otherwise()
        self._let_books_refuse_refunds()
        with self.assertLogs(REFUND_LOG, "WARNING"):
            refund = self._refund(other)
        self._let_books_refuse_refunds(False)
        payment = self._register_by_hand(other)
        self._run_refund_cron()
        self.assertEqual(refund.account_payment_id, payment)

    def test_money_back_for_a_credit_note_is_not_asked_again(self):
        """Whatever becomes of the payment in the books."""
        for amount in (None, 50):
            for how in ("taken off", "cancelled", "deleted", "reversed"):
                with self.subTest(amount=amount, how=how):
                    invoice = self._create_payable_invoice()
                    link = self._paid_link(invoice)
                    self._refund(self._credit(amount, invoice))
                    payment = link.account_payment_id
                    entry = payment.move_id
                    if how == "taken off":
                        entry.line_ids.remove_move_reconcile()
                    elif how == "reversed":
                        entry._reverse_moves(cancel=True)
                    else:
                        payment.action_draft()
                        lose = {"cancelled": "action_cancel", "deleted": "unlink"}
                        getattr(payment, lose[how])()
                    self.assertEqual(invoice.amount_residual, 120)
                    self.assertEqual(invoice._payplug_amount_due(), 0)
                    is_lost = how != "taken off"
                    self.assertEqual(invoice.payplug_is_missing, is_lost)
                    if is_lost:
                        before = self._balance()
                        invoice.with_user(self.accountant).action_payplug_book_again()
                        self.assertEqual(self._balance(), before + 120)
                        self.env.invalidate_all()
                        self.assertFalse(invoice.payplug_is_missing)

    def test_payment_that_was_lost_before_its_refund_can_be_booked_again(self):
        invoice = self._create_payable_invoice()
        link = self._paid_link(invoice)
        link.account_payment_id.action_draft()
        link.account_payment_id.action_cancel()
        balance = self._balance()
        self._refund_in_portal(None, link)
        self.assertEqual(self._balance(), balance - 120)
        self.assertTrue(invoice.payplug_is_missing)
        invoice.with_user(self.accountant).action_payplug_book_again()
        self.assertEqual(self._balance(), balance)
        self.env.invalidate_all()
        self.assertFalse(invoice.payplug_is_missing)

    def test_customer_who_paid_twice_gets_one_payment_back_whichever_it_is(self):
        invoice, link, late = self._pay_twice()
        self.assertTrue(late._open_credit())
        self._refund_in_portal(None, link)
        self.assertFalse(late._open_credit())
        self.assertFalse(late.asking_activity_ids.filtered("active"))
        self._assert_refunds_no_more(invoice)

    def test_money_that_the_portal_gave_back_of_another_link_goes_back_once(self):
        """Odoo has not heard of it yet, and looks at all payments before it sends."""
        invoice, link, late = self._pay_twice()
        self.payplug.refund(link.payplug_id)
        with self.assertUserError("no payment by Payplug link"):
            self._refund(invoice)
        self.assertEqual(self._refunded_cents(late), 0)

    def test_money_that_the_portal_gives_back_after_the_window_goes_back_once(self):
        invoice, link, late = self._pay_twice()
        window = self._open(invoice)
        self.payplug.refund(link.payplug_id)
        window.action_confirm()
        self._run_refund_cron()
        self.assertEqual(self._refunded_cents(late), 0)
        self.assertEqual(late.refund_ids.state, "refused")

    def test_status_of_what_was_paid_twice_counts_both_payments(self):
        for kept in ("late", "current"):
            with self.subTest(kept=kept):
                invoice, link, late = self._pay_twice()
                given = link if kept == "late" else late
                self._refund_in_portal(None, given)
                self.env.invalidate_all()
                invoice = invoice.with_user(self.biller)
                self.assertEqual(invoice.payplug_status, "partly_refunded")
                self.assertEqual(invoice.payplug_refund_state, "partial")
                told = invoice.payplug_status_detail.replace("\N{NO-BREAK SPACE}", " ")
                self.assertEqual(told, "120.00 € of 240.00 €; net amount: 120.00 €")

    def test_refusal_is_told_until_its_credit_note_is_given_back(self):
        notes = self._credit(50), self._credit(20)
        self.account.balance_cents = 3000
        refused, done = map(self._refund, notes)
        self._run_refund_cron()
        self.assertEqual((refused.state, done.state), ("refused", "done"))
        called = self.invoice.activity_ids
        self.assertEqual(called.summary, "Refund by card refused")
        self.assertEqual(called.user_id, self.link._refunder(), "who may try again")
        banner = self.invoice._get_alerts()[f"payplug_refund_{refused.id}"]
        self.assertEqual(banner["level"], "danger")
        self.account.balance_cents = None
        again = self._refund(notes[0])
        self._run_refund_cron()
        self.assertEqual(again.state, "done")
        self.assertFalse(self.invoice.activity_ids)
        self.assertNotIn(f"payplug_refund_{refused.id}", self.invoice._get_alerts())

    def test_refusal_whose_credit_note_is_paid_otherwise_is_told_no_more(self):
        note = self._credit(50)
        self.account.balance_cents = 0
        refused = self._refund(note)
        self.assertTrue(self.invoice.activity_ids)
        self._register_payment(note)
        self._run_refund_cron()
        self.assertFalse(self.invoice.activity_ids)
        for move in (note, self.invoice):
            self.assertNotIn(f"payplug_refund_{refused.id}", move._get_alerts())

    def test_refusal_beside_an_earlier_refund_of_another_link_is_told(self):
        invoice, link, _late = self._pay_twice()
        self._refund_in_portal(None, link)
        note = self._credit(50, invoice)
        self.account.balance_cents = 0
        refused = self._refund(note)
        self.assertEqual(refused.state, "refused")
        self.assertIn(f"payplug_refund_{refused.id}", invoice._get_alerts())

    def test_payment_by_hand_on_another_account_is_not_taken_over(self):
        """The money left the account of Payplug's receipts."""
        journal = self.company.payplug_journal_id
        bank = self.company_data["default_journal_bank"]
        account = bank.outbound_payment_method_line_ids[:1].payment_account_id
        checks = journal._payplug_outbound_line().copy(
            {"name": "Checks", "payment_account_id": account.id}
        )
        note = self._credit(50)
        self._register_payment(
            note, journal_id=journal.id, payment_method_line_id=checks.id
        )
        self._refund_in_portal(5000)
        self.assertEqual(self._balance(), 70)
        self.assertEqual(self._activities(self.invoice), [CREDIT_NOTE])

    def test_payment_by_hand_of_another_credit_note_is_not_taken_over(self):
        note, other = self._credit(50), self._credit(50)
        path = f"/v1/payments/{self.link.payplug_id}/refunds"
        self.payplug.fail("drop", path=path, method="POST")
        refund = self._refund(note)
        self._register_by_hand(other)
        self._run_refund_cron()
        self.assertEqual(refund.state, "done")
        self.assertEqual(note.payment_state, "paid")
        self._assert_refunds_no_more(note)

    def test_list_that_does_not_tell_all_yet_sends_nothing(self):
        note = self._credit(50)
        path = f"/v1/payments/{self.link.payplug_id}/refunds"
        self.payplug.fail("drop", path=path, method="POST")
        refund = self._refund(note)
        payment = self.payplug.store.payments[self.link.payplug_id]
        listed, payment.refunds = payment.refunds, []
        self._run_refund_cron()
        self.assertEqual(refund.state, "unknown")
        self.assertIn("does not list yet", refund.failure_reason)
        payment.refunds = listed
        self._run_refund_cron()
        self.assertEqual(refund.state, "done")
        self.assertEqual(self._refunded_cents(), 5000)

    def test_refund_with_our_mark_is_ours_whatever_its_amount(self):
        note = self._credit()
        path = f"/v1/payments/{self.link.payplug_id}/refunds"
        self.payplug.fail("drop", path=path, method="POST")
        refund = self._refund(note, 50)
        [listed] = self.payplug.store.payments[self.link.payplug_id].refunds
        listed["amount"] = 4999
        self.payplug.alter(self.link.payplug_id, {"amount_refunded": 4999})
        self._run_refund_cron()
        self.assertEqual((refund.state, refund.amount), ("done", 49.99))
        self.assertEqual(refund.account_payment_id.amount, 49.99)

    def test_refund_that_payplug_refuses_later_calls_its_people(self):
        note = self._credit(50)
        self._ask(note)
        self.payplug.go_down()
        self._run_refund_cron()
        self.payplug.come_back()
        self.account.balance_cents = 0
        self._run_refund_cron()
        self.assertIn("Refund by card refused", self._activities(self.invoice))
        self.assertNotIn("payplug_test_refund", note._get_alerts())
        self.account.balance_cents = 5000
        self._refunds().with_user(self.accountant).action_retry()
        self.assertNotIn("Refund by card refused", self._activities(self.invoice))

    def test_refund_that_is_carried_out_after_the_last_day_is_seen(self):
        self.account.refunds_by_hand = True
        refund = self._refund(self._credit(50))
        self.account.refunds_by_hand = False
        self.payplug.process_refunds(self.link.payplug_id)
        until = fields.Datetime.now() - timedelta(minutes=1)
        told = {"refundable_until": int(until.timestamp())}
        self.payplug.alter(self.link.payplug_id, told)
        old = fields.Datetime.now() - timedelta(days=200)
        self.link.write({"refundable_until": until, "paid_at": old, "checked_at": old})
        self._run_cron()
        self.assertEqual(refund.state, "done")

    def test_credit_note_of_a_refund_is_not_deleted(self):
        """What was given back for it would be offered again on the next one."""
        self._let_books_refuse_refunds()
        note = self._credit(50)
        with mute_logger(REFUND_LOG):
            self._refund(note)
        note.button_draft()
        with self.assertUserError("Cancel it instead"):
            note.with_user(self.accountant).unlink()
        note.button_cancel()
        self._assert_refunds_no_more(self._credit(50))

    def test_credit_note_whose_refund_was_refused_is_deleted(self):
        note = self._credit(50)
        refund = self._ask(note)
        refund.with_user(self.accountant).action_close()
        note.button_draft()
        note.unlink()
        self.assertFalse(refund.credit_note_id)
        self.assertTrue(self._credit(50).payplug_can_refund)

    def test_credit_note_is_refunded_by_one_of_two_paid_links_alone(self):
        """The money of the late one was used for another invoice."""
        invoice, _link, late = self._pay_twice()
        surplus = late._open_lines(late.account_payment_id.move_id)
        lines = surplus | self._create_payable_invoice().line_ids
        lines.filtered(lambda line: line.account_id == surplus.account_id).reconcile()
        self._let_books_refuse_refunds()
        with mute_logger(REFUND_LOG):
            self._refund_in_portal(5000, late)
        self._assert_refunds_no_more(self._credit(50, invoice))

    def test_refund_of_a_surplus_leaves_the_credit_note_alone(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self._pay_partly(invoice, 20)
        self._pay(link)
        note = self._credit(50, invoice)
        self._refund(invoice, 20)
        self.assertEqual(link._open_credit(), 0)
        self.assertEqual(note.amount_residual, 50)

    # === CALLS === #

    def _books_refuse(self, act):
        """Let accounting refuse what an act leads to; check that somebody is told."""
        self._let_books_refuse_refunds()
        with mute_logger(REFUND_LOG):
            act()
        self.env.invalidate_all()
        refund = self._refunds()[-1]
        self.assertRecordValues(refund, [{"state": "done", "to_book": True}])
        self.assertIn(TO_BOOK, self._activities(self.invoice))
        banner = f"payplug_to_book_{refund.id}"
        self.assertIn("not in the books yet", self._banner_texts()[banner])

    def _banner_texts(self):
        return {
            name: alert["message"] for name, alert in self.invoice._get_alerts().items()
        }

    def test_refund_that_was_refused_first_calls_its_people_when_it_is_not_booked(self):
        note = self._credit(50)
        self.account.balance_cents = 0
        refund = self._refund(note)
        self.assertEqual(refund.state, "refused")
        self.account.balance_cents = None
        refund.with_user(self.accountant).action_retry()
        self._books_refuse(self._run_refund_cron)

    def test_refund_that_cannot_be_booked_again_calls_its_people_again(self):
        self._books_refuse(lambda: self._refund_in_portal(5000))
        self._let_books_refuse_refunds(False)
        self._run_refund_cron()
        self._credit(50)
        self._lose_refund(self._refunds(), "deleted")
        self._books_refuse(self.invoice.action_payplug_book_again)

    def test_call_for_a_credit_note_silences_no_call_to_book(self):
        self._refund_in_portal(5000)
        self.assertEqual(self._activities(self.invoice), [CREDIT_NOTE])
        self._lose_refund(self._refunds(), "deleted")
        self._books_refuse(self.invoice.action_payplug_book_again)
        self.assertEqual(self._activities(self.invoice), [TO_BOOK])

    def test_call_that_somebody_closed_without_mending_leaves_a_banner(self):
        self._books_refuse(lambda: self._refund_in_portal(5000))
        self.invoice.activity_ids.action_done()
        with mute_logger(REFUND_LOG):
            self._run_refund_cron()
        self.assertFalse(self._activities(self.invoice))
        self.assertIn("not in the books yet", str(self._banner_texts()))

    # === WHAT THE INVOICE ASKS === #

    def _take_off(self, entry):
        self._receivable(entry).remove_move_reconcile()
        self.env.invalidate_all()

    def _assert_nothing_goes(self, document, link):
        self.assertFalse(document.payplug_can_refund)
        with self.assertUserError("no payment by Payplug link"):
            self._refund(document)
        self.assertEqual(self._refunded_cents(link), 0)

    def test_what_an_invoice_on_hold_asks_is_not_given_back(self):
        self._take_off(self.link.account_payment_id.move_id)
        self.invoice.action_toggle_block_payment()
        self._assert_nothing_goes(self.invoice, self.link)

    def test_what_a_draft_invoice_asks_is_not_given_back(self):
        invoice = self._create_payable_invoice()
        note = self._credit(50, invoice)
        self._receivable(note | invoice).reconcile()
        link = self._paid_link(invoice)
        self.assertEqual(link.amount, 70)
        invoice.button_draft()
        self._take_off(note)
        self._assert_nothing_goes(note, link)

    def test_lost_money_that_is_settled_otherwise_hides_nothing_that_is_asked(self):
        payment = self.link.account_payment_id
        payment.action_draft()
        payment.unlink()
        self.invoice.action_payplug_settled_otherwise()
        self.env.invalidate_all()
        second = self._paid_link(self.invoice)
        self._take_off(second.account_payment_id.move_id)
        self._assert_nothing_goes(self.invoice, second)

    def test_cancelled_invoice_asks_nothing_and_gives_all_back(self):
        self.invoice.button_draft()
        self.assertFalse(self.invoice.payplug_can_refund)
        self.invoice.button_cancel()
        refund = self._refund(self.invoice)
        self.assertEqual((refund.state, refund.amount), ("done", 120))
        self.assertEqual(self.link._open_credit(), 0)

    # === PREPARED CREDIT NOTES === #

    def test_surplus_that_was_taken_off_needs_no_credit_note(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        self._register_payment(invoice)
        self._pay(link)
        refund = self._refund(invoice)
        self._take_off(refund.account_payment_id.move_id)
        action = invoice.action_payplug_prepare_credit_note()
        self.assertEqual(action["res_id"], invoice.id)
        self.assertFalse(invoice.reversal_move_ids)
        self.assertFalse(refund._open_debit())

    def test_prepared_credit_note_is_of_the_cents_that_went(self):
        rounding = self.env["account.cash.rounding"].create(
            {
                "name": "5 cents",
                "rounding": 0.05,
                "strategy": "add_invoice_line",
                "profit_account_id": self.company_data["default_account_revenue"].id,
                "loss_account_id": self.company_data["default_account_expense"].id,
            }
        )
        line = {"name": "Service", "price_unit": 11.11, "quantity": 3, "tax_ids": False}
        for cash, cents in ((False, 1000), (False, 1001), (rounding.id, 3333)):
            with self.subTest(cash=cash, cents=cents):
                invoice = self._create_payable_invoice(
                    invoice_line_ids=[Command.create(line) for _each in range(3)],
                    invoice_cash_rounding_id=cash,
                )
                link = self._paid_link(invoice)
                self._refund_in_portal(cents, link)
                action = invoice.action_payplug_prepare_credit_note()
                note = invoice.browse(action["res_id"])
                self.assertEqual(round(note.amount_total * 100), cents)
                note.action_post()
                self.assertEqual(note.payment_state, "paid")
                self.assertFalse(invoice._payplug_missing_credit())

    def _assert_booked_by_hand_once(self, first, by_hand):
        """Check that a second refund does not take over the payment of the first."""
        self._refund_in_portal(2000)
        second = self._refunds() - first
        self.assertNotEqual(second.account_payment_id, by_hand)
        self.assertEqual(self._balance(), 80)
        self.assertEqual(self._activities(self.invoice), [CREDIT_NOTE])

    def test_payment_by_hand_before_booked_otherwise_is_of_no_other_refund(self):
        note = self._credit(20)
        refund = self._refund(note)
        self._lose_refund(refund, "deleted")
        by_hand = self._register_by_hand(note)
        refund.with_user(self.accountant).action_settled_otherwise()
        self.assertEqual(refund.account_payment_id, by_hand)
        self._assert_booked_by_hand_once(refund, by_hand)

    def test_payment_by_hand_after_booked_otherwise_is_of_no_other_refund(self):
        note = self._credit(20)
        refund = self._refund(note)
        self._lose_refund(refund, "deleted")
        refund.with_user(self.accountant).action_settled_otherwise()
        self._assert_booked_by_hand_once(refund, self._register_by_hand(note))

    def test_payment_that_was_found_as_booked_otherwise_is_missed_when_it_goes(self):
        note = self._credit(20)
        refund = self._refund(note)
        self._lose_refund(refund, "deleted")
        self._register_by_hand(note)
        refund.with_user(self.accountant).action_settled_otherwise()
        self._lose_refund(refund, "cancelled")
        self.assertTrue(refund.is_missing)
        self._assert_refunds_no_more(note)

    def test_credit_note_that_a_bank_statement_settled_is_named(self):
        note = self._credit(50)
        bank = self.company_data["default_journal_bank"]
        self._register_payment(note, journal_id=bank.id)
        self._refund_in_portal(5000)
        banner = self._banner_texts()["payplug_no_credit_note"]
        self.assertIn(f"{note.name} is settled by something else", banner)
        self._take_off(note)
        self.invoice.action_payplug_prepare_credit_note()
        self.assertEqual(self.invoice.reversal_move_ids, note)
        self.assertNotIn("payplug_no_credit_note", self._banner_texts())

    def test_calls_that_people_have_mended_are_closed(self):
        bank = self.company_data["default_journal_bank"]
        twice = self._create_payable_invoice()
        receipt = self._register_payment(twice, journal_id=bank.id)
        self._take_off(receipt.move_id)
        link = self._paid_link(twice)
        self._refund_in_portal(None, link)
        self.assertEqual(self._activities(twice), [CREDIT_NOTE])
        given = link.refund_ids.account_payment_id
        self._receivable(receipt.move_id | given.move_id).reconcile()
        self._run_refund_cron()
        self.assertFalse(twice.activity_ids)

    def test_call_for_a_refusal_is_closed_when_the_money_went_another_way(self):
        note = self._credit(50)
        self.account.balance_cents = 0
        self._refund(note)
        self.assertTrue(self.invoice.activity_ids | note.activity_ids)
        self.account.balance_cents = None
        self._refund_in_portal(5000)
        self._run_refund_cron()
        self.assertFalse(self.invoice.activity_ids | note.activity_ids)

    def test_first_of_two_links_whose_days_are_over_bars_no_refund_of_the_other(self):
        invoice, first, second = self._pay_twice()
        now = self.payplug.store.now()
        days = {"refundable_after": now - 99, "refundable_until": now - 9}
        self.payplug.alter(first.payplug_id, days)
        first._sync()
        refund = self._refund(self._credit(50, invoice))
        self.assertEqual((refund.state, refund.link_id), ("done", second))


@tagged("post_install", "-at_install", "once")
class TestRefundModes(RefundCommon):
    """A trial of the link, and then real money, on one invoice."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.payplug_book_test_payments = False
        cls.other = cls._create_payable_invoice()

    def _go_live(self):
        self.company.payplug_live_key = self.account.live_key
        self.company.payplug_mode = "live"
        self.env.invalidate_all()

    def test_trial_that_was_refunded_bars_no_refund_of_real_money(self):
        trial = self._paid_link(self.other)
        self._refund_in_portal(None, trial)
        self._go_live()
        live = self._paid_link(self.other)
        note = self._credit(50, self.other)
        self.assertTrue(note.payplug_can_refund)
        self._assert_refunded(0)
        refund = self._refund(note)
        self.assertEqual(refund.link_id, live)
        self.assertEqual(self._refunded_cents(live), 5000)
        self._assert_refunded(50)
        self.assertEqual(note.payplug_amount_refunded, 50)

    def _assert_refunded(self, amount):
        """Check what of real money people read, wherever they do."""
        self.env.invalidate_all()
        invoice = self.other.with_user(self.biller)
        self.assertEqual(invoice.payplug_amount_refunded, amount)
        rows = (invoice | self.invoice).read(["payplug_amount_refunded"])
        self.assertIn(amount, [row["payplug_amount_refunded"] for row in rows])
        self.assertEqual("payplug_refunded" in invoice._get_alerts(), bool(amount))
        found = [("payplug_amount_refunded", ">", 0), ("id", "=", invoice.id)]
        self.assertEqual(bool(invoice.search(found)), bool(amount))
        page = self.other._payplug_page_values()
        self.assertEqual(bool(page["refunded"]), bool(amount))
        self.assertEqual(bool(page["refunded_on"]), bool(amount))

    def test_trial_hides_nothing_that_is_asked(self):
        self._paid_link(self.other)
        self._go_live()
        live = self._paid_link(self.other)
        receivable = live._receivable_lines(live.account_payment_id.move_id)
        receivable.remove_move_reconcile()
        self.env.invalidate_all()
        self.assertFalse(self.other.payplug_can_refund)

    def test_real_money_goes_back_before_that_of_a_later_trial(self):
        self._go_live()
        live = self._request(self.other)
        self.company.payplug_mode = "test"
        self.env.invalidate_all()
        trial = self._paid_link(self.other)
        self.company.payplug_mode = "live"
        self.env.invalidate_all()
        self._pay(live, late=True)
        self.assertEqual((trial.state, live.state), ("paid", "paid"))
        refund = self._refund(self._credit(50, self.other))
        self.assertEqual(refund.link_id, live)
