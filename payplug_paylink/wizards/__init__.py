from . import account_move_send_wizard, payplug_sign_in
