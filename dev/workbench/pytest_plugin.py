"""A pytest plug-in: marks, halves of a suite, and logged warnings fail a test.

Odoo's test tags `once` and `queue_job` are marks; ``WORKBENCH_HALF`` (0 or 1) chooses
every other class.
"""

import logging
import os

import pytest

LOGGERS = ("odoo", "payplug")
# part of a message that is not the addon's: account's form has this widget from
# partner_autocomplete, which is not there without auto-installed addons
ALLOWED = "Missing widget: res_partner_many2one"


def pytest_itemcollected(item):
    for mark in {"once", "queue_job"} & set(getattr(item.cls, "test_tags", ())):
        item.add_marker(mark)


def pytest_collection_modifyitems(config, items):
    """Keep the half of the test classes that this run was given."""
    if half := os.environ.get("WORKBENCH_HALF"):
        classes = list(dict.fromkeys(item.cls for item in items))
        mine = set(classes[int(half) :: 2])
        config.hook.pytest_deselected(items=[i for i in items if i.cls not in mine])
        items[:] = [item for item in items if item.cls in mine]


@pytest.fixture(autouse=True)
def fail_on_warning(caplog):
    """Fail if the test, or what it set up, has logged a warning or an error."""
    yield
    found = [
        f"{record.levelname} {record.name}: {record.getMessage()}"
        for record in caplog.get_records("setup") + caplog.get_records("call")
        if record.levelno >= logging.WARNING
        and record.name.split(".")[0] in LOGGERS
        and ALLOWED not in record.getMessage()
    ]
    if found:
        pytest.fail("Logged during this test:\n" + "\n".join(found), pytrace=False)
