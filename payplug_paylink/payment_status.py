"""The one status of an invoice's payment link that people read.

An expression of the database, so that list, form, cards, filters and groups cannot tell
it differently, and a list asks once. It agrees with what the customer's page says
(`payment_rules.page_state`).
"""

from odoo import fields
from odoo.tools import SQL

STATUSES = [
    ("being_sent", "Being sent"),
    ("not_sent", "Not sent"),
    ("created", "Created, not sent"),
    ("sent", "Sent, waiting"),
    ("refused", "Card refused"),
    ("checking", "Payment being checked"),
    ("problem", "To check"),
    ("expired", "Expired: send again"),
    ("renewable", "Expired (customer can renew)"),
    ("over", "Expired"),
    ("off", "Not payable: Payplug is switched off"),
    ("other_mode", "Made in another mode"),
    ("replaced", "Replaced: amount changed"),
    ("reopened", "Cancelled (payable on its page)"),
    ("cancelled", "Cancelled"),
    ("to_book", "Paid, to book"),
    ("recorded", "Paid in test, not booked"),
    ("paid", "Paid"),
    ("refunding", "Being refunded"),
    ("partly_refunded", "Refunded in part"),
    ("refunded", "Refunded in full"),
]

# See `PayplugPaymentLink._matches_invoice`: a draft may have become another customer's.
OF_INVOICE = """(
    {link}.company_id = move.company_id AND {link}.currency_id = move.currency_id
    AND {link}.payer_id = move.commercial_partner_id
) IS TRUE"""
TABLES = """
       account_move move
  LEFT JOIN payplug_payment_link link ON link.id = move.payplug_link_id
  LEFT JOIN payplug_sending sending ON sending.move_id = move.id
       JOIN res_company company ON company.id = move.company_id
       JOIN res_company root
         ON root.id = split_part(company.parent_path, '/', 1)::integer
  LEFT JOIN LATERAL (
        -- of trials, as long as no real money was paid
        SELECT COALESCE(SUM(amount) FILTER (WHERE is_live), SUM(amount)) AS paid,
               COALESCE(SUM(COALESCE(amount_refunded, 0)) FILTER (WHERE is_live),
                        SUM(amount_refunded)) AS refunded,
               bool_or(EXISTS (SELECT FROM payplug_refund
                                WHERE link_id = paid.id
                                  AND state IN ('to_send', 'unknown', 'recorded')))
                   AS is_being_refunded
          FROM payplug_payment_link paid
         WHERE move_id = move.id AND state = 'paid' AND {of_invoice}
      ) totals ON TRUE
""".format(of_invoice=OF_INVOICE.format(link="paid"))
# All invoices that have a status.
WITH_STATUS = """
    SELECT id FROM account_move WHERE payplug_link_id IS NOT NULL
     UNION
    SELECT move_id FROM payplug_sending
"""

IS_DUE = "(move.state = 'posted' AND move.payment_state IN ('not_paid', 'partial'))"
# Beside another link that was paid, the amount says nothing.
IS_OF_OTHER_AMOUNT = "(link.amount <> move.amount_residual AND totals.paid IS NULL)"
MAILS_PAGE = "(root.payplug_link_target = 'page' AND root.payplug_enabled)"
# The customer's page takes payments in the mode that is set now.
IS_OF_OTHER_MODE = "(link.is_live <> (root.payplug_mode = 'live'))"
# See `PayplugPaymentLink._is_stuck`.
IS_STUCK = f"""(
    link.problem IS NOT NULL AND (link.is_live OR NOT {IS_OF_OTHER_MODE})
)"""
# The page of an earlier mail shows a later link, too: which nobody was told of.
IS_SENT = """(
    sending.state = 'sent' AND sending.link_id = link.id OR link.is_made_by_customer
)"""
REFUNDED = "COALESCE(totals.refunded, 0)"
STATUS = f"""
CASE
    WHEN link.id IS NOT NULL AND NOT {OF_INVOICE.format(link="link")} THEN CASE
        WHEN sending.state = 'waiting' THEN 'being_sent'
        WHEN link.state = 'pending' AND link.problem IS NOT NULL THEN 'problem'
        WHEN link.state = 'pending' AND link.is_being_checked THEN 'checking'
        WHEN sending.state = 'failed' THEN 'not_sent' END
    WHEN link.state = 'paid' THEN CASE
        WHEN link.to_book THEN 'to_book'
        WHEN totals.refunded > 0 AND totals.refunded >= totals.paid THEN 'refunded'
        WHEN totals.is_being_refunded THEN 'refunding'
        WHEN totals.refunded > 0 THEN 'partly_refunded'
        WHEN NOT (link.is_live OR COALESCE(link.is_booked, FALSE)) THEN 'recorded'
        ELSE 'paid' END
    WHEN sending.state = 'waiting' THEN 'being_sent'
    WHEN link.state = 'pending' AND {IS_STUCK} THEN 'problem'
    WHEN link.state = 'pending' AND link.is_being_checked THEN 'checking'
    WHEN link.to_cancel OR link.state = 'cancelled' AND NOT {IS_DUE} THEN 'cancelled'
    WHEN link.state = 'expired' AND NOT {IS_DUE} THEN 'over'
    WHEN link.state = 'pending' AND NOT {IS_DUE} THEN 'cancelled'
    WHEN link.id IS NOT NULL AND root.payplug_enabled IS NOT TRUE THEN 'off'
    WHEN link.state = 'pending' AND {IS_OF_OTHER_MODE} THEN CASE
        WHEN sending.state = 'failed' THEN 'not_sent'
        ELSE 'other_mode' END
    WHEN link.state = 'pending' AND {IS_OF_OTHER_AMOUNT} THEN 'replaced'
    WHEN link.state = 'pending' AND link.refusal IS NOT NULL THEN 'refused'
    WHEN sending.state = 'failed' THEN 'not_sent'
    WHEN link.state = 'pending' THEN CASE
        WHEN {IS_SENT} THEN 'sent'
        ELSE 'created' END
    WHEN link.state = 'expired' THEN CASE
        WHEN {MAILS_PAGE} AND root.payplug_customer_renewal THEN 'renewable'
        ELSE 'expired' END
    WHEN link.state = 'cancelled' AND {IS_OF_OTHER_AMOUNT} THEN 'replaced'
    WHEN link.state = 'cancelled' THEN CASE
        WHEN {MAILS_PAGE} THEN 'reopened'
        ELSE 'cancelled' END
END"""

WITH_REFUNDS = """
    SELECT move_id FROM payplug_payment_link WHERE amount_refunded > 0
     UNION
    SELECT note.id FROM account_move note
      JOIN payplug_payment_link link ON link.move_id = note.reversed_entry_id
     WHERE link.amount_refunded > 0
"""
# Trials count as long as no real money was paid.
COUNTS = """paid.state = 'paid' AND (paid.is_live OR NOT EXISTS (
    SELECT FROM payplug_payment_link other
     WHERE other.move_id = paid.move_id AND other.state = 'paid' AND other.is_live
))"""
# What was refunded of a credit note: a refund is of the note that it names, but for
# what its payment has settled of others.
OF_NOTE = f"""LEAST(move.amount_total, GREATEST(0, (SELECT SUM(part) FROM (
    SELECT refund.amount AS part
      FROM payplug_refund refund
      JOIN payplug_payment_link paid ON paid.id = refund.link_id AND {COUNTS}
     WHERE refund.credit_note_id = move.id AND refund.state = 'done'
       AND {OF_INVOICE.format(link="paid")}
     UNION ALL
    SELECT CASE WHEN note.id = move.id THEN partial.amount ELSE -partial.amount END
      FROM payplug_payment_link paid
      JOIN payplug_refund refund ON refund.link_id = paid.id AND refund.state = 'done'
      JOIN account_payment payment ON payment.id = refund.account_payment_id
      JOIN account_move_line debit ON debit.move_id = payment.move_id
      JOIN account_partial_reconcile partial ON partial.debit_move_id = debit.id
      JOIN account_move_line credit ON credit.id = partial.credit_move_id
      JOIN account_move note
        ON note.id = credit.move_id AND note.reversed_entry_id = paid.move_id
     WHERE paid.move_id = move.reversed_entry_id AND {COUNTS}
       AND {OF_INVOICE.format(link="paid")}
       AND (note.id = move.id) <> (refund.credit_note_id IS NOT DISTINCT FROM move.id)
) parts)))::double precision"""
OF_ANY = f"CASE WHEN move.move_type = 'out_refund' THEN {OF_NOTE} ELSE {REFUNDED} END"

# Our columns of a list, and how to read them for many rows at once.
COLUMNS = {
    "payment_id": "link.payplug_id",
    "online_payment": "link.online_payment",
    "payplug_status": STATUS,
    "payplug_mode": """CASE WHEN link.is_live THEN 'live'
                            WHEN link.id IS NOT NULL THEN 'test' END""",
    # of invoices: to plan the query of credit notes, too, takes longer than to run it
    "payplug_amount_refunded": f"{REFUNDED}::double precision",
}
# What they depend on and may not have been written yet.
FLUSHED = {
    "account.move": [
        *("payplug_link_id", "state", "payment_state", "amount_residual"),
        *("commercial_partner_id", "company_id", "currency_id"),
        *("amount_total", "move_type", "reversed_entry_id"),
    ],
    "account.move.line": ["move_id"],
    "account.payment": ["move_id"],
    "account.partial.reconcile": ["debit_move_id", "credit_move_id", "amount"],
    "payplug.payment.link": [
        *("payplug_id", "state", "amount", "amount_refunded", "problem", "refusal"),
        *("to_book", "to_cancel", "is_being_checked", "is_made_by_customer"),
        *("payer_id", "is_live", "is_booked"),
    ],
    "payplug.sending": ["move_id", "state", "link_id"],
    "payplug.refund": [
        *("link_id", "credit_note_id", "state", "amount", "account_payment_id"),
    ],
    "res.company": [
        *("payplug_link_target", "payplug_enabled", "payplug_customer_renewal"),
        *("payplug_mode", "parent_path"),
    ],
}


class StatusSelection(fields.Selection):
    """The status as a field: a list sorts and groups by its expression, too."""

    def to_sql(self, model, alias):
        model._payplug_flush_status()
        status = f"(SELECT {STATUS} FROM {TABLES} WHERE move.id = %s)"
        return SQL(status, SQL.identifier(alias, "id"))
