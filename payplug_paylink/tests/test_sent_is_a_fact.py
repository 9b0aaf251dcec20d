"""*Sent* means: the invoice's own customer was mailed the link, and it arrived."""

from odoo import Command, fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models.payplug_sending import MAX_ATTEMPTS
from .common_smtp import SmtpCommon

MARIE, OTHER = "marie.durand@example.com", "other@example.com"
MAIL_LOG = "odoo.addons.mail.models.mail_mail"
NO_LINK = "<p>Here is your invoice <t t-out='object.name'/></p>"
LINK = "<p>Pay here: <a t-att-href='object.payment_link'>by card</a></p>"

BOUNCE = """From: MAILER-DAEMON@example.com
To: bounce@example.com
Subject: Undelivered Mail Returned to Sender
Message-ID: <bounce-{n}@example.com>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="part"

--part
Content-Type: text/plain; charset=utf-8

{said}

--part
Content-Type: message/delivery-status

Reporting-MTA: dns; example.com

Final-Recipient: rfc822; {address}
Action: failed
Status: 5.1.1

--part
Content-Type: message/rfc822

Message-ID: {message_id}
Subject: Invoice

Dear customer
--part--
"""


@tagged("post_install", "-at_install", "once")
class TestSentIsAFact(SmtpCommon):
    def setUp(self):
        super().setUp()
        [self.invoice] = self._invoices(1)

    def _send(self, by_hand):
        """Send the invoice; its mail may be refused."""
        with mute_logger(MAIL_LOG):
            if by_hand:
                self._send_by_hand(self.invoice)
            else:
                self._enqueue(self.invoice)
                self._run_cron()

    def assertNotSent(self, words):
        self.assertEqual(self._states(self.invoice), ["failed"])
        reason = self.invoice.payplug_sending_reason
        self.assertRegex(reason, words)
        self.assertNotIn("\n", reason)
        self.assertIn(reason, self.invoice.message_ids[0].body)
        [line] = self._open(self.invoice).line_ids
        self.assertFalse(line.failure_reason, "nothing keeps it from being sent again")

    # === THE MAIL SERVER === #

    def test_refused_mail_is_not_sent_in_whatever_way_it_was_sent(self):
        self.sink.replies[MARIE] = "550 5.1.1 No such user"
        for by_hand in (True, False):
            with self.subTest(by_hand=by_hand):
                self._send(by_hand)
                self.assertNotSent("550 5.1.1 No such user")
                self.env.invalidate_all()
                self.assertFalse(self.invoice.is_move_sent, "nor by Odoo's ribbon")
        self.sink.replies.clear()
        self._enqueue(self.invoice)
        self.assertEqual(self._run_cron(), {MARIE: 1})
        self.assertEqual(self._states(self.invoice), ["sent"])
        self.env.invalidate_all()
        self.assertTrue(self.invoice.is_move_sent)

    def test_invoice_that_is_sent_by_hand_after_a_failure_is_sent_for_odoo_too(self):
        self.sink.replies[MARIE] = "550 5.1.1 No such user"
        self._send(False)
        self.env.invalidate_all()
        self.assertFalse(self.invoice.is_move_sent)
        self.sink.replies.clear()
        self._send(True)
        self.env.invalidate_all()
        self.assertEqual(self._states(self.invoice), ["sent"])
        self.assertTrue(self.invoice.is_move_sent)

    def test_dead_address_of_a_follower_is_not_the_customers(self):
        for customer, follower in ((MARIE, OTHER), (OTHER, MARIE)):
            for by_hand in (True, False):
                with self.subTest(customer=customer, by_hand=by_hand):
                    self._have_customer(customer, follower)
                    self._send(by_hand)
                    self._run_cron()
                    self.assertEqual(self._states(self.invoice), ["sent"])
                    self.assertEqual(self.sink.received, {customer: 1})

    def _have_customer(self, customer, follower):
        """Take a new invoice of one customer, followed by the other, who is refused."""
        partners = self.partner_a + self.partner_b
        payer = partners.filtered(lambda one: one.email == customer)
        terms = {"invoice_payment_term_id": self.pay_terms_a.id}
        [self.invoice] = self._invoices(1, partner_id=payer.id, **terms)
        self.invoice.message_subscribe((partners - payer).ids)
        self.sink.received.clear()
        self.sink.replies.clear()
        self.sink.replies[follower] = "550 No such user"

    def test_mail_server_that_asks_to_come_again_is_asked_again_for_hours(self):
        for by_hand in (True, False):
            with self.subTest(by_hand=by_hand):
                [self.invoice] = self._invoices(1)
                self.sink.received.clear()
                self.sink.replies[MARIE] = "451 4.7.1 Greylisted"
                self._send(by_hand)
                self.assertEqual(self._states(self.invoice), ["waiting"])
                row = self._queue(self.invoice)
                self.assertGreater(row.retry_at, fields.Datetime.now())
                self.assertFalse(self._run_cron(), "not before its time")
                self.sink.replies.clear()
                self._let_time_pass(self.invoice)
                self.assertEqual(self._run_cron(), {MARIE: 1})
                self.assertEqual(self._states(self.invoice), ["sent"])

    def test_mail_server_that_never_takes_it_is_told_in_the_end(self):
        self.sink.replies[MARIE] = "452 4.2.2 Mailbox full"
        self._send(by_hand=True)
        for _attempt in range(MAX_ATTEMPTS):
            self.assertEqual(self._states(self.invoice), ["waiting"])
            self._let_time_pass(self.invoice)
            with mute_logger(MAIL_LOG):
                self._run_cron()
        self.assertNotSent("452 4.2.2 Mailbox full")

    def test_mail_server_that_is_not_there_is_tried_again(self):
        port = self.server.smtp_port
        self.server.smtp_port = 1
        self._send(by_hand=True)
        self.assertEqual(self._states(self.invoice), ["waiting"])
        self.server.smtp_port = port
        self._let_time_pass(self.invoice)
        self.assertEqual(self._run_cron(), {MARIE: 1})
        self.assertEqual(self._states(self.invoice), ["sent"])

    def test_customer_who_paid_meanwhile_is_not_mailed_again(self):
        self.sink.replies[MARIE] = "451 Later"
        self._send(by_hand=True)
        self.sink.replies.clear()
        self._register_payment(self.invoice)
        self._let_time_pass(self.invoice)
        self.assertFalse(self._run_cron())
        self.assertEqual(self._states(self.invoice), ["failed"])
        self.assertIn("Nothing is left", self.invoice.payplug_sending_reason)

    def _put_off(self, **values):
        """Send by hand while the mail server asks to come again."""
        self.sink.replies[MARIE] = "451 4.7.1 Greylisted"
        with mute_logger(MAIL_LOG):
            self._send_by_hand(self.invoice, **values)
        self.assertEqual(self._states(self.invoice), ["waiting"])
        self.sink.replies.clear()
        self._let_time_pass(self.invoice)

    def _kept_mail(self):
        notices = self._queue(self.invoice).sudo()._customer_notices()
        return notices.mail_mail_id.exists()

    def test_mail_that_is_tried_again_is_the_customers_own(self):
        seller = self._create_user("seller", "account.group_account_invoice")
        self.invoice.message_subscribe(seller.partner_id.ids)
        self._put_off()
        received = self._run_cron()
        self.assertEqual(received[MARIE], 1)
        self._let_time_pass(self.invoice)
        self.assertEqual(self._run_cron()[MARIE], 1)
        self.assertEqual(self._states(self.invoice), ["sent"])

    def test_invoice_that_changed_meanwhile_is_written_anew(self):
        self._put_off()
        before = self._queue(self.invoice).message_id
        self.invoice.button_draft()
        self.invoice.invoice_line_ids.price_unit = 55
        self.invoice.action_post()
        self.assertEqual(self._run_cron(), {MARIE: 1})
        message = self._queue(self.invoice).message_id
        self.assertNotEqual(message, before)
        self.assertIn("55.00", message.body.replace("\N{NO-BREAK SPACE}", " "))
        self.assertEqual(self.invoice.payplug_link_id.amount, 55)

    def test_mail_that_an_administrator_retries_is_not_sent_a_second_time(self):
        self._put_off()
        self._kept_mail().action_retry()
        self.assertEqual(self._run_cron(), {MARIE: 1})
        self.env["mail.mail"].process_email_queue()
        self.assertEqual(dict(self.sink.received), {MARIE: 1})

    def test_mail_that_somebody_deleted_is_written_anew(self):
        self._put_off()
        self._kept_mail().unlink()
        self.assertEqual(self._run_cron(), {MARIE: 1})
        self.assertEqual(self._states(self.invoice), ["sent"])

    def test_failure_that_somebody_ignored_is_not_sent(self):
        self._put_off()
        notices = self._queue(self.invoice).message_id.notification_ids.sudo()
        notices.notification_status = "canceled"
        self.env.cr.flush()
        self.assertNotSent("did not take the mail")

    def test_cancelled_sending_does_not_leave_after_all(self):
        self._put_off()
        mail = self._kept_mail()
        self.invoice.with_user(self.biller).action_payplug_cancel_sending()
        self.assertEqual(mail.state, "cancel")
        self.assertFalse(self._run_cron())

    def test_batch_is_told_though_one_mail_was_put_off(self):
        invoices = self.invoice + self._invoices(
            1, partner_id=self.partner_b.id, invoice_payment_term_id=self.pay_terms_a.id
        )
        self.sink.replies[MARIE] = "451 4.7.1 Greylisted"
        self._enqueue(invoices)
        with mute_logger(MAIL_LOG):
            self._run_cron()
        self.assertEqual(self._states(invoices), ["waiting", "sent"])
        rows = self._queue(invoices)
        self.assertEqual(rows.filtered("is_notified").move_id, invoices[1])

    def test_bounce_that_comes_later_undoes_sent(self):
        for by_hand in (True, False):
            with self.subTest(by_hand=by_hand):
                [self.invoice] = self._invoices(1)
                self._send(by_hand)
                self.assertEqual(self._states(self.invoice), ["sent"])
                self._bounce()
                self.assertNotSent("Bounce")
                self.env.invalidate_all()
                self.assertFalse(self.invoice.is_move_sent)

    def test_bounce_that_only_looks_like_python_undoes_sent(self):
        self._send(by_hand=False)
        said = f"(550, b'5.1.1 {MARIE}: bo\u00eete inconnue, unknown mail-\nbox \\xyz')"
        with self.assertNoLogs("odoo.addons.payplug_paylink", "WARNING"):
            self._bounce(said)
        self.assertNotSent("mail- box xyz")

    def _bounce(self, said="The mailbox of the customer does not exist."):
        """Let the mail come back, as Odoo's gateway takes it."""
        message_id = self._queue(self.invoice).message_id.message_id
        report = BOUNCE.format(
            address=MARIE, message_id=message_id, n=self.invoice.id, said=said
        )
        self.env["mail.thread"].message_process(False, report)
        self.env.cr.flush()

    # === THE TEMPLATE === #

    def _enqueue_with(self, **values):
        template = self._create_reminder(LINK)
        template.write(values)
        self._enqueue(self.invoice, template_id=template.id)
        self._run_cron()

    def test_template_without_the_link_sends_nothing(self):
        self._enqueue_with(body_html=NO_LINK)
        self.assertFalse(self.sink.received)
        self.assertNotSent("Reminder writes no payment link")

    def test_template_without_recipient_is_not_sent(self):
        self._enqueue_with(use_default_to=False, partner_to=False)
        self.assertFalse(self.sink.received)
        self.assertNotSent("No e-mail was addressed to the invoice's customer")

    def test_template_for_somebody_else_is_not_sent(self):
        other = str(self.partner_b.id)
        self._enqueue_with(use_default_to=False, partner_to=other)
        self.assertNotSent("No e-mail was addressed to the invoice's customer")

    def test_template_that_fails_is_told_in_one_line(self):
        # Not when it is saved, which renders it too.
        body = "<p><t t-if='object.ref' t-out='object.nothing_of_it'/></p>"
        template = self._create_reminder(body)
        self.invoice.ref = "PO 1"
        self._enqueue(self.invoice, template_id=template.id)
        with mute_logger("odoo.addons.mail.models.mail_render_mixin"):
            self._run_cron()
        self.assertFalse(self.sink.received)
        self.assertNotSent("AttributeError.*nothing_of_it")
        self.assertNotRegex(self.invoice.payplug_sending_reason, "Traceback|&#|File")

    def test_user_who_takes_the_customer_out_of_the_window_has_not_sent_the_link(self):
        to = [Command.set(self.partner_b.ids)]
        self._send_by_hand(self.invoice, mail_partner_ids=to)
        self.assertEqual(self.sink.received, {OTHER: 1})
        self.assertNotSent("No e-mail was addressed to the invoice's customer")

    def test_colleague_of_the_customer_may_be_the_one_who_is_mailed(self):
        colleague = self.partner_a.create(
            {"name": "Accounts", "email": "accounts@example.com"}
        )
        colleague.parent_id = self.partner_a
        to = [Command.set(colleague.ids)]
        self._send_by_hand(self.invoice, mail_partner_ids=to)
        self.assertEqual(self._states(self.invoice), ["sent"])

    # === WHAT THE WINDOW WARNS OF === #

    def _alerts(self, **values):
        return self._open_own(self.invoice, **values).alerts or {}

    def test_window_warns_of_a_text_without_the_link_whatever_the_template(self):
        self.assertNotIn("payplug_no_link", self._alerts())
        without = self._create_reminder(NO_LINK)
        self.assertIn("payplug_no_link", self._alerts(template_id=without.id))
        self.assertIn("payplug_no_link", self._alerts(body="<p>Dear customer</p>"))
        typed = f"<p>Pay at {self.invoice.payment_link}</p>"
        self.assertNotIn("payplug_no_link", self._alerts(body=typed))
        with_link = self._create_reminder(LINK)
        self.assertNotIn("payplug_no_link", self._alerts(template_id=with_link.id))

    def test_window_with_nobody_left_to_mail_says_so(self):
        window = self._open_own(self.invoice)
        self.partner_a.active = False
        with self.assertUserError("No recipient of this mail is there"):
            window.action_send_and_print()

    def test_window_warns_when_our_template_was_deleted(self):
        self.invoice._payplug_template().unlink()
        alert = self._alerts()["payplug_no_link"]["message"]
        self.assertIn("holds no payment link", alert)

    def test_archived_customer_is_an_unmet_condition_that_names_it(self):
        self.partner_a.active = False
        with self.assertUserError("Marie Durand is archived"):
            self._open_own(self.invoice)
        [line] = self._open(self.invoice).line_ids
        self.assertIn("Marie Durand is archived", line.failure_reason)

    # === WHAT IS DELETED MEANWHILE === #

    def assertRefusedAlone(self, words):
        """Check that the first of two is refused, and the other one sent."""
        first, second = self.invoice, self._invoices(1)
        self._enqueue(second)
        self._run_cron()
        self.assertEqual(self._states(first + second), ["failed", "sent"])
        self.assertRegex(first.payplug_sending_reason, words)

    def test_user_who_sent_links_can_be_deleted(self):
        leaver = self._create_user("leaver", "account.group_account_invoice")
        self._send_as(leaver, self.invoice)
        leaver.unlink()
        self.assertRefusedAlone("no longer a user")

    def test_archived_user_is_named(self):
        leaver = self._create_user("leaver", "account.group_account_invoice")
        self._send_as(leaver, self.invoice)
        leaver.active = False
        self.assertRefusedAlone("leaver.* is no longer a user")

    def _send_as(self, user, invoice, template=None, report=None):
        template = template or invoice._payplug_template()
        report = report or self.env["ir.actions.report"]
        queue = self.env["payplug.sending"].with_user(user).sudo()
        queue._enqueue(invoice, template, report)

    def test_template_and_print_model_that_were_sent_with_can_be_deleted(self):
        template = self._create_reminder(LINK)
        self._enqueue(self.invoice, template_id=template.id)
        template.unlink()
        self.assertRefusedAlone("template or its print model was deleted")

    def test_deleted_print_model_is_told(self):
        report = self.env.ref("account.account_invoices").copy()
        self._enqueue(self.invoice, pdf_report_id=report.id)
        report.unlink()
        self.assertRefusedAlone("template or its print model was deleted")

    def test_right_that_is_missing_is_the_one_that_is_named(self):
        other = self._create_user("other", "account.group_account_invoice")
        self._send_as(other, self.invoice)
        rule = {"name": "No", "domain_force": "[(0, '=', 1)]"}
        model = self.env["ir.model"]._get_id("mail.template")
        group = self.env.ref("account.group_account_invoice")
        template_rule = {**rule, "model_id": model, "groups": [Command.set(group.ids)]}
        self.env["ir.rule"].sudo().create(template_rule)
        self._run_cron()
        self.assertEqual(self._states(self.invoice), ["failed"])
        reason = self.invoice.sudo().payplug_sending_reason
        self.assertIn("other (account.group_account_invoice) may not use “", reason)

    def test_user_who_left_the_company_is_told_from_one_who_lost_a_right(self):
        other = self._create_user("other", "account.group_account_invoice")
        self._send_as(other, self.invoice)
        main = self.env.ref("base.main_company")
        other.write({"company_ids": [Command.set(main.ids)], "company_id": main.id})
        self._run_cron()
        self.assertNotSent("may no longer send invoices of")
