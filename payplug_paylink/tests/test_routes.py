"""The public routes: what Payplug's notification and the payer's return do."""

from unittest.mock import patch

from psycopg2 import InterfaceError, OperationalError

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from ..models.payplug_payment_link import LOCK_SPACE
from .common import LINK_LOG, PayplugRoutesCommon

ROUTES_LOG = "odoo.addons.payplug_paylink.controllers.main"


@tagged("post_install", "-at_install", "once")
class TestRoutes(PayplugRoutesCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls._create_payable_invoice()
        cls.link = cls._request_for_all(cls.invoice)

    def _path(self, route, link=None, signature=None):
        link = link or self.link
        signature = signature or link._signature(route, link)
        return f"/payplug/{route}/{link.id}/{signature}"

    def _notify(self, link=None, signature=None, body=b"{}"):
        """Ring as Payplug does; return the HTTP status."""
        self.env.flush_all()
        answer = self.url_open(
            self._path("notify", link, signature),
            data=body,
            headers={"Content-Type": "application/json"},
            timeout=20,
        )
        self.env.invalidate_all()
        return answer.status_code

    def test_payplugs_own_notification_settles_the_invoice(self):
        self.payplug.pay(self.link.payplug_id)
        self.assertEqual(self._deliver(), [[200]])
        self.assertEqual(self.link.state, "paid")
        self.assertEqual(self.invoice.amount_residual, 0)

    def test_duplicate_late_and_reordered_notifications_book_once(self):
        self.payplug.set_notifications(copies=3, reverse=True)
        self.payplug.refuse(self.link.payplug_id)
        self.payplug.pay(self.link.payplug_id)
        self.assertEqual(self._deliver(), [[200] * 3] * 2)
        self.payplug.set_notifications(copies=1)
        self.assertEqual(self._notify(), 200)
        self.assertRecordValues(self.link, [{"state": "paid", "refusal": False}])
        booked = self.env["account.payment"].search(
            [("memo", "like", self.link.payplug_id)]
        )
        self.assertEqual(booked, self.link.account_payment_id)
        self.assertEqual(self.invoice.matched_payment_ids, booked)

    def test_refused_card_is_notified_and_stays_payable(self):
        self.payplug.refuse(self.link.payplug_id, "card_declined")
        self._deliver()
        self.assertRecordValues(
            self.link, [{"state": "pending", "refusal": "card_declined"}]
        )

    def test_forged_body_is_ignored(self):
        body = b'{"id": "%s", "is_paid": true}' % self.link.payplug_id.encode()
        self.assertEqual(self._notify(body=body), 200)
        self.assertEqual(self.link.state, "pending")

    def test_foreign_signature_is_answered_404_before_any_call(self):
        good = self.link._signature("notify", self.link)
        other = self._request(self._create_payable_invoice())
        self._new_calls()
        for signature in (
            "0" * 32,
            good[:-1],
            good + "0",
            good.upper(),
            good + "=",
            "é",
            self.link._signature("return", self.link),
            other._signature("notify", other),
        ):
            with self.subTest(signature=signature):
                self.assertEqual(self._notify(signature=signature), 404)
        self.assertFalse(self._new_calls())

    def test_signature_is_judged_by_one_query(self):
        links = self.env["payplug.payment.link"].sudo()
        number, good = str(self.link.id), self.link._signature("notify", self.link)
        for signature, found in ((good, self.link), ("0" * 32, links)):
            self.env.invalidate_all()
            with self.assertQueryCount(1):
                judged = links._find_signed("notify", links, number, signature)
            self.assertEqual(judged, found)

    def test_address_of_an_earlier_link_with_the_same_id_is_answered_404(self):
        """Ids are given out again after a restored backup or a reinstallation."""
        routes = [self.link._route_url(route) for route in ("notify", "return")]
        pages = [self.invoice._payplug_page_url()]
        for table, row, addresses in (
            ("payplug_payment_link", self.link, routes),
            ("account_move", self.invoice, pages),
        ):
            self.env.cr.execute(
                SQL(
                    "UPDATE %s SET create_date = create_date + interval '1 microsecond'"
                    " WHERE id = %s",
                    SQL.identifier(table),
                    row.id,
                )
            )
            self.env.invalidate_all()
            self._new_calls()
            for address in addresses:
                path = address[address.index("/payplug/") :]
                method = "POST" if "/notify/" in path else "GET"
                with self.subTest(path=path):
                    answer = self.url_open(path, method=method, allow_redirects=False)
                    self.assertEqual(answer.status_code, 404)
                    self.assertNotIn(self.invoice.name, answer.text)
            self.assertFalse(self._new_calls())

    def test_link_that_is_gone_is_answered_404(self):
        signature = self.link._signature("notify", self.link)
        self.link.unlink()
        self.assertEqual(self._notify(self.link, signature=signature), 404)

    def test_large_body_is_refused(self):
        self._new_calls()
        with mute_logger("odoo.http"):
            self.assertEqual(self._notify(body=b"x" * (64 * 1024 + 1)), 413)
        self.assertFalse(self._new_calls())

    def test_get_is_no_notification(self):
        with mute_logger("odoo.http"):
            self.assertEqual(self.url_open(self._path("notify")).status_code, 405)

    def test_silent_payplug_makes_the_notification_answer_503(self):
        self.payplug.pay(self.link.payplug_id)
        for fault in (
            "drop",
            "500",
            "429",
            "html",
            "bad_utf8",
            "empty",
            "null",
            "list",
        ):
            with self.subTest(fault=fault):
                self.payplug.fail(fault)
                self.assertEqual(self._notify(), 503)
                self.assertEqual(self.link.state, "pending")
        self.assertEqual(self._notify(), 200)
        self.assertEqual(self.link.state, "paid")

    def _break_applying(self, error):
        """Let another addon's code fail whenever an answer is applied."""
        links = type(self.env["payplug.payment.link"])

        def apply(link, _remote):
            if isinstance(error, str):
                link.env.cr.execute(error)
            raise error

        return patch.object(links, "_apply_remote", apply)

    def test_whatever_goes_wrong_the_notification_is_answered_503(self):
        """Payplug notifies again then; of an error page nobody knows what it does."""
        for error in (KeyError("x"), RecursionError(), OSError("x"), UserError("x")):
            with (
                self.subTest(error=type(error).__name__),
                self._break_applying(error),
                mute_logger(ROUTES_LOG),
            ):
                self.assertEqual(self._notify(), 503)
        self.assertEqual(self._notify(), 200)

    def test_lost_connection_makes_the_notification_answer_503(self):
        wrapped = UserError("x")
        wrapped.__cause__ = InterfaceError("connection already closed")
        closed = OperationalError("server closed the connection unexpectedly")
        for error in (InterfaceError("connection already closed"), wrapped, closed):
            with self.subTest(error=error), self._break_applying(error):
                self.assertEqual(self._notify(), 503)

    def test_conflict_that_lasts_makes_the_notification_answer_503(self):
        with (
            self._break_applying(
                "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$"
            ),
            patch("time.sleep"),
            mute_logger("odoo.service.model", "odoo.sql_db"),
        ):
            self.assertEqual(self._notify(), 503)

    def test_whatever_goes_wrong_visitors_see_the_page(self):
        with self._break_applying(KeyError("x")), mute_logger(ROUTES_LOG):
            for path, method in [
                (self._path("return"), "GET"),
                (self.invoice._payplug_page_path(), "POST"),
            ]:
                with self.subTest(path=path.split("/")[2]):
                    answer = self.url_open(path, allow_redirects=False, method=method)
                    self.assertEqual(answer.status_code, 503)
                    self.assertIn("does not answer right now", answer.text)

    def test_payplug_notifies_again_until_the_payment_is_stored(self):
        self.payplug.pay(self.link.payplug_id)
        self.payplug.fail("500", method="GET")
        self.assertEqual(self._deliver(), [[503]])
        self.payplug.advance(minutes=2)
        self.assertEqual(self._deliver(), [[503, 200]])
        self.assertEqual(self.link.state, "paid")

    def test_refused_key_makes_the_notification_answer_503(self):
        self.company.payplug_test_key = "sk_test_forgotten"
        self.assertEqual(self._notify(), 503)

    def test_payment_that_payplug_forgot_is_answered_200_and_shown(self):
        self.payplug.forget(self.link.payplug_id)
        with mute_logger(LINK_LOG):
            self.assertEqual(self._notify(), 200)
        self.assertEqual(self.link.problem, "unknown")

    def test_missing_key_makes_payplug_notify_again_until_it_is_back(self):
        self.payplug.pay(self.link.payplug_id)
        self.company.payplug_test_key = False
        with mute_logger(LINK_LOG):
            self.assertEqual(self._deliver(), [[503]])
        self.assertEqual(self.link.problem, "no_key", "and yet it is stored")
        self.company.payplug_test_key = self.account.test_key
        self.payplug.advance(minutes=2)
        self.assertEqual(self._deliver(), [[503, 200]])
        self.assertRecordValues(self.link, [{"state": "paid", "problem": False}])

    def test_busy_row_is_answered_503(self):
        """Another connection holds the lock, as another worker does."""
        # Not the invoice that this test's own transaction has locked by asking.
        self.link.move_id.payplug_link_id = False
        self.link.move_id = self._create_payable_invoice()
        with self.registry._db.cursor() as other:
            other.execute(
                "SELECT pg_try_advisory_xact_lock(%s, %s)",
                [LOCK_SPACE, self.link._claim_key()],
            )
            self.assertEqual(other.fetchone(), (True,))
            self.assertEqual(self._notify(), 503)
        self.assertEqual(self._notify(), 200)

    def test_public_users_company_never_leaks_into_the_booking(self):
        self.assertNotEqual(
            self.env.ref("base.public_user").sudo().company_id, self.company
        )
        self.payplug.pay(self.link.payplug_id)
        self._deliver()
        self.assertEqual(self.link.account_payment_id.company_id, self.company)
        self.assertEqual(
            self.link.account_payment_id.sudo().create_uid,
            self.env.ref("base.user_root"),
        )

    def test_ledger_of_payplug_equals_the_books(self):
        links = [self._request(self._create_payable_invoice(n)) for n in range(10, 15)]
        for link in links:
            self.payplug.refuse(link.payplug_id)
        for link in links[:4]:
            self.payplug.pay(link.payplug_id)
        self._deliver()
        taken = {entry["id"]: entry["cents"] for entry in self.payplug.ledger()}
        booked = self.env["account.payment"].search(
            [("journal_id", "=", self.company.payplug_journal_id.id)]
        )
        self.assertEqual(
            sorted(taken.values()), sorted(round(p.amount * 100) for p in booked)
        )

    def test_payer_comes_back_to_a_page_after_one_look(self):
        self.payplug.pay(self.link.payplug_id)
        self._new_calls()
        answer = self.url_open(self._path("return"), allow_redirects=False)
        self.env.invalidate_all()
        self.assertEqual(answer.status_code, 303)
        self.assertEqual(self.link.state, "paid")
        self.assertEqual(len(self._new_calls()), 1)

    def test_payer_comes_back_although_payplug_is_silent(self):
        self.payplug.fail("500")
        answer = self.url_open(self._path("return"), allow_redirects=False)
        self.assertEqual(answer.status_code, 503)
        self.assertIn("need not pay again", answer.text)

    def test_page_of_an_earlier_customer_shows_nothing_of_the_next_ones_invoice(self):
        path = self.invoice._payplug_page_path()
        self.assertEqual(self.url_open(path).status_code, 200)
        self.invoice.button_draft()
        self.invoice.partner_id = self.partner_b
        self.partner_b.email = "b@example.com"
        self.invoice.action_post()
        self.env.flush_all()
        for address in (path, f"{path}/invoice.pdf"):
            self.assertEqual(self.url_open(address).status_code, 404)
        self._new_calls()
        answer = self.url_open(path, data={}, method="POST", allow_redirects=False)
        self.assertEqual(answer.status_code, 404)
        self.assertFalse(self._new_calls())
        path = self.invoice._payplug_page_path()
        self.assertEqual(self.url_open(path).status_code, 200)

    def test_payer_of_an_invoice_that_became_another_customers_sees_nothing_of_it(self):
        self.invoice.button_draft()
        self.invoice.partner_id = self.partner_b
        self.invoice.action_post()
        self.env.flush_all()
        answer = self.url_open(self._path("return"), allow_redirects=False)
        self.assertEqual(answer.status_code, 404)
        self.assertNotIn(self.invoice.name, answer.text)

    def test_payer_of_a_deleted_invoice_comes_back_without_an_error(self):
        self.invoice.button_draft()
        self.invoice.with_context(force_delete=True).unlink()
        self.env.flush_all()
        answer = self.url_open(self._path("return"), allow_redirects=False)
        self.assertEqual(answer.status_code, 404)
        self.assertIn("leads nowhere", answer.text)

    def test_no_secret_and_no_person_is_logged(self):
        self.payplug.refuse(self.link.payplug_id)
        with self.assertLogs("odoo.addons.payplug_paylink", "DEBUG") as logs:
            self._deliver()
        text = "".join(logs.output)
        for secret in (self.account.test_key, "marie.durand", "Durand"):
            self.assertNotIn(secret, text)

    def test_notification_address_is_left_out_where_payplug_cannot_reach_it(self):
        payment = self.payplug.payment(self.link.payplug_id)
        self.assertTrue(payment["notification"]["url"])
        self.env["ir.config_parameter"].set_param("payplug_paylink.api_url", False)
        for url, reachable in [
            ("https://odoo.example.com", True),
            ("http://51.15.0.1:8069", True),
            ("http://localhost:8069", False),
            ("http://127.0.0.1:8069", False),
            ("http://192.168.1.10", False),
            ("http://erp", False),
            ("http://erp.local", False),
            ("ftp://odoo.example.com", False),
        ]:
            with self.subTest(url=url):
                self.env["ir.config_parameter"].set_param("web.base.url", url)
                self.assertEqual(self.company._payplug_can_be_notified(), reachable)
