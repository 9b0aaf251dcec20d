"""The cron asks little: pages of payments first, single questions for the rest."""

from odoo.tests import tagged
from odoo.tools import mute_logger

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
        self._sell_in_the_web_shop(250)
        newest = self._make_links(1)
        self.payplug.pay(old.payplug_id)
        asked = self._asked()
        self.assertEqual([page for page in asked if page in (0, 1, 2)], [0, 1])
        self.assertEqual(sorted(asked[2:]), sorted(links.mapped("payplug_id")))
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

    def test_links_seen_a_moment_ago_are_not_asked_again(self):
        self._make_links(3)
        self.assertEqual(self._asked(), [0])
        self.assertEqual(self._asked(), [])
