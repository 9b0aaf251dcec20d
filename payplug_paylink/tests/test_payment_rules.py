"""The decisions, from plain values: no database is asked."""

import time
from datetime import date, datetime, timedelta
from itertools import product

from odoo.exceptions import AccessError, UserError
from odoo.tests import BaseCase, tagged

from .. import payment_messages, payment_rules
from ..payment_rules import (
    AccountFacts,
    InvoiceFacts,
    LinkFacts,
    PageFacts,
    Step,
    is_temporary,
    matches_due,
    may_move,
    next_step,
    page_state,
    server_reply,
    unmet_conditions,
)

NOW = datetime(2026, 1, 15, 12)
ACCOUNT = AccountFacts(True, True, True, 100, 2_000_000)
INVOICE = InvoiceFacts(
    move_type="out_invoice",
    state="posted",
    currency="EUR",
    company_currency="EUR",
    residual_cents=12_000,
    due_cents=12_000,
    total_cents=12_000,
    is_to_book=False,
    is_missing=False,
    due_dates=(date(2026, 2, 1),),
    email="marie.durand@example.com",
)
LINK = LinkFacts("pending", 12_000, False, NOW + timedelta(days=7), False, True)
PAGE = PageFacts(False, False, False, True, "pending", False, True)
STATES = ("pending", "paid", "cancelled", "expired")


@tagged("post_install", "-at_install", "once")
class TestConditionCodes(BaseCase):
    def _codes(self, account=ACCOUNT, to_send=True, **facts):
        found = unmet_conditions(INVOICE._replace(**facts), account, to_send)
        return [unmet.code for unmet in found]

    def test_invoice_that_meets_all_conditions_has_no_code(self):
        self.assertEqual(self._codes(), [])

    def test_each_condition_has_its_code(self):
        two = (date(2026, 2, 1), date(2026, 3, 1))
        for facts, code in (
            ({"move_type": "out_refund"}, "move_type"),
            ({"state": "cancel", "due_cents": 0}, "cancelled"),
            ({"state": "draft", "due_cents": 0}, "not_posted"),
            ({"due_cents": 0, "is_to_book": True}, "to_book"),
            ({"due_cents": 0, "is_missing": True}, "missing"),
            ({"due_cents": 0}, "paid_ahead"),
            ({"due_cents": 0, "residual_cents": 0}, "nothing_due"),
            ({"currency": "USD"}, "currency"),
            ({"company_currency": "CHF"}, "currency"),
            ({"account": ACCOUNT._replace(is_enabled=False)}, "disabled"),
            ({"account": ACCOUNT._replace(has_key=False)}, "no_key"),
            ({"account": ACCOUNT._replace(can_book=False)}, "journal"),
            ({"due_cents": 99}, "amount"),
            ({"due_cents": 2_000_001}, "amount"),
            ({"due_dates": two}, "due_dates"),
            ({"has_contact_access": False}, "contact_access"),
            ({"email": ""}, "email"),
        ):
            with self.subTest(facts=facts):
                self.assertEqual(self._codes(**facts), [code])

    def test_all_unmet_conditions_are_told_together(self):
        found = self._codes(
            currency="USD", email="", due_dates=(NOW, NOW + NOW.resolution)
        )
        self.assertEqual(found, ["currency", "due_dates", "email"])

    def test_limits_are_included(self):
        for cents in (100, 2_000_000):
            self.assertEqual(self._codes(due_cents=cents), [])

    def test_draft_is_told_its_total(self):
        found = self._codes(state="draft", due_cents=0, total_cents=50)
        self.assertEqual(found, ["not_posted", "amount"])

    def test_address_is_not_needed_to_pay(self):
        self.assertEqual(self._codes(email="", to_send=False), [])

    def test_every_code_has_a_sentence(self):
        source = payment_rules.__loader__.get_source(payment_rules.__name__)
        for code in payment_messages.UNMET:
            self.assertIn(f'"{code}"', source)
        kinds = ("out_invoice", "out_refund")
        states = ("draft", "posted", "cancel")
        cents, flags = (0, 50, 12_000), (True, False)
        for kind, state, due, left, flag in product(kinds, states, cents, cents, flags):
            for code in self._codes(
                account=AccountFacts(flag, flag, flag, 100, 2_000_000),
                move_type=kind,
                state=state,
                due_cents=due,
                residual_cents=left,
                is_to_book=flag,
                has_contact_access=flag,
                email="",
            ):
                self.assertIn(code, payment_messages.UNMET)


@tagged("post_install", "-at_install", "once")
class TestLinkDecisions(BaseCase):
    def test_paid_is_final_and_reached_from_everywhere(self):
        for state in STATES:
            self.assertEqual(may_move(state, "paid"), state != "paid")
        for state in payment_rules.SOURCES:
            self.assertFalse(may_move("paid", state))

    def test_only_a_pending_link_ends(self):
        for state, end in product(STATES, ("cancelled", "expired")):
            self.assertEqual(may_move(state, end), state == "pending")

    def test_link_that_differs_in_one_thing_does_not_match_what_is_due(self):
        self.assertTrue(matches_due(LINK, 12_000, is_live=False))
        for changes in (
            {"state": "paid"},
            {"state": "expired"},
            {"cents": 12_001},
            {"is_live": True},
            {"is_blocked": True},
            {"matches_invoice": False},
        ):
            with self.subTest(changes=changes):
                self.assertFalse(matches_due(LINK._replace(**changes), 12_000, False))

    def _step(self, link=LINK, due=12_000, **options):
        return next_step(link, due, is_live=False, now=NOW, **options)

    def test_good_link_is_reused(self):
        self.assertIs(self._step(), Step.REUSE)

    def test_link_near_its_end_is_renewed_but_for_a_customer_who_pays_now(self):
        link = LINK._replace(expires_at=NOW + timedelta(hours=24))
        self.assertIs(self._step(link), Step.ABORT_AND_CREATE)
        self.assertIs(self._step(link, for_customer=True), Step.REUSE)

    def test_pending_link_that_does_not_fit_is_aborted_before_a_new_one(self):
        for changes in ({"cents": 1}, {"is_live": True}, {"is_blocked": True}):
            link = LINK._replace(**changes)
            self.assertIs(self._step(link), Step.ABORT_AND_CREATE)
        self.assertIs(self._step(due=0), Step.ABORT_AND_CREATE)

    def test_without_a_payable_link_one_is_created(self):
        self.assertIs(self._step(None), Step.CREATE)
        for state in ("paid", "cancelled", "expired"):
            self.assertIs(self._step(LINK._replace(state=state)), Step.CREATE)

    def test_nothing_due_creates_nothing(self):
        for link in (None, LINK._replace(state="paid")):
            self.assertIs(self._step(link, due=0), Step.REGISTER)

    def test_customer_renews_only_where_the_company_allows_it(self):
        link = LINK._replace(state="expired")
        for allowed, step in ((True, Step.CREATE), (False, Step.LEAVE_TO_PEOPLE)):
            found = self._step(link, for_customer=True, may_renew=allowed)
            self.assertIs(found, step)
        self.assertIs(self._step(link, may_renew=False), Step.CREATE)


@tagged("post_install", "-at_install", "once")
class TestPageState(BaseCase):
    def test_each_fact_has_its_page(self):
        for changes, state in (
            ({}, "payable"),
            ({"link_state": ""}, "payable"),
            ({"has_refusal": True}, "refused"),
            ({"is_settled": True}, "paid"),
            ({"is_being_checked": True}, "checking"),
            ({"is_barred": True}, "closed"),
            ({"is_met": False}, "closed"),
            ({"link_state": "expired", "has_refusal": True}, "payable"),
            ({"link_state": "expired", "may_renew": False}, "expired"),
        ):
            with self.subTest(changes=changes):
                self.assertEqual(page_state(PAGE._replace(**changes)), state)

    def test_money_that_came_or_may_come_is_never_asked_again(self):
        for values in product((True, False), repeat=4):
            facts = dict(
                zip(
                    ("is_barred", "is_met", "has_refusal", "may_renew"),
                    values,
                    strict=True,
                )
            )
            for name, state in (
                ("is_settled", "paid"),
                ("is_being_checked", "checking"),
            ):
                page = PAGE._replace(**facts, **{name: True})
                self.assertEqual(page_state(page), state)

    # === MAILS === #

    def test_reply_of_a_mail_server_is_read_in_one_line(self):
        for reason, said in (
            ("{'m@x.fr': (550, b'5.1.1 No such user')}", "550 5.1.1 No such user"),
            ('(451, b"4.7.1 Don\'t hurry")', "451 4.7.1 Don't hurry"),
            (r"(550, b'5.1.1 Two\n5.1.1 lines')", "550 5.1.1 Two 5.1.1 lines"),
            (r"(550, b'Bo\xc3\xaete pleine')", "550 Boîte pleine"),
            ("(550, b'Sender not allowed', 'a@x.fr')", "550 Sender not allowed"),
            # of a stranger's mail, which is no Python
            ("{'m@x.fr': (550, b'No such mail-\nbox')}", "550 No such mail- box"),
            ("(550, b'Boîte inconnue')", "550 Boîte inconnue"),
            (r"(550, 'C:\xyz \d \N{x}')", "550 C:xyz d N{x}"),
            (r"(550, b'\xff')", "550 ÿ"),
            (r"(550, b'No\x00such\x1buser\x7f')", "550 No such user"),
            ("[Errno 111] Connection refused", ""),
            (None, ""),
        ):
            with self.subTest(reason=reason):
                self.assertEqual(server_reply(reason), said)

    def test_long_reason_is_searched_in_no_time(self):
        started = time.process_time()
        self.assertEqual(server_reply("(550, 'a" * 100_000), "")
        self.assertLess(time.process_time() - started, 1)

    def test_mail_is_tried_again_where_time_may_help(self):
        self.assertTrue(is_temporary("unknown", "(451, b'Greylisted')"))
        self.assertTrue(is_temporary("mail_smtp", "[Errno 111] Connection refused"))
        self.assertFalse(is_temporary("unknown", "(550, b'No such user')"))
        self.assertFalse(is_temporary("mail_smtp", "(535, b'Wrong password')"))
        self.assertFalse(is_temporary("mail_bounce", "451 in some text"))

    def test_reason_of_an_error_is_one_line(self):
        error_reason = payment_messages.error_reason
        for told, reason in (
            ("\n It is &lt;bad&gt;.\nMore", "It is <bad>."),
            ("Errors:\n- one\n- two", "Errors: - one"),
        ):
            self.assertEqual(error_reason(UserError(told)), reason)
        error = UserError("Failed to render: <p>\nTraceback (most recent call last)")
        error.__cause__ = ValueError("no &#39;such&#39;\nfield")
        self.assertEqual(error_reason(error), "Failed to render: ValueError: no 'such'")
        self.assertEqual(error_reason(AccessError("No\n\nright")), "No right")
