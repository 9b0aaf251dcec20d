"""Refunds at the wire, and the decisions about them: no record is involved."""

from datetime import datetime, timedelta
from itertools import product

from odoo.tests import BaseCase, tagged

from .. import payment_messages, payment_rules
from ..payment_rules import RefundFacts, may_move_refund, unmet_refund
from ..payplug_remote import (
    BY_HAND,
    PayplugRecorded,
    PayplugRejected,
    PayplugUnavailable,
    RemoteRefund,
)
from .common_emulator import EmulatorCommon

NOW = datetime(2026, 1, 15, 12)
HOUR = timedelta(hours=1)
FACTS = RefundFacts(True, True, 12000, 5000, NOW - HOUR, NOW + HOUR)


@tagged("post_install", "-at_install", "once")
class TestRefundClient(EmulatorCommon):
    def setUp(self):
        super().setUp()
        payload = {"amount": 12000, "currency": "EUR"}
        self.payment_id = self.client.create_payment(payload).id
        self.payplug.pay(self.payment_id)

    def _refund(self, cents=500, **metadata):
        return self.client.create_refund(self.payment_id, cents, metadata)

    def test_refund_comes_back_in_our_words_and_in_the_list(self):
        refund = self._refund(refund_id="7")
        self.assertEqual(
            refund,
            RemoteRefund(
                id=refund.id,
                payment_id=self.payment_id,
                cents=500,
                currency="EUR",
                is_live=False,
                created_at=refund.created_at,
                metadata={"refund_id": "7"},
            ),
        )
        self.assertLess(abs(refund.created_at - datetime.utcnow()), HOUR)
        self.assertEqual(self.client.list_refunds(self.payment_id), [refund])
        remote = self.client.get_payment(self.payment_id)
        self.assertEqual(remote.cents_refunded, 500)
        self.assertEqual(remote.refundable_after, remote.paid_at)
        self.assertGreater(remote.refundable_until, remote.paid_at)

    def test_list_of_many_refunds_is_read_to_its_end(self):
        for _each in range(101):
            self.payplug.refund(self.payment_id, 10)
        refunds = self.client.list_refunds(self.payment_id)
        self.assertEqual(sum(refund.cents for refund in refunds), 1010)

    def test_list_that_repeats_its_pages_ends(self):
        self._refund()
        path = f"/v1/payments/{self.payment_id}/refunds"
        self.payplug.fail("lie", times=None, path=path)
        self.assertEqual(len(self.client.list_refunds(self.payment_id)), 1)

    def test_metadata_may_be_a_text_or_rubbish_and_other_rubbish_is_unreadable(self):
        refund = self._refund(refund_id="7")
        path = f"/v1/payments/{self.payment_id}/refunds"
        for metadata, expected in (
            ('{"refund_id": "7"}', {"refund_id": "7"}),
            ("null", {}),
            ("", {}),
            (None, {}),
            ("[" * 100_000, {}),
            ("seven", {}),
            (7, {}),
        ):
            self.payplug.fail("lie", path=path, fields={"metadata": metadata})
            [found] = self.client.list_refunds(self.payment_id)
            self.assertEqual(found, refund._replace(metadata=expected))
        for fields in (
            {"amount": "500"},
            {"amount": True},
            {"id": "../re_1"},
            {"object": "payment"},
            {"created_at": None},
            {"created_at": 10**20},
        ):
            with self.subTest(fields=str(fields)[:40]):
                self.payplug.fail("lie", path=path, fields=fields)
                with self.assertRaises(PayplugUnavailable):
                    self.client.list_refunds(self.payment_id)

    def test_each_refusal_has_its_error(self):
        cases = (
            ("too large", lambda: self._refund(12001)),
            ("too small", lambda: self._refund(9)),
            (
                "another mode",
                lambda: self._client(self.account.live_key).create_refund(
                    self.payment_id, 500, {}
                ),
            ),
        )
        for name, act in cases:
            with self.subTest(name=name), self.assertRaises(PayplugRejected):
                act()
        self.assertEqual(self.payplug.ledger()[0]["cents_refunded"], 0)

    def test_refund_that_is_only_recorded_is_told_apart(self):
        self.account.refunds_by_hand = True
        with self.assertRaises(PayplugRecorded) as recorded:
            self._refund()
        self.assertIn("by hand", recorded.exception.details)
        self.assertEqual(self.payplug.ledger()[0]["cents_refunded"], 0)
        self.assertEqual(self.payplug.process_refunds(self.payment_id), 1)
        [refund] = self.client.list_refunds(self.payment_id)
        self.assertEqual((refund.cents, refund.metadata), (500, {}))

    def test_success_in_words_that_nobody_knows_may_be_a_refund_by_hand(self):
        self.payplug.fail("error", path="/v1", method="POST")
        with self.assertRaises(PayplugUnavailable):
            self._refund()

    def test_words_that_tell_of_a_refund_by_hand(self):
        for words, by_hand in (
            ("Votre demande sera traitée manuellement par nos équipes.", True),
            ("Remboursement enregistré, il sera fait à la main.", True),
            ("Votre demande est prise en compte.", True),
            ("The refund was registered for manual processing.", True),
            ("There is no record of this payment.", False),
            ("Votre solde est insuffisant.", False),
        ):
            with self.subTest(words=words):
                self.assertEqual(bool(BY_HAND.search(words)), by_hand)

    def test_lost_answers_are_unavailable(self):
        for kind in ("drop", "bad_utf8", "empty", "list", "null", "html", 500, 429):
            self.payplug.fail(kind, method="POST")
            with self.subTest(kind=kind), self.assertRaises(PayplugUnavailable):
                self._refund()

    def test_balance_and_dates_of_the_account_are_kept(self):
        self.payplug.set_account(self.account.id, balance_cents=1000)
        self._refund(900)
        with self.assertRaisesRegex(PayplugRejected, "400") as refusal:
            self._refund(200)
        self.assertIn("balance", refusal.exception.details)
        self.payplug.set_account(self.account.id, balance_cents=None)
        after = self.payplug.store.now() + 60
        self.payplug.alter(self.payment_id, {"refundable_after": after})
        with self.assertRaises(PayplugRejected):
            self._refund(200)
        self.payplug.advance(minutes=2)
        self._refund(200)


@tagged("post_install", "-at_install", "once")
class TestRefundRules(BaseCase):
    def _code(self, cents=5000, **facts):
        unmet = unmet_refund(FACTS._replace(**facts), cents, NOW)
        return unmet and unmet.code

    def test_each_condition_has_its_code_and_its_sentence(self):
        self.assertIsNone(self._code())
        self.assertIsNone(self._code(10))
        self.assertIsNone(self._code(after=None, until=None))
        self.assertIsNone(self._code(after=NOW, until=NOW))
        codes = [
            self._code(is_paid=False),
            self._code(has_key=False),
            self._code(after=NOW + HOUR),
            self._code(until=NOW - HOUR),
            self._code(left_cents=0),
            self._code(asked_cents=0),
            self._code(9),
            self._code(left_cents=4999),
            self._code(5001),
        ]
        self.assertEqual(codes, list(payment_messages.UNMET_REFUND))

    def test_money_that_went_is_a_fact_and_what_went_never_goes_again(self):
        states = payment_rules.REFUND_SOURCES
        moves = {
            (source, target)
            for source, target in product(states, states)
            if may_move_refund(source, target)
        }
        self.assertFalse({target for source, target in moves if source == "done"})
        self.assertEqual(
            {source for source, target in moves if target == "done"},
            set(states) - {"done"},
        )
        self.assertEqual(
            {source for source, target in moves if target == "to_send"}, {"refused"}
        )
