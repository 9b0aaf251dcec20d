"""The indexes: each one is there, and small where few rows are looked for."""

import re

from odoo.tests import TransactionCase, tagged

PLAIN = "btree (id)"

INDEXES = {
    # Of a million invoices, few have a link.
    "account_move": {"btree (payplug_link_id) WHERE (payplug_link_id IS NOT NULL)"},
    "payplug_payment_link": {
        f"unique {PLAIN}",
        "btree (move_id) WHERE (move_id IS NOT NULL)",
        "btree (account_payment_id) WHERE (account_payment_id IS NOT NULL)",
        "unique btree (payplug_id) WHERE (payplug_id IS NOT NULL)",
        "unique btree (move_id) WHERE (state = 'pending' AND move_id IS NOT NULL)",
        "unique btree (move_id, id)",
        # What the cron looks for, and hardly any link is.
        "btree (checked_at) WHERE (state = 'pending')",
        "btree (id) WHERE to_book",
        "btree (checked_at) WHERE (state = 'paid' AND amount_refunded < amount)",
    },
    "payplug_refund": {
        f"unique {PLAIN}",
        "btree (link_id)",
        "btree (credit_note_id) WHERE (credit_note_id IS NOT NULL)",
        "btree (account_payment_id) WHERE (account_payment_id IS NOT NULL)",
        "unique btree (payplug_id) WHERE (payplug_id IS NOT NULL)",
        "unique btree (link_id) WHERE (state = ANY (ARRAY['to_send', 'unknown'])[])",
        "btree (id) WHERE to_book",
    },
    "payplug_sending": {
        f"unique {PLAIN}",
        "unique btree (move_id)",
        "btree (id) WHERE (state = 'waiting')",
        "btree (user_id) WHERE (NOT is_notified)",
        "btree (message_id) WHERE (message_id IS NOT NULL)",
        "btree (job_uuid) WHERE (job_uuid IS NOT NULL)",
    },
}


@tagged("post_install", "-at_install", "once")
class TestIndexes(TransactionCase):
    def _found(self, table):
        """Return the table's indexes that have to do with us, in short."""
        self.env.cr.execute(
            "SELECT indexdef FROM pg_indexes WHERE tablename = %s"
            " AND (tablename LIKE 'payplug%%' OR indexdef LIKE '%%payplug%%')",
            [table],
        )
        return {self._shorten(definition) for [definition] in self.env.cr.fetchall()}

    def _shorten(self, definition):
        """Return what an index is for, without names, casts and doubled brackets."""
        kind = "unique " if definition.startswith("CREATE UNIQUE") else ""
        text = re.sub(r"::\w+( varying)?", "", definition.partition(" USING ")[2])
        text = re.sub(r"\((\w+)\)( =)", r"\1\2", text)
        text = re.sub(r"\(([^()]*)\) AND \(([^()]*)\)", r"\1 AND \2", text)
        return kind + text.replace("((", "(").replace("))", ")")

    def test_every_index_is_there_and_partial_where_few_rows_matter(self):
        for table, expected in INDEXES.items():
            with self.subTest(table=table):
                self.assertEqual(self._found(table), expected)

    def test_no_other_table_of_odoo_got_an_index(self):
        self.env.cr.execute(
            "SELECT DISTINCT tablename FROM pg_indexes"
            " WHERE indexdef LIKE '%payplug%' AND tablename NOT LIKE '%payplug%'"
        )
        self.assertEqual(self.env.cr.fetchall(), [("account_move",)])
