"""A local Payplug; `payplug_emulator.py` beside this package describes it."""

from .server import PayplugEmulator
