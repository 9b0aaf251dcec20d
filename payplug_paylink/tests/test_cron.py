"""The cron is fair: one bad record, a short time or a silent Payplug starves nobody."""

from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..payplug_api import PayplugClient
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
        self.assertTrue(all(link.retry_at for link in links))

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
