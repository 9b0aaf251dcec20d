from . import payplug_paylink
