"""What makes an Odoo with demo data a demo of this addon.

Run inside Odoo by its shell: `env` is there, and `SETTINGS` stands in front.
"""

SCRIPT = """
SETTINGS = {settings!r}

company = env.ref("base.demo_company_fr")
administrator = env.ref("base.user_admin")
parameters = env["ir.config_parameter"]
parameters.set_param("payplug_paylink.api_url", SETTINGS["payplug_url"])
parameters.set_param("web.base.url", SETTINGS["odoo_url"])
parameters.set_param("web.base.url.freeze", "True")
# The only way out for mails; a demo asks nobody on the Internet about its contacts.
env["ir.mail_server"].search([]).unlink()
env["ir.mail_server"].create(
    {{
        "name": "Mails of the demo",
        "smtp_host": "127.0.0.1",
        "smtp_port": SETTINGS["smtp_port"],
        "smtp_encryption": "none",
    }}
)
administrator.write(
    {{"company_ids": [(4, company.id)], "company_id": company.id, "lang": "en_US"}}
)
company._payplug_demo_connect(SETTINGS["test_key"])
env.cr.commit()
"""


def script(odoo_url, payplug_url, smtp_port, test_key):
    """Return the lines for `odoo shell`.

    :param str odoo_url: where Odoo will answer, without final slash
    :param str payplug_url: where the emulator answers
    :param int smtp_port: of the mail server on 127.0.0.1
    :param str test_key: secret key of the emulator's demo account
    """
    settings = {
        "odoo_url": odoo_url,
        "payplug_url": payplug_url,
        "smtp_port": smtp_port,
        "test_key": test_key,
    }
    return SCRIPT.format(settings=settings)
