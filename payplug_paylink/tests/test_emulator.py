"""The emulator is what Payplug documents: seen by a client that knows nothing of us."""

import base64
import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from odoo.tests import tagged

from .common_emulator import EmulatorCommon

PAYMENT = {"amount": 1000, "currency": "EUR"}


@tagged("post_install", "-at_install", "once")
class TestEmulator(EmulatorCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account = cls.payplug.accounts[0]

    def _call(self, method, path, body=None, **headers):
        """Return the status and the JSON of an answer.

        :param headers: sent beside ours, dashes written as underscores
        """
        request = urllib.request.Request(
            self.payplug.url + path,
            data=body
            if body is None or type(body) is bytes
            else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.account.test_key}",
                "PayPlug-Version": "2019-08-06",
                "Content-Type": "application/json",
                **{name.replace("_", "-"): text for name, text in headers.items()},
            },
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def _create(self, **fields):
        return self._call("POST", "/v1/payments", {**PAYMENT, **fields})

    def _send(self, data):
        """Return the status and the JSON of the answer to these bytes."""
        address = urlsplit(self.payplug.url)
        with socket.create_connection((address.hostname, address.port), 10) as client:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            head, _space, body = client.makefile("rb").read().partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body)

    def _paid(self):
        _status, payment = self._create()
        self.payplug.pay(payment["id"])
        return f"/v1/payments/{payment['id']}"

    def test_wrong_key_is_refused_before_the_body_is_looked_at(self):
        answer = self._call(
            "POST", "/v1/payments", b"rubbish", Authorization="Bearer sk_test_wrong"
        )
        self.assertEqual(answer[0], 401)
        self.assertEqual(self._call("POST", "/v1/payments", b"rubbish")[0], 400)

    def test_payment_of_the_other_mode_is_not_found(self):
        path = self._paid()
        self.assertEqual(self._call("GET", path)[0], 200)
        live = f"Bearer {self.account.live_key}"
        self.assertEqual(self._call("GET", path, Authorization=live)[0], 404)

    def test_each_wrong_field_of_a_creation_is_named(self):
        person = {
            "first_name": "Marie",
            "last_name": "Durand",
            "email": "marie@example.com",
            "address1": "1 rue de la Paix",
            "postcode": "75002",
            "city": "Paris",
            "country": "FR",
        }
        for wrong, name in [
            ({"amount": 98}, "amount"),
            ({"amount": 2_000_001}, "amount"),
            ({"amount": 10.5}, "amount"),
            ({"currency": "USD"}, "currency"),
            ({"notification_url": "example.com"}, "notification_url"),
            ({"billing": {**person, "country": "QQ"}}, "billing"),
            ({"billing": {**person, "mobile_phone_number": "0612345678"}}, "billing"),
            ({"billing": {**person, "city": ""}}, "billing"),
            ({"hosted_payment": {"return_url": "nowhere"}}, "hosted_payment"),
            ({"metadata": {"key": {"nested": True}}}, "metadata"),
        ]:
            with self.subTest(wrong=wrong):
                status, body = self._create(**wrong)
                self.assertEqual(status, 400)
                self.assertEqual(list(body["details"]), [name])
        self.assertEqual(self._create(billing=person)[0], 201)

    def test_token_of_oauth2_works_until_it_expires(self):
        client_id, secret = self.account.clients["test"]
        basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
        form = urlencode({"grant_type": "client_credentials"}).encode()
        kind = "application/x-www-form-urlencoded"
        status, body = self._call(
            "POST",
            "/oauth2/token",
            form,
            Authorization=f"Basic {basic}",
            Content_Type=kind,
        )
        self.assertEqual((status, body["token_type"]), (200, "bearer"))
        bearer = f"Bearer {body['access_token']}"
        status, account = self._call("GET", "/v1/account", Authorization=bearer)
        self.assertEqual((status, account["is_live"]), (200, False))
        self.payplug.advance(seconds=body["expires_in"])
        status, _body = self._call("GET", "/v1/account", Authorization=bearer)
        self.assertEqual(status, 401)

    def test_refunds_are_counted_and_never_exceed_what_was_paid(self):
        path = self._paid()
        self.assertEqual(self._call("POST", f"{path}/refunds", {"amount": 9})[0], 400)
        status, refund = self._call("POST", f"{path}/refunds", {"amount": 400})
        self.assertEqual((status, refund["amount"]), (201, 400))
        self.assertEqual(self._call("GET", path)[1]["amount_refunded"], 400)
        self.assertEqual(self._call("POST", f"{path}/refunds", {"amount": 601})[0], 400)
        self.assertEqual(self._call("POST", f"{path}/refunds", {})[1]["amount"], 600)
        self.assertTrue(self._call("GET", path)[1]["is_refunded"])
        self.assertEqual(len(self._call("GET", f"{path}/refunds")[1]["data"]), 2)

    def test_metadata_can_be_changed_and_a_payment_be_aborted_once(self):
        _status, payment = self._create()
        path = f"/v1/payments/{payment['id']}"
        _status, changed = self._call("PATCH", path, {"metadata": {"order": "42"}})
        self.assertEqual(changed["metadata"], {"order": "42"})
        _status, aborted = self._call("PATCH", path, {"aborted": True})
        self.assertEqual(aborted["failure"]["code"], "aborted")
        self.assertEqual(self._call("PATCH", path, {"aborted": True})[0], 409)

    def test_links_end_after_a_week_and_other_payments_in_minutes(self):
        _status, link = self._create(hosted_payment={"sent_by": "OTHER"})
        _status, page = self._create()
        ends = []
        for moment in ({"minutes": 16}, {"days": 7}):
            self.payplug.advance(**moment)
            for payment in (link, page):
                _status, body = self._call("GET", f"/v1/payments/{payment['id']}")
                ends.append((body["failure"] or {}).get("code"))
        self.assertEqual(ends, [None, "timeout", "timeout", "timeout"])

    def test_hooks_answer_over_http_as_well(self):
        _status, payment = self._create()
        status, body = self._call(
            "POST", "/_emulator/pay", {"payment_id": payment["id"]}
        )
        self.assertEqual(status, 200)
        self.assertTrue(body["result"]["is_paid"])
        self.assertEqual(self._call("POST", "/_emulator/steal", {})[0], 404)

    def test_list_may_be_asked_for_no_payments(self):
        self._create()
        status, body = self._call("GET", "/v1/payments?page=1&per_page=0")
        self.assertEqual((status, body["data"]), (200, []))
        status, _body = self._call("GET", f"/v1/payments?page={'1' * 5000}")
        self.assertEqual(status, 400)

    def test_request_that_is_not_http_is_answered_with_an_error_object(self):
        post = b"POST /v1/payments HTTP/1.1\r\nHost: localhost\r\n"
        chunked = post + b"Transfer-Encoding: chunked\r\n\r\n"
        for data in (
            post + b"Content-Length: abc\r\n\r\n",
            post + b"Content-Length: -1\r\n\r\n",
            post + b"Content-Length: 99999999999999999999\r\n\r\n",
            chunked + b"size\r\n{}\r\n0\r\n\r\n",
            chunked + b"5\r\n{}",
            chunked + b"FFFFFFFFFF\r\n{}",
            b"GET http://[ HTTP/1.1\r\n\r\n",
            b"rubbish\r\n\r\n",
        ):
            with self.subTest(data=data):
                status, body = self._send(data)
                self.assertEqual((status, body["object"]), (400, "error"))

    def test_body_that_is_not_json_is_refused_and_logged(self):
        surrogate = b'{"amount": 1000, "currency": "EUR", "description": "\\ud800"}'
        for data in (b"[" * 100_000, b'{"amount": NaN}', surrogate, b"\xff"):
            for path in ("/v1/payments", "/_emulator/pay"):
                with self.subTest(data=data[:60], path=path):
                    status, body = self._call("POST", path, data)
                    self.assertEqual((status, body["object"]), (400, "error"))
        status, body = self._call("POST", "/_emulator/list_calls")
        self.assertEqual((status, len(body["result"])), (200, 4))

    def test_persons_of_the_other_version_are_not_looked_at(self):
        self.assertEqual(self._create(customer="nobody")[0], 201)

    def test_payment_without_end_of_refunds_is_not_refunded(self):
        _status, payment = self._create()
        altered = {"payment_id": payment["id"], "fields": {"is_paid": True}}
        self.assertEqual(self._call("POST", "/_emulator/alter", altered)[0], 200)
        path = f"/v1/payments/{payment['id']}/refunds"
        self.assertEqual(self._call("POST", path, {})[0], 400)

    def test_altered_payment_that_cannot_be_used_is_an_error_of_the_server(self):
        path = self._paid()
        self.payplug.alter(path.rpartition("/")[2], {"amount": "ten euros"})
        status, body = self._call("POST", f"{path}/refunds", {})
        self.assertEqual((status, body["object"]), (500, "error"))

    def test_wrong_arguments_of_a_hook_are_refused_and_change_nothing(self):
        payment_id = self._create()[1]["id"]
        before = self.payplug.payment(payment_id)
        for hook, arguments in (
            ("pay", {}),
            ("pay", {"payment_id": payment_id, "tip": 5}),
            ("pay", {"payment_id": payment_id, "paid_at": "now"}),
            ("pay", {"payment_id": []}),
            ("alter", {"payment_id": payment_id, "fields": {"failure": "yes"}}),
            ("advance", {"seconds": "soon"}),
            ("advance", {"days": 10**7}),
            ("add_account", {"name": "Lumière", "min_cents": "1"}),
            ("add_payments", {"count": 1, "account_id": "none"}),
            ("fail", {"kind": "unknown"}),
            ("fail", {"kind": 500, "times": "twice"}),
            ("fail", {"kind": "delay", "seconds": -1}),
            ("set_latency", {"seconds": "slow"}),
            ("set_notifications", {"copies": "two"}),
        ):
            with self.subTest(hook=hook, arguments=arguments):
                status, body = self._call("POST", f"/_emulator/{hook}", arguments)
                self.assertEqual((status, body["object"]), (400, "error"))
        self.assertEqual(self.payplug.payment(payment_id), before)
        self.assertEqual(self._call("GET", "/test")[0], 200)

    def test_it_starts_as_a_script_and_as_a_module(self):
        folder = Path(__file__).parent
        for command in (["payplug_emulator.py"], ["-m", "emulator"]):
            with (
                self.subTest(command=command),
                subprocess.Popen(
                    [sys.executable, *command, "--port", "0"],
                    cwd=folder,
                    stdout=subprocess.PIPE,
                    text=True,
                ) as process,
            ):
                url = process.stdout.readline().split()[-1]
                with urllib.request.urlopen(f"{url}/test", timeout=10) as answer:
                    self.assertEqual(answer.status, 200)
                process.terminate()
