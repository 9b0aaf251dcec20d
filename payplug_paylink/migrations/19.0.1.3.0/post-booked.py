def migrate(cr, version):
    """Tell which links were booked: those with a payment, and those that lost it."""
    cr.execute(
        """UPDATE payplug_payment_link SET is_booked = TRUE
            WHERE state = 'paid' AND to_book IS NOT TRUE
              AND (is_live OR account_payment_id IS NOT NULL)"""
    )
