from . import payplug_sign_in
