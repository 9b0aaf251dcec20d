"""The client over the wire: real HTTP to the emulator, no Odoo in between."""

import json
import threading
import time
from contextlib import suppress
from datetime import datetime, timedelta

from odoo.tests import tagged

from ..payplug_api import API_URL, PayplugClient
from ..payplug_remote import (
    PayplugRejected,
    PayplugUnavailable,
    RemotePayment,
    SecretKey,
    from_cents,
    to_cents,
)
from .common_emulator import EmulatorCommon

RUBBISH = tuple("html bad_utf8 empty list null drop redirect deep bomb".split())
NASTY = "no\0 end\ud800 \udfff"  # PostgreSQL takes no NUL, UTF-8 no lone surrogate


@tagged("post_install", "-at_install", "once")
class TestPayplugApi(EmulatorCommon):
    def _payload(self, cents=12000, **values):
        return {
            "amount": cents,
            "currency": "EUR",
            "hosted_payment": {"sent_by": "OTHER"},
            **values,
        }

    def test_created_payment_comes_back_in_our_words(self):
        remote = self.client.create_payment(
            self._payload(metadata={"invoice": "INV/1"}, description="INV/1")
        )
        self.assertEqual((remote.cents, remote.currency), (12000, "EUR"))
        self.assertEqual((remote.state, remote.is_live), ("pending", False))
        self.assertEqual(remote.metadata, {"invoice": "INV/1"})
        self.assertTrue(remote.url.startswith(self.payplug.url))
        self.assertLess(
            abs(remote.created_at - datetime.utcnow()), timedelta(minutes=1)
        )
        self.assertIsNone(remote.paid_at)

    def test_version_header_is_always_sent(self):
        self.client.create_payment(self._payload())
        self.client.get_account()
        self.assertEqual({call.version for call in self.payplug.calls}, {"2019-08-06"})

    def test_states_follow_payplug(self):
        for act, state in [
            (lambda payment_id: None, "pending"),
            (self.payplug.pay, "paid"),
            (self.payplug.refuse, "pending"),
            (self.payplug.expire, "expired"),
            (self.payplug.abort, "cancelled"),
        ]:
            with self.subTest(state=state):
                created = self.client.create_payment(self._payload())
                act(created.id)
                self.assertEqual(self.client.get_payment(created.id).state, state)

    def test_refused_attempt_tells_its_code(self):
        created = self.client.create_payment(self._payload())
        self.payplug.refuse(created.id, "insufficient_funds")
        remote = self.client.get_payment(created.id)
        self.assertEqual(remote.refusal, "insufficient_funds")

    def test_abort_returns_what_was_seen(self):
        created = self.client.create_payment(self._payload())
        self.assertEqual(self.client.abort_payment(created.id).state, "cancelled")
        self.assertEqual(self.client.abort_payment(created.id).state, "cancelled")

    def test_abort_of_a_paid_payment_says_paid(self):
        created = self.client.create_payment(self._payload())
        self.payplug.pay(created.id)
        self.assertEqual(self.client.abort_payment(created.id).state, "paid")

    def test_list_is_paged_newest_first(self):
        self.payplug.add_payments(130, account_id=self.account.id)
        newest = self.client.create_payment(self._payload())
        first, more = self.client.list_payments()
        self.assertEqual((len(first), more, first[0].id), (100, True, newest.id))
        second, more = self.client.list_payments(page=1)
        self.assertEqual((len(second), more), (31, False))

    def test_strange_payment_in_the_list_hides_no_other(self):
        [strange] = self.payplug.add_payments(1, account_id=self.account.id)
        ours = self.client.create_payment(self._payload())
        self.payplug.alter(strange, {"amount": "ten euros"})
        remotes, _more = self.client.list_payments()
        self.assertEqual([remote.id for remote in remotes], [ours.id])

    def test_rubbish_is_unavailable_and_never_a_crash(self):
        payment_id = self.client.create_payment(self._payload()).id
        for kind in (*RUBBISH, "429", "500", "502", "503"):
            with self.subTest(kind=kind):
                self.payplug.fail(kind)
                with self.assertRaises(PayplugUnavailable):
                    self.client.get_payment(payment_id)
        self.assertEqual(self.client.get_payment(payment_id).state, "pending")

    def test_moments_that_a_payment_can_do_without_are_left_out_if_malformed(self):
        payment_id = self.client.create_payment(self._payload()).id
        for name in ("paid_at", "refundable_after", "refundable_until"):
            for value in ("2027-01-01", 10**12, 1.5, True, {}):
                with self.subTest(name=name, value=value):
                    self.payplug.clear_faults()
                    self.payplug.fail("lie", fields={name: value})
                    remote = self.client.get_payment(payment_id)
                    self.assertIsNone(getattr(remote, name))

    def test_malformed_payments_are_unavailable(self):
        payment_id = self.client.create_payment(self._payload()).id
        for fields in (
            {"amount": "12000"},
            {"amount": True},
            {"amount": None},
            {"is_paid": "yes"},
            {"is_live": None},
            {"id": "../account"},
            {"object": "refund"},
            {"created_at": "today"},
            {"created_at": 10**17},
            {"created_at": 10**400},
            {"created_at": -(10**11)},
            {"created_at": 253_402_300_799},  # a week later is no date
            {"created_at": None},
            {"amount": 2**31},
            {"amount_refunded": 10**400},
            {"amount_refunded": -1},
            {"failure": "none"},
        ):
            with self.subTest(fields=fields):
                self.payplug.clear_faults()
                self.payplug.fail("lie", fields=fields)
                with self.assertRaises(PayplugUnavailable):
                    self.client.get_payment(payment_id)

    def test_texts_are_storable_however_deep_they_lie(self):
        payment_id = self.client.create_payment(self._payload()).id
        self.payplug.fail(
            "lie",
            fields={
                "failure": {"code": NASTY + "x" * 1000},
                "metadata": {NASTY: NASTY, "deep": [[{"a": [NASTY]}]]},
                "hosted_payment": {"payment_url": self.payplug.url + NASTY},
            },
        )
        remote = self.client.get_payment(payment_id)
        self.assertEqual(remote.url, "")
        self.assertEqual(len(remote.refusal), 80)
        for said in (remote.refusal, repr(remote.metadata)):
            said.encode()
            self.assertNotIn("\0", said)
            self.assertNotIn("\\x00", said)
            self.assertNotIn("\\ud", said)

    def test_nesting_that_the_parser_takes_stops_nobody(self):
        payment_id = self.client.create_payment(self._payload()).id
        nested = "end"
        for _level in range(100):
            nested = [nested]
        for fault, fields in [
            ("lie", {"metadata": {"a": nested}, "failure": {"code": nested}}),
            ("lie", {"metadata": "[" * 100_000}),
            ("lie", {"object": "error", "details": {"billing": nested}}),
            ("400", {"details": {"billing": nested}, "message": nested}),
        ]:
            with self.subTest(fault=fault, fields=list(fields)):
                self.payplug.fail(fault, fields=fields)
                with suppress(PayplugRejected):
                    remote = self.client.get_payment(payment_id)
                    self.assertLess(repr(remote.metadata).count("["), 20)

    def test_error_nested_without_end_is_a_refusal_without_details(self):
        self.payplug.fail("deep_error")
        with self.assertRaises(PayplugRejected) as refusal:
            self.client.get_account()
        self.assertEqual(refusal.exception.details, "")

    def test_endless_details_are_cut(self):
        self.payplug.fail("400", fields={"details": {str(n): "x" for n in range(9999)}})
        with self.assertRaises(PayplugRejected) as refusal:
            self.client.get_account()
        self.assertEqual(len(refusal.exception.details), 1000)

    def test_metadata_may_come_back_as_a_text(self):
        metadata = {"link_id": "7", "database": "abc"}
        remote = self.client.create_payment(self._payload(metadata=metadata))
        for text, read in [
            (json.dumps(metadata), metadata),
            ("[1]", {}),
            ("no JSON", {}),
            ('{"a": "\\ud800"}', {"a": " "}),
        ]:
            with self.subTest(text=text):
                self.payplug.fail("lie", fields={"metadata": text})
                self.assertEqual(self.client.get_payment(remote.id).metadata, read)

    def test_bad_item_of_a_page_hides_no_other(self):
        ours = self.client.create_payment(self._payload())
        nested = "end"
        for _level in range(100):
            nested = [nested]
        for fields in ({"created_at": 10**17}, {"metadata": {"a": nested}, "id": 1}):
            with self.subTest(fields=list(fields)):
                [strange] = self.payplug.add_payments(1, account_id=self.account.id)
                self.payplug.alter(strange, fields)
                remotes, _more = self.client.list_payments()
                self.assertEqual([remote.id for remote in remotes], [ours.id])

    def test_refusal_tells_field_and_reason(self):
        with self.assertRaises(PayplugRejected) as refusal:
            self.client.create_payment(self._payload(currency="USD"))
        self.assertEqual(refusal.exception.status, 400)
        self.assertIn("currency", refusal.exception.details)

    def test_error_object_with_a_good_status_is_a_refusal(self):
        self.payplug.fail("error")
        with self.assertRaises(PayplugRejected):
            self.client.create_payment(self._payload())

    def test_wrong_key_is_rejected_with_401(self):
        with self.assertRaises(PayplugRejected) as refusal:
            self._client("sk_test_unknown").get_account()
        self.assertEqual(refusal.exception.status, 401)

    def test_payment_of_the_other_mode_is_unknown(self):
        payment_id = self.client.create_payment(self._payload()).id
        with self.assertRaises(PayplugRejected) as refusal:
            self._client(self.account.live_key).get_payment(payment_id)
        self.assertEqual(refusal.exception.status, 404)

    def test_id_is_quoted_and_leads_nowhere_else(self):
        with self.assertRaises(PayplugRejected) as refusal:
            self.client.get_payment("../account?x=1#")
        self.assertEqual(refusal.exception.status, 404)

    def test_foreign_payment_page_is_not_given_to_a_customer(self):
        for url in (
            "https://evil.example.com/pay/x",
            "https://payplug.com.evil.example/pay/x",
            "javascript:alert(1)",
            "",
        ):
            with self.subTest(url=url):
                self.payplug.clear_faults()
                self.payplug.fail(
                    "lie", fields={"hosted_payment": {"payment_url": url}}
                )
                with self.assertRaises(PayplugUnavailable):
                    self.client.create_payment(self._payload())

    def test_pages_of_the_real_payplug_are_trusted_over_https_only(self):
        trusts = PayplugClient(SecretKey("k"), API_URL)._trusts
        self.assertTrue(trusts("https://secure.payplug.com/pay/abc"))
        self.assertTrue(trusts("https://secure-qa.payplug.com/pay/abc"))
        for url in (
            "http://secure.payplug.com/pay/abc",
            "https://payplug.com.evil.example/",
            "https://evilpayplug.com/",
            "http://127.0.0.1/pay/abc",
            "https://secure.payplug.com@evil.example/",
        ):
            with self.subTest(url=url):
                self.assertFalse(trusts(url))

    def test_slow_payplug_is_given_up_within_the_time_of_a_request(self):
        self.payplug.fail("delay", times=None, seconds=5)
        started = time.monotonic()
        client = self._client(self.account.test_key, deadline=started + 2)
        for _call in range(3):
            with self.assertRaises(PayplugUnavailable):
                client.get_account()
        self.assertLess(time.monotonic() - started, 2.5)

    def test_nobody_listens_is_unavailable(self):
        with self.assertRaises(PayplugUnavailable):
            PayplugClient(SecretKey("k"), "http://127.0.0.1:9").get_account()

    def test_each_client_keeps_to_its_own_key(self):
        """The library's global key would mix them up."""
        accounts = [self.payplug.add_account(name=f"A{n}") for n in range(4)]

        def ask(account):
            client = self._client(account.test_key)
            for _turn in range(10):
                client.create_payment(self._payload(5000 + int(account.id)))

        threads = [threading.Thread(target=ask, args=[one]) for one in accounts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        created = [call for call in self.payplug.calls if call.status == 201]
        self.assertEqual(len(created), 40)
        for call in created:
            self.assertEqual(call.body["amount"], 5000 + int(call.account))

    def test_keys_come_for_the_portals_credentials(self):
        georges = self.payplug.add_account(
            name="Méliès", live_allowed=False, email="g@example.com", password="moon"
        )
        keys = PayplugClient.fetch_keys("g@example.com", "moon", self.payplug.url)
        self.assertEqual((keys.test, keys.live), (georges.test_key, ""))
        with self.assertRaises(PayplugRejected):
            PayplugClient.fetch_keys("g@example.com", "earth", self.payplug.url)

    def test_account_tells_limits_and_whether_live_is_allowed(self):
        account = self.client.get_account()
        self.assertEqual((account.min_cents, account.max_cents), (30, 2_000_000))
        self.assertIs(account.live_allowed, True)

    def test_account_without_anything_is_read_all_the_same(self):
        self.payplug.fail("lie", fields={"configuration": None, "permissions": None})
        account = self.client.get_account()
        self.assertEqual((account.min_cents, account.live_allowed), (None, None))

    def test_no_personal_data_and_no_key_in_logs_or_errors(self):
        billing = {
            "first_name": "Marie",
            "last_name": "Durand",
            "email": "marie.durand@example.com",
            "address1": "12 rue des Lilas",
            "postcode": "75020",
            "city": "Paris",
            "country": "FRANCE",
            "language": "fr",
        }
        with self.assertLogs(level="DEBUG") as logs:
            with self.assertRaises(PayplugRejected) as refusal:
                self.client.create_payment(self._payload(billing=billing))
        text = "".join(logs.output) + refusal.exception.args[0]
        for secret in ("Marie", "marie.durand", "Lilas", self.account.test_key):
            self.assertNotIn(secret, text)

    def test_cents_are_exact(self):
        for euros, cents in [
            (0.99, 99),
            (1.0, 100),
            (1234.56, 123456),
            (20000.01, 2000001),
        ]:
            self.assertEqual(to_cents(euros), cents)
            self.assertEqual(from_cents(cents), euros)
        for cents in range(0, 2_000_002, 7):
            self.assertEqual(to_cents(from_cents(cents)), cents)

    def test_remote_payment_needs_no_client(self):
        with self.assertRaises(PayplugUnavailable):
            RemotePayment.from_json(["not", "a", "payment"])
