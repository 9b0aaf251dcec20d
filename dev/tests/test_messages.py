"""What the commands print when something is missing: a sentence that tells what to do.

The real commands run in an environment in which they cannot do their work. Those that
could go on are given a PostgreSQL that does not answer, so that none ever does.
"""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from workbench.processes import free_ports

ROOT = Path(__file__).resolve().parents[2]
PYTHON = os.environ.get("PYTHON", sys._base_executable)
CLOSED = "127.0.0.1:9"  # where nobody listens
NO_DATABASE = {"PGHOST": "127.0.0.1", "PGPORT": "9"}
OLD_PYTHON = '[ "$1" = --version ] && echo Python 3.9.2 || exit 1'
PORTS = ("port", "payplug-port", "smtp-port", "mail-port")


def message(*command, **variables):
    """The sentence with which a command in dev/ ends.

    :param variables: of the environment; None for one that shall not be there
    """
    ours = ("WORKBENCH_", "PIP_", "PG", "PYTHONPATH")
    found = {key: text for key, text in os.environ.items() if not key.startswith(ours)}
    found |= {"PYTHON": PYTHON, **NO_DATABASE, **variables}
    script = f"dev/{command[0]}"
    done = subprocess.run(
        [ROOT / script, *command[1:]],
        env={key: str(text) for key, text in found.items() if text is not None},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode not in (0, 2), done
    assert "Traceback" not in done.stdout + done.stderr
    [sentence] = done.stderr.splitlines()
    assert sentence.startswith(f"{script}: ")
    return sentence


def programs(folder, *names):
    """A PATH with these programs of the machine, and no others."""
    folder.mkdir(exist_ok=True)
    for name in names:
        if not (found := shutil.which(name)):
            pytest.skip(f"{name} is not on this machine")
        (folder / name).symlink_to(found)
    return folder


def script(path, text):
    """Make a program that does what `text` says."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def ports(**chosen):
    """Options that give each service of the demo a free port, unless one is chosen."""
    numbers = dict(zip(PORTS, free_ports(len(PORTS)), strict=True)) | chosen
    return [f"--{name}={number}" for name, number in numbers.items()]


def test_no_python_or_an_old_one(tmp_path):
    sentence = message("lint", PYTHON=None, PATH=tmp_path)
    assert "no Python was found; install one (apt-get install python3" in sentence
    old = script(tmp_path / "python3", OLD_PYTHON)
    sentence = message("test", PYTHON=old)
    assert "Python 3.10 to 3.13 is needed and Python 3.9.2 was found" in sentence
    assert "PYTHON=/path/to/python3" in sentence
    sentence = message("demo", PYTHON=None, PATH=tmp_path)
    assert "Python 3.9.2 was found; install one (apt-get install python3" in sentence


@pytest.mark.parametrize("command", ["demo", "bench"])
def test_a_missing_program_is_named_with_its_package(tmp_path, command):
    sentence = message(command, PATH=tmp_path)
    assert "PDF is missing; install it with: sudo apt-get install wkh" in sentence


def test_a_missing_browser_is_named_with_its_package(tmp_path):
    path = programs(tmp_path, "wkhtmltopdf")
    sentence = message("demo", "--walk", PATH=path)
    assert "A browser is missing; install it with: sudo apt-get ins" in sentence


def test_a_package_that_cannot_be_downloaded_with_the_reason_of_apt(tmp_path):
    script(tmp_path / "apt-get", "echo 'E: Could not resolve deb.example'; exit 100")
    script(tmp_path / "sudo", 'shift; exec "$@"')
    script(tmp_path / "true", "exit 0")
    sentence = message("demo", PATH=tmp_path)
    assert "cannot be installed; try: sudo apt-get install wkhtmltopdf" in sentence
    assert "E: Could not resolve deb.example" in sentence


def test_python_packages_without_network(tmp_path):
    sentence = message(
        "demo",
        PAYPLUG_PAYLINK_CACHE=tmp_path,
        PIP_INDEX_URL=f"http://{CLOSED}/",
        PIP_CONFIG_FILE=os.devnull,
        PIP_NO_CACHE_DIR="1",
        PIP_RETRIES="0",
    )
    assert "packages cannot be installed; check the network and start" in sentence


def test_odoo_without_network_or_git(tmp_path):
    # without apt, which waits longer for a network
    variables = {"ODOO_SOURCE": None, "PAYPLUG_PAYLINK_CACHE": tmp_path / "cache"}
    sentence = message("test", PATH=programs(tmp_path / "none"), **variables)
    assert "cannot be downloaded without git: `apt-get install git`" in sentence
    path = programs(tmp_path / "git", "git")
    sentence = message("demo", PATH=path, https_proxy=f"http://{CLOSED}", **variables)
    assert "Odoo 19 cannot be downloaded; check the network" in sentence
    assert "ODOO_SOURCE=/some/folder" in sentence


def test_a_folder_without_odoo(tmp_path):
    sentence = message("test", ODOO_SOURCE=tmp_path)
    assert f"ODOO_SOURCE={tmp_path} does not hold Odoo 19; name the fo" in sentence


def test_a_cache_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "cache"
    sentence = message("test", PAYPLUG_PAYLINK_CACHE=folder)
    assert f"The cache folder {folder} cannot be written (Not a dir" in sentence
    assert "name another one with PAYPLUG_PAYLINK_CACHE=/some/folder" in sentence


def test_a_postgresql_that_does_not_answer():
    sentence = message("demo", *ports())
    assert "PostgreSQL at 127.0.0.1 does not let" in sentence
    assert "unset PGHOST to use the one that comes along" in sentence


def test_a_port_that_is_taken():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        sentence = message("demo", *ports(**{"smtp-port": port}))
    assert f"Port {port} for the mail server cannot be used" in sentence
    assert "choose another: dev/demo --smtp-port" in sentence
