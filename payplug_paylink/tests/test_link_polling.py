"""The cron asks little: pages of payments first, single questions for the rest."""

import json
import math
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from .. import payplug_api
from .common import LINK_LOG, PayplugBookingCommon


@tagged("post_install", "-at_install", "once")
class TestLinkPolling(PayplugBookingCommon):
    def _asked(self):
        """Run the cron; return how it asked: numbers of pages, ids of payments."""
        self._new_calls()
        self._run_cron()
        return [
            int(call.query["page"])
            if call.path == "/v1/payments"
            else call.path.rpartition("/")[2]
            for call in self._new_calls()
        ]

    def _sell_in_the_web_shop(self, count):
        return self.payplug.add_payments(count, self.account.id)

    def test_payments_of_a_web_shop_between_ours_are_passed_over(self):
        links = self._make_links(2)
        foreign = self._sell_in_the_web_shop(120)
        links += self._make_links(1)
        for payment_id in (*links.mapped("payplug_id"), *foreign[:50]):
            self.payplug.pay(payment_id)
        self.assertEqual(self._asked(), [0, 1])
        self.assertEqual(links.mapped("state"), ["paid"] * 3)
        self.assertEqual(len(links.account_payment_id), 3)

    def test_no_more_pages_are_read_than_there_are_links_to_ask(self):
        links = self._make_links(2)
        self._sell_in_the_web_shop(350)
        for link in links:
            self.payplug.pay(link.payplug_id)
        asked = self._asked()
        self.assertEqual(asked[:2], [0, 1])
        self.assertEqual(sorted(asked[2:]), sorted(links.mapped("payplug_id")))
        self.assertEqual(links.mapped("state"), ["paid", "paid"])

    def test_link_that_the_pages_do_not_show_is_asked_alone(self):
        old, _newer = links = self._make_links(2)
        self._sell_in_the_web_shop(350)
        newest = self._make_links(1)
        self.payplug.pay(old.payplug_id)
        asked = self._asked()
        self.assertEqual([page for page in asked if page in range(9)], [0, 1, 2])
        self.assertEqual(sorted(asked[3:]), sorted(links.mapped("payplug_id")))
        self.assertEqual(old.state, "paid")
        self.assertTrue(newest.checked_at)

    def test_reading_stops_at_the_creation_of_the_oldest_link(self):
        self._sell_in_the_web_shop(350)
        self.payplug.advance(hours=1)
        links = self._make_links(3)
        for link in links:
            self.payplug.forget(link.payplug_id)
        with mute_logger(LINK_LOG):
            asked = self._asked()
        self.assertEqual(asked[0], 0)
        self.assertEqual(sorted(asked[1:]), sorted(links.mapped("payplug_id")))

    def test_links_that_ended_are_asked_one_by_one_when_pages_do_not_show_them(self):
        links = self._make_links(2)
        for link in links:
            link._cancel()
        self._sell_in_the_web_shop(350)
        asked = self._asked()
        self.assertEqual(asked[:2], [0, 1], "no more pages than there are links")
        self.assertEqual(set(asked[2:]), set(links.mapped("payplug_id")))
        self.assertTrue(all(link.checked_at for link in links))
        self.assertEqual(self._asked(), [])

    def _run_once(self, budget):
        """Run the cron once, until so many commits; return what remains to do."""
        told = None

        def commit_progress(cron, processed=0, *, remaining=None):
            nonlocal budget, told
            told = told if remaining is None else remaining
            budget -= remaining is None
            cron.env.cr.commit()
            return max(budget, 0)

        crons = type(self.env["ir.cron"])
        with patch.object(crons, "_commit_progress", commit_progress):
            self._run_cron()
        return told

    def test_short_runs_read_no_page_twice_while_the_list_grows(self):
        """Ours among those of a web shop, which sells on meanwhile."""
        links = self._make_links(1)
        for _turn in range(8):
            self._sell_in_the_web_shop(2)
            links += self._make_links(1)
        gone, *_others = links
        self.payplug.forget(gone.payplug_id)
        paid = links[1]
        self.payplug.pay(paid.payplug_id)
        self._new_calls()
        runs = 0
        with patch.object(payplug_api, "PAGE_SIZE", 4), mute_logger(LINK_LOG):
            while self._run_once(2):
                runs += 1
                self._sell_in_the_web_shop(1)
                if runs == 2:
                    new = self._make_links(1)
                    self.env.cr.execute(  # not when this test's transaction began
                        "UPDATE payplug_payment_link SET create_date=%s WHERE id = %s",
                        [fields.Datetime.now() + timedelta(seconds=1), new.id],
                    )
                    new.invalidate_recordset()
        pages = [call.query.get("page") for call in self.payplug.calls]
        pages = [int(page) for page in pages if page]
        self.assertGreater(runs, 3)
        self.assertEqual(pages, list(range(len(pages))), "each once, in their order")
        asked = [call for call in self.payplug.calls if call.method == "GET"]
        needed = math.ceil(len(self.payplug.list_payments(self.account, False)) / 4)
        self.assertLessEqual(
            len(asked), needed + len(gone), "a page each, and one alone"
        )
        self.assertTrue(all(link.checked_at for link in links))
        self.assertFalse(new.checked_at, "it was not there when the reading began")
        self.assertEqual((paid.state, gone.problem), ("paid", "unknown"))
        self.assertFalse(self.company.sudo().payplug_polling)
        self.assertEqual(self._asked(), [0])

    def test_run_without_time_does_nothing_and_is_not_the_last(self):
        self._make_links(1)
        self._new_calls()
        crons = type(self.env["ir.cron"])
        told = []

        def commit_progress(_cron, _processed=0, *, remaining=None):
            told.append(remaining)
            return 0

        with patch.object(crons, "_commit_progress", commit_progress):
            self._run_cron()
        self.assertEqual(told, [1])
        self.assertFalse(self._new_calls())

    def test_place_of_an_hour_ago_is_forgotten(self):
        """Else what has become due on the pages before it would be asked alone."""
        links = self._make_links(3)
        then = fields.Datetime.now() - timedelta(minutes=51)
        place = {"since": fields.Datetime.to_string(then), "page": 7, "fruitless": 0}
        self.company.sudo().payplug_polling = json.dumps({"test": place})
        self.assertEqual(self._asked(), [0])
        self.assertTrue(all(link.checked_at for link in links))

    def test_page_that_cannot_be_read_hides_no_other(self):
        links = self._make_links(2)
        self._sell_in_the_web_shop(1)
        links += self._make_links(2)
        with patch.object(payplug_api, "PAGE_SIZE", 3):
            self.payplug.fail("deep", path="/v1/payments")
            asked = self._asked()
        self.assertEqual(asked[:2], [0, 1])
        self.assertEqual(sorted(asked[2:]), sorted(links[2:].mapped("payplug_id")))
        self.assertTrue(all(link.checked_at for link in links))

    def test_links_seen_a_moment_ago_are_not_asked_again(self):
        self._make_links(3)
        self.assertEqual(self._asked(), [0])
        self.assertEqual(self._asked(), [])
