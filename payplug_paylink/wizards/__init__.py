from . import (
    account_move_send_wizard,
    payplug_send_links,
    payplug_send_links_line,
    payplug_sign_in,
)
