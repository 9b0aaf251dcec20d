"""A pytest plug-in: marks, a suite in several processes, warnings that fail a test.

Odoo's test tags in `MARKS` are marks. Processes that are given the
same folder by ``WORKBENCH_SHARE`` run one suite together.
"""

import gc
import itertools
import logging
import os
from pathlib import Path

import pytest

MARKS = {"life", "long", "once", "queue_job"}
LOGGERS = ("odoo", "payplug")
# part of a message that is not the addon's: account's form has this widget from
# partner_autocomplete, which is not there without auto-installed addons
ALLOWED = "Missing widget: res_partner_many2one"


def pytest_itemcollected(item):
    for mark in MARKS & set(getattr(item.cls, "test_tags", ())):
        item.add_marker(mark)


def pytest_collection_modifyitems(items):
    """Let what takes long begin first, so that the processes end together."""
    gc.freeze()  # garbage is not looked for in all of Odoo, again and again
    gc.set_threshold(50_000)
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):
    """Run those test classes that no other process has taken.

    :return: whether it did; else pytest does what it does otherwise
    """
    folder = os.environ.get("WORKBENCH_SHARE")
    if not folder or session.testsfailed or session.config.option.collectonly:
        return None
    items = itertools.chain(_taken(session.items, Path(folder)), [None])
    for item, following in itertools.pairwise(items):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.shouldfail or session.shouldstop:
            raise session.Interrupted(session.shouldfail or session.shouldstop)
    return True


def _taken(items, folder):
    """Take one class after the other; its name in the folder says that it is taken."""
    for cls, tests in itertools.groupby(items, key=lambda item: item.cls):
        try:
            (folder / f"{cls.__module__}.{cls.__qualname__}").mkdir()
        except FileExistsError:
            continue
        yield from tests


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
