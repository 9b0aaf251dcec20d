from . import (
    account_journal,
    account_move,
    account_move_conditions,
    account_move_send,
    payplug_payment_link,
    payplug_payment_link_request,
    res_company,
    res_company_client,
    res_config_settings,
    res_partner,
)
