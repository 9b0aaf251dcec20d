"""The cron is fair: one bad record, a short time or a silent Payplug starves nobody."""

from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..payplug_api import PayplugClient
from ..payplug_remote import PayplugRejected
from .common import LINK_LOG, PayplugBookingCommon


@tagged("post_install", "-at_install", "once")
class TestCronFairness(PayplugBookingCommon):
    def _break_chatter_of(self, invoice):
        """Let another addon's code fail whenever this invoice's chatter is written."""
        moves = type(self.env["account.move"])
        original = moves._message_log

        def message_log(move, **values):
            if invoice in move:
                raise KeyError("another addon's")
            return original(move, **values)

        return patch.object(moves, "_message_log", message_log)

    def _run_briefly(self, budget):
        """Run the cron until Odoo says, after this many links, that its time is over.

        :return: the links that were looked at
        """
        left = budget
        links = self.env["payplug.payment.link"].sudo()
        before = {link: link.checked_at for link in links.search([])}

        def commit_progress(cron, processed=0, **_options):
            nonlocal left
            left -= processed
            cron.env.cr.commit()
            return max(left, 0)

        self.env.flush_all()
        with (
            patch.object(
                type(self.env["ir.cron"]), "_commit_progress", commit_progress
            ),
            self.enter_registry_test_mode(),
            self.registry.cursor() as cr,
        ):
            links.with_env(links.env(cr=cr))._cron_follow()
        self.env.invalidate_all()
        return links.browse().union(
            *(link for link, at in before.items() if link.checked_at != at)
        )

    def _let_an_hour_pass(self, links):
        """Make the links as old as if the cron's next hour had come."""
        for link in links.filtered("checked_at"):
            link.checked_at -= timedelta(hours=1)

    def test_exception_of_another_addon_concerns_its_link_alone(self):
        first, bad, last = links = self._make_links(3)
        for link in links:
            self.payplug.refuse(link.payplug_id)
        now = fields.Datetime.now()
        with (
            self._break_chatter_of(bad.move_id),
            self.assertLogs(LINK_LOG, "ERROR") as logs,
        ):
            self._run_cron()
        self.assertEqual(
            [link.refusal for link in links], ["card_declined", False, "card_declined"]
        )
        self.assertGreater(bad.retry_at, now + timedelta(minutes=30))
        self.assertEqual((first.retry_at, last.retry_at), (False, False))
        self.assertEqual(len(logs.output), 1, logs.output)
        self.assertIn(f"Link {bad.id} was left aside", logs.output[0])

    def test_bad_amount_of_one_invoice_stops_no_other(self):
        bad, good = self._make_links(2)
        moves = type(self.env["account.move"])
        original = moves._payplug_amount_due

        def amount_due(move):
            if bad.move_id in move:
                raise KeyError("another addon's")
            return original(move)

        self.payplug.refuse(good.payplug_id)
        with (
            patch.object(moves, "_payplug_amount_due", amount_due),
            mute_logger(LINK_LOG),
        ):
            self._run_cron()
        self.assertEqual(good.refusal, "card_declined")
        self.assertTrue(bad.retry_at)

    def test_account_whose_pages_fail_in_any_way_stops_no_other(self):
        [link] = self._make_links(1)
        other = self._make_links(1)
        other.is_live = True  # another account, for the cron
        self.company.sudo().write(
            {
                "payplug_book_test_payments": False,
                "payplug_live_key": self.account.live_key,
            }
        )
        original = PayplugClient.list_payments

        def list_payments(client, page):
            if len(failed) < 1:
                failed.append(page)
                raise RecursionError
            return original(client, page)

        failed = []
        with (
            patch.object(PayplugClient, "list_payments", list_payments),
            mute_logger(LINK_LOG),
        ):
            self._run_cron()
        self.assertEqual(failed, [0])
        postponed = (link + other).filtered("retry_at")
        self.assertEqual(len(postponed), 1)
        self.assertTrue((link + other - postponed).checked_at)

    def test_what_has_failed_is_not_tried_again_before_its_time(self):
        [bad] = self._make_links(1)
        self.payplug.refuse(bad.payplug_id)
        with self._break_chatter_of(bad.move_id), mute_logger(LINK_LOG):
            self._run_cron()
        self._new_calls()
        self._run_cron()
        self.assertFalse(bad.refusal)
        self.assertFalse(self._new_calls())
        bad.retry_at = fields.Datetime.now() - timedelta(seconds=1)
        bad.checked_at = False
        self._run_cron()
        self.assertEqual(bad.refusal, "card_declined")
        self.assertFalse(bad.retry_at)

    def test_booking_that_fails_is_not_tried_again_before_its_time(self):
        [link] = self._make_links(1)
        self._let_books_refuse()
        self.payplug.pay(link.payplug_id)
        with mute_logger(LINK_LOG):
            link._sync()
            self._run_cron()
        self.assertTrue(link.to_book)
        self.assertGreater(link.retry_at, fields.Datetime.now())
        self._let_books_refuse(False)
        self._run_cron()
        self.assertTrue(link.to_book)
        link.retry_at = fields.Datetime.now() - timedelta(seconds=1)
        self._run_cron()
        self.assertFalse(link.to_book)
        self.assertEqual(link.move_id.amount_residual, 0)

    def test_short_runs_reach_every_link_that_must_be_withdrawn(self):
        links = self._make_links(5)
        links.to_cancel = True
        for number in range(1, 6):
            self._run_briefly(1)
            ended = links.filtered(lambda link: link.state == "cancelled")
            self.assertEqual(len(ended), number)

    def test_short_runs_reach_every_link_in_turn(self):
        """Those that were never looked at come first, then the longest ago."""
        links = self._make_links(4)
        seen = links.browse()
        # Each is asked about by itself.
        with patch.object(PayplugClient, "list_payments", lambda *_page: ([], False)):
            for _run in range(4):
                now = self._run_briefly(1)
                self.assertEqual(len(now), 1)
                self.assertFalse(now & seen)
                seen += now
                self._let_an_hour_pass(links)
            self.assertEqual(seen, links)
            for link in links:  # and again in the same order
                link.checked_at -= timedelta(minutes=links.ids[-1] - link.id)
            self.assertEqual(self._run_briefly(1), links[0])

    def test_links_that_wait_for_good_do_not_starve_those_to_be_looked_at(self):
        """Nothing can be done about a link that Payplug would not end."""
        stuck, link = self._make_links(2)
        stuck.to_cancel = True
        self.payplug.alter(stuck.payplug_id, {"payment_method": {"is_pending": True}})
        self.payplug.refuse(link.payplug_id)
        self.assertEqual(self._run_briefly(1), stuck)
        self.assertEqual(stuck.state, "pending")
        self._run_briefly(1)
        self.assertEqual(link.refusal, "card_declined")

    def test_silent_payplug_is_asked_again_a_little_later(self):
        links = self._make_links(2)
        links.to_cancel = True
        self.payplug.go_down()
        now = fields.Datetime.now()
        self._run_cron()
        for link in links:
            self.assertGreater(link.retry_at, now)
            self.assertLess(link.retry_at, now + timedelta(minutes=10))
        triggers = self.env["ir.cron.trigger"].search([("cron_id", "=", self.cron.id)])
        self.assertTrue(
            triggers.filtered(
                lambda one: (
                    now < one.call_at <= fields.Datetime.now() + timedelta(minutes=10)
                )
            )
        )
        self.payplug.come_back()
        self._new_calls()
        self._run_cron()
        self.assertFalse(self._new_calls())
        links.retry_at = fields.Datetime.now() - timedelta(seconds=1)
        self._run_cron()
        self.assertEqual(set(links.mapped("state")), {"cancelled"})

    def test_after_three_silences_the_others_wait_without_being_asked(self):
        links = self._make_links(5)
        links.to_cancel = True
        self.payplug.fail("500", times=None)
        self._new_calls()
        self._run_cron()
        self.assertEqual(len(self._new_calls()), 3)
        self.assertEqual(
            links.mapped(lambda link: bool(link.retry_at)), [True] * 3 + [False] * 2
        )

    @mute_logger(LINK_LOG)
    def test_bad_answers_about_some_links_stand_in_the_way_of_no_others(self):
        """More of them than silences in a row after which the cron stops."""
        links = self._make_links(9)
        bad, good = links[:7], links[7:]
        links.to_cancel = True
        for link in bad:
            path = f"/v1/payments/{link.payplug_id}"
            self.payplug.fail("lie", times=None, path=path, fields={"amount": "x"})
        for _each in range(3):
            self._run_cron()
            self._let_an_hour_pass(links)
        self.assertEqual(set(bad.mapped("state")), {"pending"})
        self.assertEqual(set(good.mapped("state")), {"cancelled"})

    @mute_logger(LINK_LOG)
    def test_bad_answers_about_some_links_hide_no_payment_of_others(self):
        """What no page of the account's payments shows is asked one by one."""
        links = self._make_links(4)
        for link in links[:3]:
            path = f"/v1/payments/{link.payplug_id}"
            self.payplug.fail("500", times=None, path=path)
        self.payplug.add_payments(600, self.account.id)
        self.payplug.pay(links[3].payplug_id)
        for _each in range(2):
            self._run_cron()
            self._let_an_hour_pass(links)
        self.assertEqual(links[3].state, "paid")

    @mute_logger(LINK_LOG)
    def test_payment_that_a_page_shows_twice_ends_nothing(self):
        links = self._make_links(2)
        self.payplug.pay(links[0].payplug_id)
        original = PayplugClient.list_payments

        def list_payments(client, page=0):
            payments, more = original(client, page)
            return [one for one in payments for _each in range(2)], more

        self.patch(PayplugClient, "list_payments", list_payments)
        self._run_cron()
        self.assertEqual(links.mapped("state"), ["paid", "pending"])
        self.assertFalse(links[1].retry_at)

    @mute_logger(LINK_LOG)
    def test_link_of_which_nothing_can_be_read_for_a_day_calls_a_person_once(self):
        links = self._make_links(2)
        path = f"/v1/payments/{links[0].payplug_id}"
        self.payplug.fail("lie", times=None, path=path, fields={"amount": "x"})
        self.payplug.add_payments(600, self.account.id)  # so that no page shows it
        self.payplug.pay(links[0].payplug_id)
        invoice = links[0].move_id
        for hours, calls in ((1, 0), (22, 0), (1, 1), (24, 1)):
            with self.subTest(hours=hours):
                self._run_cron()
                self.assertEqual(len(invoice.activity_ids), calls)
                self._let_an_hour_pass(links, hours)
        self.assertEqual(invoice.payplug_status, "problem")
        self.assertIn("no answer", invoice.activity_ids.summary)
        call = invoice.activity_ids
        self.assertFalse(links[1].problem)
        self.payplug.clear_faults()
        self._run_cron()
        self.assertEqual(links[0].state, "paid")
        self.assertFalse(links[0].problem)
        self.assertFalse(call.active, "there is an answer")

    def test_several_links_are_cancelled_at_once_in_the_background(self):
        links = self._make_links(3)
        self.payplug.pay(links[2].payplug_id)
        links[2]._sync()
        mine = links.with_user(self.biller).sudo(False)
        told = mine.action_cancel()["params"]["message"]
        self.assertIn("being cancelled: 2.", told)
        self.assertEqual(links.mapped("status"), ["cancelled", "cancelled", "paid"])
        self._run_cron()
        self.assertEqual(links.mapped("state"), ["cancelled", "cancelled", "paid"])
        with self.assertUserError("None of these links can be cancelled"):
            mine.action_cancel()

    @mute_logger(LINK_LOG)
    def test_key_that_is_refused_for_a_day_calls_a_person_once_for_all_links(self):
        links = self._make_links(3)
        self.payplug.fail("401", times=None)
        for _each in range(26):
            self._run_cron()
            self._let_an_hour_pass(links)
        self.assertEqual(set(links.mapped("problem")), {"unanswered"})
        self.assertEqual(len(links.move_id.activity_ids), 1)
        self.payplug.clear_faults()
        other = self._make_links(1)
        self.payplug.fail("401", times=None)
        links |= other
        for _each in range(26):
            self._run_cron()
            self._let_an_hour_pass(links)
        self.assertTrue(other.move_id.activity_ids, "it began a day later")

    @mute_logger(LINK_LOG)
    def test_list_that_is_refused_hides_no_payment(self):
        links = self._make_links(2)
        self.payplug.pay(links[0].payplug_id)
        self.patch(PayplugClient, "list_payments", self._refuse)
        self._run_cron()
        self.assertEqual(links.mapped("state"), ["paid", "pending"])

    def _refuse(self, *_arguments):
        raise PayplugRejected("HTTP 403", 403)

    def _let_an_hour_pass(self, links, hours=1):
        self.env.flush_all()
        self.env.cr.execute(
            """UPDATE payplug_payment_link
                  SET checked_at = checked_at - %(time)s,
                      retry_at = retry_at - %(time)s,
                      unanswered_since = unanswered_since - %(time)s
                WHERE id = ANY(%(ids)s)""",
            {"time": timedelta(hours=hours), "ids": links.ids},
        )
        self.env.invalidate_all()

    def test_link_made_right_before_its_turn_came_is_not_withdrawn(self):
        invoice = self._create_payable_invoice()
        link = self._request(invoice)
        invoice.button_draft()
        self.assertTrue(link._is_outdated())
        invoice.action_post()
        self._new_calls()
        link._cancel_if_outdated()
        self.assertEqual(link.state, "pending")
        self.assertFalse(self._new_calls())
        self.assertIsNone(self._failure(link))
