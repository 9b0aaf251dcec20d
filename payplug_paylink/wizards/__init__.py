from . import (
    account_move_send_wizard,
    account_payment_register,
    mail_compose_message,
    payplug_refund_by_card,
    payplug_send_links,
    payplug_send_links_line,
    payplug_sign_in,
)
