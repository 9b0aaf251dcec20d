"""Many invoices at once: the window, the queue, and what becomes of each invoice."""

from unittest.mock import patch

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.base.models.ir_mail_server import MailDeliveryException
from odoo.addons.mail.tests.common import MailCase

from .common import FOLLOW_LOG, PayplugCommon

QUEUE_LOG = "odoo.addons.payplug_paylink.models.payplug_sending_people"


@tagged("post_install", "-at_install")
class TestSending(PayplugCommon, MailCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cron = cls.env.ref("payplug_paylink.ir_cron_send")
        cls.partner_a.lang = "en_US"
        cls.partner_b.write({"email": "other@example.com", "lang": "fr_FR"})

    def _invoices(self, count=3, **values):
        return self.env["account.move"].union(
            *(self._create_payable_invoice(100 + n, **values) for n in range(count))
        )

    def _open(self, invoices):
        """Open the window as a billing user; return it."""
        action = invoices.with_user(self.biller).action_payplug_send_link()
        self.assertEqual(action["res_model"], "payplug.send.links")
        window = self.env["payplug.send.links"].browse(action["res_id"])
        return window.with_user(self.biller)

    def _enqueue(self, invoices, **values):
        window = self._open(invoices)
        window.write(values)
        return window.action_send()

    def _run_cron(self):
        """Let a worker run; return the mails that left."""
        self.env.flush_all()
        with self.mock_mail_gateway(), self.enter_registry_test_mode():
            self.cron.method_direct_trigger()
            mails = list(self._mails)
        self.env.invalidate_all()
        return mails

    def _queue(self, invoices):
        return self.env["payplug.sending"].search([("move_id", "in", invoices.ids)])

    def _states(self, invoices):
        self.env.invalidate_all()
        return [move.payplug_sending_state for move in invoices]

    # === THE WINDOW === #

    def test_window_shows_who_gets_a_mail_and_all_reasons_of_who_does_not(self):
        good = self._invoices(2)
        nobody = self.env["res.partner"].create({"name": "Nobody"})
        bad = self._create_payable_invoice(25_000, partner_id=nobody.id)
        window = self._open(good + bad)
        self.assertEqual((window.ready_count, window.refused_count), (2, 1))
        self.assertEqual(window.ready_ids.move_id, good)
        self.assertEqual(
            window.ready_ids.mapped("email"), ["marie.durand@example.com"] * 2
        )
        self.assertEqual(window.ready_ids.mapped("amount"), [100, 101])
        why = window.refused_ids.why_not
        self.assertIn("no valid e-mail address", why)
        self.assertIn("The amount due is 25,000.00", why)
        self.assertFalse(self.payplug.calls)

    def test_window_with_nothing_to_send_says_so(self):
        drafts = self._invoices(2, post=False)
        with self.assertRaisesRegex(UserError, "None of these invoices can be sent"):
            self._open(drafts).action_send()

    def test_send_returns_at_once_and_shows_being_sent(self):
        invoices = self._invoices()
        action = self._enqueue(invoices)
        self.assertIn("being sent in the background: 3", action["params"]["message"])
        self.assertFalse(self.payplug.calls)
        self.assertEqual(self._states(invoices), ["waiting"] * 3)
        found = self.env["account.move"].search(
            [("payplug_sending_state", "=", "waiting"), ("id", "in", invoices.ids)]
        )
        self.assertEqual(found, invoices.sorted())
        others = self.env["account.move"].search(
            [("payplug_sending_state", "=", False), ("id", "in", invoices.ids)]
        )
        self.assertFalse(others)
        self.assertIn("payplug_waiting", invoices[0]._get_alerts())

    def test_read_only_accountant_sends_nothing(self):
        reader = self._create_user("reader", "account.group_account_readonly")
        with self.assertRaises(AccessError):
            self._invoices(2).with_user(reader).action_payplug_send_link()

    # === THE WORKER === #

    def test_worker_mails_each_invoice_its_own_link_in_the_customers_language(self):
        invoices = self._invoices(2) + self._create_payable_invoice(
            partner_id=self.partner_b.id, invoice_payment_term_id=False
        )
        self._enqueue(invoices)
        mails = self._run_cron()
        self.assertEqual(len(mails), 3)
        for invoice, mail in zip(invoices, mails, strict=True):
            self.assertIn(invoice.payment_link, mail["body"])
            self.assertIn(invoice.name, mail["subject"])
            self.assertTrue(any("pdf" in name for name, *_rest in mail["attachments"]))
        self.assertIn("réglez votre facture", mails[2]["subject"])
        self.assertEqual(self._states(invoices), ["sent"] * 3)
        self.assertEqual(
            invoices.mapped("payplug_state"), ["pending", "pending", "pending"]
        )
        self.assertTrue(all(invoices.mapped("is_move_sent")))

    def test_mail_speaks_for_the_user_who_sent_it(self):
        self.biller.email = "biller@example.com"
        self.company.email = False
        invoices = self._invoices(2, invoice_user_id=False)
        self._enqueue(invoices)
        self._run_cron()
        for words in ("by card", "Payment link pay_"):
            told = invoices.message_ids.filtered(lambda m, w=words: w in (m.body or ""))
            self.assertEqual(len(told), 2)
            self.assertEqual(told.author_id, self.biller.partner_id)

    def test_customers_of_any_channel_get_the_mail(self):
        invoices = self._invoices(2)
        self.partner_a.invoice_sending_method = "manual"
        self._enqueue(invoices)
        self.assertEqual(len(self._run_cron()), 2)

    def test_chosen_template_is_used(self):
        template = self.env["mail.template"].create(
            {
                "name": "Reminder",
                "email_from": "compta@example.com",
                "model_id": self.env["ir.model"]._get_id("account.move"),
                "subject": "Reminder: {{ object.payment_link }}",
                "body_html": "<p>Please</p>",
                "use_default_to": True,
            }
        )
        invoices = self._invoices(2)
        self._enqueue(invoices, template_id=template.id)
        subjects = [mail["subject"] for mail in self._run_cron()]
        self.assertEqual(
            subjects, [f"Reminder: {move.payment_link}" for move in invoices]
        )

    def test_links_of_a_batch_are_made_before_the_first_mail(self):
        invoices = self._invoices(4)
        self._enqueue(invoices)
        self._new_calls()
        self._run_cron()
        calls = [(call.method, call.status) for call in self._new_calls()]
        self.assertEqual(calls, [("POST", 201)] * 4)
        amounts = {link.amount for link in invoices.payplug_link_id}
        self.assertEqual(amounts, {100, 101, 102, 103})

    def test_invoice_that_changed_meanwhile_is_judged_again(self):
        invoices = self._invoices(3)
        self._enqueue(invoices)
        self._register_payment(invoices[1])
        self.assertEqual(len(self._run_cron()), 2)
        self.assertEqual(self._states(invoices), ["sent", "failed", "sent"])
        told = invoices[1].message_ids[0].body
        self.assertIn("The payment link was not sent", told)
        self.assertIn("Nothing is left to pay", told)
        self.assertIn("payplug_not_sent", invoices[1]._get_alerts())

    def test_failure_concerns_its_invoice_alone(self):
        invoices = self._invoices(3)
        self._enqueue(invoices)
        sender = type(self.env["account.move.send"])
        original = sender._generate_and_send_invoices
        bad = invoices[1]

        def fail(self, moves, **options):
            if moves == bad:
                raise KeyError("an addon's mistake")
            return original(self, moves, **options)

        with (
            patch.object(sender, "_generate_and_send_invoices", fail),
            mute_logger(QUEUE_LOG),
        ):
            self.assertEqual(len(self._run_cron()), 2)
        self.assertEqual(self._states(invoices), ["sent", "failed", "sent"])
        self.assertIn("unexpected error", self._queue(bad).reason)

    def test_refused_link_is_told_and_the_others_are_sent(self):
        invoices = self._invoices(3)
        self._enqueue(invoices)
        self.payplug.fail("403", method="POST")
        self.assertEqual(len(self._run_cron()), 2)
        self.assertEqual(self._states(invoices).count("failed"), 1)
        failed = self._queue(invoices).filtered(lambda one: one.state == "failed")
        self.assertIn("HTTP 403", failed.reason)
        self.assertFalse(failed.move_id.payplug_link_ids)

    def test_payplug_failing_in_the_middle_leaves_the_rest_for_later(self):
        invoices = self._invoices(3)
        self._enqueue(invoices)
        self.payplug.fail("500", times=2, method="POST")
        self.assertEqual(len(self._run_cron()), 1)
        self.assertEqual(sorted(self._states(invoices)), ["sent", "waiting", "waiting"])
        waiting = self._queue(invoices).filtered(lambda one: one.state == "waiting")
        self.assertTrue(all(one.retry_at > fields.Datetime.now() for one in waiting))
        self.assertFalse(self._run_cron(), "not before its time")
        waiting.sudo().retry_at = False
        self.assertEqual(len(self._run_cron()), 2)
        self.assertEqual(self._states(invoices), ["sent"] * 3)

    def test_payplug_that_stays_silent_is_told_in_the_end(self):
        invoices = self._invoices(2)
        self._enqueue(invoices)
        self._queue(invoices).sudo().attempts = 12
        self.payplug.go_down()
        self.assertFalse(self._run_cron())
        self.assertEqual(self._states(invoices), ["failed"] * 2)
        self.assertIn("could not be reached", self._queue(invoices)[0].reason)

    def test_customer_who_paid_meanwhile_gets_no_mail(self):
        invoices = self._invoices(2)
        self._request(invoices[0])
        self._enqueue(invoices)
        self.payplug.pay(invoices[0].payment_id)
        mails = self._run_cron()
        self.assertEqual(len(mails), 1)
        self.assertEqual(invoices[0].payplug_state, "paid")
        self.assertEqual(self._states(invoices), ["failed", "sent"])
        self.assertIn("customer has paid it", self._queue(invoices[0]).reason)

    # === AGAIN, AND BACK === #

    def test_sending_again_sends_only_what_was_not_sent(self):
        invoices = self._invoices(3)
        self._enqueue(invoices[:2])
        self._run_cron()
        window = self._open(invoices)
        self.assertEqual(window.ready_ids.move_id, invoices[2])
        self.assertIn("It was sent on", window.refused_ids[0].why_not)
        window.action_send()
        self.assertEqual(len(self._run_cron()), 1)

    def test_sending_again_on_purpose_sends_all(self):
        invoices = self._invoices(2)
        self._enqueue(invoices)
        self._run_cron()
        self._enqueue(invoices, again=True)
        self.assertEqual(len(self._run_cron()), 2)

    def test_asking_twice_queues_once(self):
        invoices = self._invoices(2)
        self._enqueue(invoices)
        with self.assertRaisesRegex(UserError, "None of these invoices"):
            self._enqueue(invoices)
        self.assertEqual(len(self._queue(invoices)), 2)
        self.assertEqual(len(self._run_cron()), 2)

    def test_invoices_are_taken_back_before_they_are_sent(self):
        invoices = self._invoices(3)
        self._enqueue(invoices)
        taken = invoices[:2]
        action = taken.with_user(self.biller).action_payplug_take_back()
        self.assertIn("will not be sent: 2", action["params"]["message"])
        self.assertEqual(len(self._run_cron()), 1)
        self.assertEqual(self._states(invoices), [False, False, "sent"])
        with self.assertRaisesRegex(UserError, "too late"):
            invoices.with_user(self.biller).action_payplug_take_back()

    def test_what_failed_is_tried_again_from_the_queue(self):
        invoices = self._invoices(2)
        self._enqueue(invoices)
        self.partner_a.email = False
        self._run_cron()
        self.assertEqual(self._states(invoices), ["failed"] * 2)
        self.partner_a.email = "marie.durand@example.com"
        self._queue(invoices).with_user(self.biller).action_retry()
        self.assertEqual(len(self._run_cron()), 2)

    def test_users_own_send_takes_the_invoice_out_of_the_queue(self):
        invoices = self._invoices(2)
        self._enqueue(invoices)
        first = invoices[0].with_user(self.biller)
        action = first.action_payplug_send_link()
        window = (
            self.env[action["res_model"]]
            .with_user(self.biller)
            .with_context(**action["context"])
            .create({})
        )
        with self.mock_mail_gateway():
            window.action_send_and_print()
            self.assertEqual(len(self._mails), 1)
        mails = self._run_cron()
        self.assertEqual(len(mails), 1)
        self.assertIn(invoices[1].name, mails[0]["subject"])

    def test_window_that_was_open_while_the_worker_sent_sends_nothing_twice(self):
        invoices = self._invoices(2)
        action = invoices[0].with_user(self.biller).action_payplug_send_link()
        window = (
            self.env[action["res_model"]]
            .with_user(self.biller)
            .with_context(**action["context"])
            .create({})
        )
        self._enqueue(invoices)
        self._run_cron()
        with (
            self.mock_mail_gateway(),
            self.assertRaisesRegex(UserError, "sent in the background meanwhile"),
        ):
            window.with_user(self.biller).action_send_and_print()

    def test_two_windows_on_the_same_invoices_mail_them_once(self):
        invoices = self._invoices(3)
        first, second = self._open(invoices), self._open(invoices[:2])
        first.action_send()
        with self.assertRaisesRegex(UserError, "None of these"):
            second.action_send()
        self._run_cron()
        with self.assertRaisesRegex(UserError, "None of these"):
            second.action_send()

    def test_window_tells_what_is_being_sent_already_and_by_whom(self):
        invoices = self._invoices(3)
        self._enqueue(invoices[:2])
        window = self._open(invoices)
        self.assertEqual(window.ready_ids.move_id, invoices[2])
        self.assertIn("being sent already, by biller", window.refused_ids[0].why_not)

    def test_users_lost_rights_concern_his_invoices_alone(self):
        invoices = self._invoices(4)
        other = self._create_user("other", "account.group_account_invoice")
        self._enqueue(invoices[:2])
        self.env["payplug.sending"].with_user(other).sudo()._enqueue(
            invoices[2:], invoices._payplug_template(), self.env["ir.actions.report"]
        )
        self.biller.group_ids = self.env.ref("base.group_user")
        self.assertEqual(len(self._run_cron()), 2)
        self.assertEqual(self._states(invoices), ["failed"] * 2 + ["sent"] * 2)
        self.assertIn("may no longer send", self._queue(invoices[0]).reason)

    def test_link_that_changed_before_its_turn_is_made_anew(self):
        invoices = self._invoices(2)
        self._enqueue(invoices)
        sender = type(self.env["account.move.send"])
        original = sender._generate_and_send_invoices
        late = invoices[1]

        def pay_the_other(self, moves, **options):
            if moves != late:  # the links of both are made by now
                register = self.env["account.payment.register"].sudo()
                register.with_context(
                    active_model="account.move", active_ids=late.ids
                ).create(
                    {"amount": 1, "payment_difference_handling": "open"}
                )._create_payments()
            return original(self, moves, **options)

        with patch.object(sender, "_generate_and_send_invoices", pay_the_other):
            mails = self._run_cron()
        self.assertEqual(len(mails), 2)
        self.assertEqual(late.payplug_link_id.amount, 100)
        self.assertIn("Pay 100.00", mails[1]["body"].replace("\N{NO-BREAK SPACE}", " "))

    def test_mail_server_that_fails_is_told_and_the_invoice_can_be_sent_again(self):
        invoices = self._invoices(2)
        self._enqueue(invoices)
        self.env.flush_all()
        with (
            self.mock_mail_gateway(),
            self.enter_registry_test_mode(),
            patch.object(
                type(self.env["ir.mail_server"]),
                "send_email",
                side_effect=MailDeliveryException("down"),
            ),
            mute_logger("odoo.addons.mail.models.mail_mail"),
        ):
            self.cron.method_direct_trigger()
        self.assertEqual(self._states(invoices), ["failed"] * 2)
        self.assertIn("did not take the mail", self._queue(invoices)[0].reason)
        self._enqueue(invoices)
        self.assertEqual(len(self._run_cron()), 2)

    def test_problem_that_the_worker_found_stays_on_the_link(self):
        invoices = self._invoices(2)
        link = self._request(invoices[0])
        self.payplug.forget(link.payplug_id)
        self._enqueue(invoices)
        with mute_logger(FOLLOW_LOG):
            self.assertEqual(len(self._run_cron()), 1)
        self.assertEqual(invoices[0].payplug_problem, "unknown")
        self.assertIn("close the link", self._queue(invoices[0]).reason)

    def test_deleted_templates_are_told(self):
        invoices = self._invoices(2)
        self._enqueue(invoices)
        invoices._payplug_template().sudo().unlink()
        self.assertFalse(self._run_cron())
        self.assertIn("template was deleted", self._queue(invoices)[0].reason)

    def test_chosen_print_model_is_used(self):
        usual = self.env.ref("account.account_invoices")
        other = usual.copy({"name": "Other model", "is_invoice_report": True})
        invoices = self._invoices(2)
        window = self._open(invoices)
        self.assertIn(other, window.available_report_ids)
        window.pdf_report_id = other
        window.action_send()
        sender = type(self.env["account.move.send"])
        original, used = sender._prepare_invoice_pdf_report, []

        def watch(self, data):
            used.extend(one["pdf_report"] for one in data.values())
            return original(self, data)

        with patch.object(sender, "_prepare_invoice_pdf_report", watch):
            self._run_cron()
        self.assertEqual(set(used), {other})

    def test_generate_without_any_channel_still_works(self):
        invoice = self._create_payable_invoice()
        action = invoice.action_payplug_send_link()
        window = (
            self.env[action["res_model"]]
            .with_context(**action["context"])
            .create({"sending_methods": []})
        )
        window.action_send_and_print()
        self.assertFalse(invoice.payplug_sending_state)

    def test_list_costs_one_query_for_the_state_of_sending(self):
        invoices = self._invoices(3)
        self._enqueue(invoices)
        self.env.flush_all()
        self.env.invalidate_all()
        invoices.mapped("name")
        with self.assertQueryCount(1):
            invoices.mapped("payplug_sending_state")

    # === NOTICES, WORKERS, TIDINESS === #

    def test_user_is_told_once_when_all_are_through(self):
        invoices = self._invoices(2)
        self._enqueue(invoices)
        self._register_payment(invoices[1])
        bus = self.env["bus.bus"].sudo()
        before = bus.search_count([])
        self._run_cron()
        self.env.cr.precommit.run()
        told = bus.search([], order="id")[before:].filtered(
            lambda one: "account_notification" in one.message
        )
        self.assertEqual(len(told), 1)
        self.assertIn("links sent: 1, not sent: 1", told.message)
        self._run_cron()
        self.assertTrue(all(self._queue(invoices).mapped("is_told")))

    def test_copies_of_the_cron_are_further_workers(self):
        copy = self.cron.copy()
        before = self.env["ir.cron.trigger"].search_count([("cron_id", "=", copy.id)])
        self._enqueue(self._invoices(2))
        after = self.env["ir.cron.trigger"].search_count([("cron_id", "=", copy.id)])
        self.assertGreater(after, before)

    def test_old_rows_are_forgotten_and_waiting_ones_never(self):
        invoices = self._invoices(2)
        self._enqueue(invoices)
        queue = self._queue(invoices).sudo()
        queue[0].state = "sent"
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE payplug_sending SET write_date = now() - interval '40 days'"
        )
        self.env.invalidate_all()
        queue._gc_done()
        self.assertEqual(self._queue(invoices), queue[1])

    def test_deleted_invoice_leaves_the_queue(self):
        invoices = self._invoices(2)
        self._enqueue(invoices)
        invoices[0].button_draft()
        invoices[0].with_context(force_delete=True).unlink()
        self.assertEqual(len(self._run_cron()), 1)

    def test_queue_of_another_company_is_invisible(self):
        invoices = self._invoices(2)
        self._enqueue(invoices)
        other = self.setup_other_company(name="Other SA")["company"]
        stranger = self._create_user("stranger", "account.group_account_invoice")
        stranger.write(
            {"company_ids": [Command.set(other.ids)], "company_id": other.id}
        )
        queue = self.env["payplug.sending"].with_user(stranger)
        self.assertFalse(queue.search([("move_id", "in", invoices.ids)]))
