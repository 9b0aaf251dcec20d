from . import account_move_send_wizard, account_payment_register, payplug_sign_in
