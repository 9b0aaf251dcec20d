"""Many invoices at once: the window, the queue, and what leaves."""

from unittest.mock import patch

from lxml import etree

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import Form, tagged
from odoo.tools.safe_eval import safe_eval

from .common import LINK_LOG
from .common_queue import QueueCommon

IR_CRON = "odoo.addons.base.models.ir_cron"


@tagged("post_install", "-at_install", "once")
class TestQueue(QueueCommon):
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
        why = window.refused_ids.failure_reason
        self.assertIn("no e-mail address", why)
        self.assertIn("The amount due is 25,000.00", why)
        self.assertFalse(self.payplug.calls)

    def test_link_that_a_person_must_look_at_is_not_promised_to_be_sent(self):
        invoices = self._invoices(2)
        link = self._request(invoices[0]).sudo()
        self.payplug.store.payments.pop(link.payplug_id)
        with self.assertLogs(LINK_LOG, "WARNING"):
            link._sync()
        window = self._open(invoices)
        self.assertEqual(window.ready_ids.move_id, invoices[1])
        self.assertIn("no longer knows it", window.refused_ids.failure_reason)
        queue = self.env["payplug.sending"].sudo()
        row = queue._enqueue(invoices[0], window.template_id, window.pdf_report_id)
        row = queue.search([("move_id", "=", invoices[0].id)])
        row._set_failed("then close the link")
        invoices[0].action_payplug_close_link()
        self.assertIn("was closed: send the link again", row.failure_reason)
        self.assertEqual(self._open(invoices).ready_ids.move_id, invoices)

    def test_window_tells_what_became_of_the_last_link(self):
        invoices = self._invoices(2)
        self._request(invoices[0])
        invoices[0].payplug_link_id.action_cancel()
        window = self._open(invoices)
        self.assertEqual(window.ready_ids.mapped("status"), ["cancelled", False])

    def _shown(self, window):
        """Return which of the lists and what else of the window is shown."""
        form = Form(window)
        names = ("ready_ids", "refused_ids", "template_id", "resend")
        return [name for name in names if not form._get_modifier(name, "invisible")]

    def test_window_with_nothing_to_send_opens_on_the_reasons(self):
        drafts = self._invoices(2, post=False)
        window = self._open(drafts)
        self.assertEqual(self._shown(window), ["refused_ids"])
        self.assertEqual(window.refused_title, "Will not be sent (2)")
        with self.assertUserError("None of these invoices can be sent"):
            window.action_send()

    def test_window_counts_what_will_and_what_will_not_be_sent(self):
        window = self._open(self._invoices(2) + self._invoices(1, post=False))
        self.assertRegex(window.ready_title, r"Will be sent \(2\): .*201\.00")
        self.assertEqual(window.refused_title, "Will not be sent (1)")
        self.assertEqual(self._shown(window)[:2], ["ready_ids", "refused_ids"])
        window = self._open(self._invoices(2))
        self.assertEqual(self._shown(window)[:2], ["ready_ids", "template_id"])

    def _give_credit(self, partner, amount):
        """Let a customer pay so much more than is due, of another invoice."""
        paid = self._create_payable_invoice(50, partner_id=partner.id)
        journal = self.company.payplug_journal_id
        self._register_payment(paid, amount=50 + amount, journal_id=journal.id)

    def test_window_says_whether_the_links_are_for_real_money(self):
        window = self._open(self._invoices(2))
        self.assertTrue(window.is_test)
        self.company.sudo().write(
            {"payplug_live_key": self.account.live_key, "payplug_mode": "live"}
        )
        self.env.invalidate_all()
        self.assertFalse(window.is_test)

    def test_window_tells_the_open_credit_of_each_customer(self):
        self.assertFalse(self._open(self._invoices(2)).has_credits)
        self._give_credit(self.partner_a, 30)
        self._give_credit(self.partner_a, 5)
        contact = self.env["res.partner"].create(
            {"name": "Paul", "parent_id": self.partner_a.id, "email": "p@example.com"}
        )
        invoices = self._invoices(1) + self._invoices(1, partner_id=contact.id)
        others = self._create_payable_invoice(
            partner_id=self.partner_b.id, invoice_payment_term_id=False
        )
        window = self._open(invoices + others)
        self.assertEqual(window.ready_ids.mapped("credit"), [35, 35, 0])
        self.assertTrue(window.has_credits)
        for invoice, line in zip(invoices + others, window.ready_ids, strict=True):
            found = invoice.invoice_outstanding_credits_debits_widget or {}
            offered = sum(one["amount"] for one in found.get("content", ()))
            self.assertEqual(line.credit, offered)

    def test_credits_of_many_customers_cost_no_more_than_those_of_few(self):
        invoices = self.env["account.move"].with_user(self.biller)
        for email in ("a@example.com", "b@example.com", "c@example.com"):
            values = {"name": email, "email": email}
            partner = self.env["res.partner"].create(values)
            self._give_credit(partner, 10)
            invoices += self._create_payable_invoice(partner_id=partner.id)
        windows = self.env["payplug.send.links"].with_user(self.biller)
        self.env.invalidate_all()
        windows._find_credits(invoices)  # what Odoo caches is not counted
        counts = []
        for some in (invoices[:1], invoices):
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            found = windows._find_credits(some)
            counts.append(self.env.cr.sql_log_count - before)
            self.assertEqual(list(found.values()), [10] * len(some))
        self.assertEqual(*counts)

    def test_cancelling_is_offered_only_while_an_invoice_waits(self):
        view = self.env.ref("payplug_paylink.payplug_sending_view_list")
        arch = etree.fromstring(view.arch)
        self.assertFalse(arch.xpath("//header/button[@name='action_cancel']"))
        [button] = arch.xpath("//button[@name='action_cancel']")
        for state, offered in [("waiting", True), ("sent", False), ("failed", False)]:
            with self.subTest(state=state):
                hidden = safe_eval(button.get("invisible"), {"state": state})
                self.assertEqual(not hidden, offered)

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

    def test_mail_is_in_the_name_of_the_user_who_sent_it(self):
        self.biller.email = "biller@example.com"
        self.company.email = False
        invoices = self._invoices(2, invoice_user_id=False)
        self._enqueue(invoices)
        self._run_cron()
        for words in ("by card", "Payment link of "):
            told = invoices.message_ids.filtered(lambda m, w=words: w in (m.body or ""))
            self.assertEqual(len(told), 2)
            self.assertEqual(told.author_id, self.biller.partner_id)

    def test_customers_of_any_channel_get_the_mail(self):
        invoices = self._invoices(2)
        self.partner_a.invoice_sending_method = "manual"
        self._enqueue(invoices)
        self.assertEqual(len(self._run_cron()), 2)

    def test_chosen_template_is_used(self):
        template = self._create_reminder("<p t-out='object.payment_link'/>")
        invoices = self._invoices(2)
        self._enqueue(invoices, template_id=template.id)
        for invoice, mail in zip(invoices, self._run_cron(), strict=True):
            self.assertEqual(mail["subject"], f"Reminder of {invoice.name}")
            self.assertIn(invoice.payment_link, mail["body"])

    def test_each_link_is_made_by_one_call(self):
        invoices = self._invoices(4)
        self._enqueue(invoices)
        self._new_calls()
        self._run_cron()
        calls = [(call.method, call.status) for call in self._new_calls()]
        self.assertEqual(calls, [("POST", 201)] * 4)
        amounts = {link.amount for link in invoices.payplug_link_id}
        self.assertEqual(amounts, {100, 101, 102, 103})

    def test_sending_again_sends_only_what_was_not_sent(self):
        invoices = self._invoices(3)
        self._enqueue(invoices[:2])
        self._run_cron()
        window = self._open(invoices)
        self.assertEqual(window.ready_ids.move_id, invoices[2])
        self.assertIn("waits to be paid: sent on", window.refused_ids[0].failure_reason)
        self.assertIn("resend", self._shown(window))
        window.action_send()
        self.assertEqual(len(self._run_cron()), 1)

    def test_link_that_the_customer_renewed_is_not_sent_again(self):
        self.company.payplug_link_target = "page"
        invoices = self._invoices(2)
        self._enqueue(invoices)
        self._run_cron()
        self.payplug.expire(invoices[0].payment_id)
        invoices[0].payplug_link_id.sudo()._sync()
        self.assertEqual(self._open(invoices).ready_ids.move_id, invoices[0])
        invoices[0].sudo()._payplug_start_payment()
        window = self._open(invoices)
        self.assertFalse(window.ready_ids)
        self.assertIn("made by the customer on", window.refused_ids[0].failure_reason)

    def test_sending_again_on_purpose_sends_all(self):
        invoices = self._invoices(2)
        self._enqueue(invoices)
        self._run_cron()
        self._enqueue(invoices, resend=True)
        self.assertEqual(len(self._run_cron()), 2)

    def test_asking_twice_queues_once(self):
        invoices = self._invoices(2)
        self._enqueue(invoices)
        with self.assertUserError("None of these invoices"):
            self._enqueue(invoices)
        self.assertEqual(len(self._queue(invoices)), 2)
        self.assertEqual(len(self._run_cron()), 2)

    def test_invoices_are_taken_back_before_they_are_sent(self):
        invoices = self._invoices(3)
        self._enqueue(invoices)
        taken = invoices[:2]
        action = taken.with_user(self.biller).action_payplug_cancel_sending()
        self.assertIn("will not be sent: 2", action["params"]["message"])
        self.assertEqual(len(self._run_cron()), 1)
        self.assertEqual(self._states(invoices), [False, False, "sent"])
        with self.assertUserError("nothing to cancel"):
            invoices.with_user(self.biller).action_payplug_cancel_sending()

    def test_two_windows_on_the_same_invoices_mail_them_once(self):
        invoices = self._invoices(3)
        first, second = self._open(invoices), self._open(invoices[:2])
        first.action_send()
        with self.assertUserError("None of these"):
            second.action_send()
        self._run_cron()
        with self.assertUserError("None of these"):
            second.action_send()

    def test_window_tells_what_is_being_sent_already_and_by_whom(self):
        invoices = self._invoices(3)
        self._enqueue(invoices[:2])
        window = self._open(invoices)
        self.assertEqual(window.ready_ids.move_id, invoices[2])
        self.assertIn(
            "being sent already, by biller", window.refused_ids[0].failure_reason
        )

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

    def test_list_costs_one_query_for_the_state_of_sending(self):
        invoices = self._invoices(3)
        self._enqueue(invoices)
        self.env.flush_all()
        self.env.invalidate_all()
        invoices.mapped("name")
        with self.assertQueryCount(1):
            invoices.mapped("payplug_sending_state")

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
        self.assertTrue(all(self._queue(invoices).mapped("is_notified")))

    def test_user_is_told_even_when_the_last_one_takes_up_the_workers_time(self):
        invoices = self._invoices(3)
        self._enqueue(invoices)
        with patch(f"{IR_CRON}.MIN_TIME_PER_JOB", 0):
            self._run_cron()
        self.assertEqual(self._states(invoices), ["sent"] * 3)
        self.assertEqual(self._queue(invoices).mapped("is_notified"), [True] * 3)

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
