"""The parts of the local Payplug that `payplug_emulator.py` puts together."""
