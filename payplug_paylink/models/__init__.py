from . import (
    payplug_link_guard_mixin,
    payplug_process_mixin,
    payplug_payment_link,
    payplug_sending,
    account_bank_statement_line,
    account_journal,
    account_move,
    ir_http,
    res_company,
    res_config_settings,
    res_partner,
)
