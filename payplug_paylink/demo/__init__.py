from . import payplug_demo
