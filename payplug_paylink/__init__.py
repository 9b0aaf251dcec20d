from . import controllers, demo, models, wizards


def uninstall_hook(env):
    """Leave no link payable that nobody follows any more."""
    env["payplug.payment.link"]._prepare_uninstallation()
