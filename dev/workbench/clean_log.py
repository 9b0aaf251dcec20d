"""A pytest plug-in: a warning in Odoo's log fails the test during which it was logged.

`assertLogs` and `mute_logger` keep a record from reaching the root logger: what a test
expects, or mutes, does not count.
"""

import logging

import pytest

LOGGERS = ("odoo", "payplug")
# what is not ours to mend: a part of the message, and why it is let through
ALLOWED = {
    "Missing widget: res_partner_many2one": "account's form has it from "
    "partner_autocomplete, which is not there without auto-installed addons",
}


class Collector(logging.Handler):
    """Keeps the warnings and errors of the running test."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.found = []

    def emit(self, record):
        """Keep `record` unless it is none of our business."""
        message = record.getMessage()
        ours = record.name.split(".")[0] in LOGGERS
        if ours and not any(part in message for part in ALLOWED):
            self.found.append(f"{record.levelname} {record.name}: {message}")

    def refuse(self):
        """Fail if anything was logged since the last time."""
        found, self.found = self.found, []
        if found:
            pytest.fail("Logged during this test:\n" + "\n".join(found), pytrace=False)


collector = Collector()


def pytest_sessionstart():
    logging.getLogger().addHandler(collector)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call():
    result = yield
    collector.refuse()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown():
    result = yield
    collector.refuse()
    return result
