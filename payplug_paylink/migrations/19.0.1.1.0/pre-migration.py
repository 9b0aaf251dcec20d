def migrate(cr, version):
    """Keep what the renamed columns of the queue hold."""
    for old, new in (("is_told", "is_notified"), ("reason", "failure_reason")):
        cr.execute(
            """SELECT 1 FROM information_schema.columns
                WHERE table_name = 'payplug_sending' AND column_name = %s""",
            [old],
        )
        if cr.rowcount:
            cr.execute(f"ALTER TABLE payplug_sending RENAME COLUMN {old} TO {new}")
