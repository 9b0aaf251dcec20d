from . import payplug_paylink
from . import portal
