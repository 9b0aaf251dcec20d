"""What the commands say when something is missing: one sentence with the way out.

The real commands, in an environment in which they cannot do their work. Those that
could go on are given a PostgreSQL that does not answer, so that none ever does.
"""

import ctypes
import os
import resource
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
TOOLS = ("wkhtmltopdf",)
CAPBSET_DROP, NET_BIND_SERVICE = 24, 10
PRIVILEGED = 81
LAST_PRIVILEGED = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
SMALL = 2**20  # bytes of a file; the first package is larger
IN_SMALL_DISK = 'mount -t tmpfs -o size=64k tmpfs "$1" && shift && exec "$@"'


def environment(**variables):
    """The variables of the shell in which the tests were started, some of them new.

    :param variables: None for one that shall not be there
    """
    ours = ("WORKBENCH_", "PIP_", "PG")
    found = {key: text for key, text in os.environ.items() if not key.startswith(ours)}
    found.pop("PYTHONPATH", None)
    found |= {"PYTHON": PYTHON, **NO_DATABASE, **variables}
    return {key: str(text) for key, text in found.items() if text is not None}


def complaint(*command, before=(), preexec_fn=None, **variables):
    """The one sentence with which a command in dev/ ends.

    :param before: what runs the command
    :param variables: for `environment`
    """
    script = f"dev/{command[0]}"
    done = subprocess.run(
        [*before, ROOT / script, *command[1:]],
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=preexec_fn,
    )
    assert done.returncode not in (0, 2), done
    assert "Traceback" not in done.stdout + done.stderr
    [sentence] = done.stderr.splitlines()
    assert sentence.startswith(f"{script}: ")
    return sentence


def programs(folder, *names):
    """A PATH with these programs of the machine, and no others."""
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


@pytest.fixture
def no_odoo():
    """Skip where Python has an Odoo itself, which need not be fetched."""
    ask = [PYTHON, "-c", "import odoo.release"]
    if not subprocess.run(ask, env=environment(), capture_output=True).returncode:
        pytest.skip("this Python has an Odoo itself")


# Python

OLD_PYTHON = '[ "$1" = --version ] && echo Python 3.9.2 || exit 1'


def test_an_old_python_that_was_named_is_refused_by_its_version(tmp_path):
    old = script(tmp_path / "python", OLD_PYTHON)
    sentence = complaint("test", PYTHON=old)
    assert "Python 3.10 to 3.13 is needed and Python 3.9.2 was found" in sentence
    assert "PYTHON=/path/to/python3" in sentence


def test_an_old_python_on_the_path_is_refused_by_its_version(tmp_path):
    script(tmp_path / "python3", OLD_PYTHON)
    sentence = complaint("demo", PYTHON=None, PATH=tmp_path)
    assert "Python 3.9.2 was found; install one (apt-get install python3" in sentence


def test_a_machine_without_python_is_told_how_to_get_one(tmp_path):
    sentence = complaint("lint", PYTHON=None, PATH=tmp_path)
    assert "no Python was found; install one (apt-get install python3" in sentence


# Tools


@pytest.mark.parametrize("command", ["demo", "bench"])
def test_a_missing_program_is_named_with_its_package(tmp_path, command):
    sentence = complaint(command, PATH=tmp_path)
    assert "PDF is missing; install it with: sudo apt-get install wkh" in sentence


def test_a_missing_browser_is_named_with_its_package(tmp_path):
    sentence = complaint("demo", "--walk", PATH=programs(tmp_path, *TOOLS))
    assert "A browser is missing; install it with: sudo apt-get ins" in sentence


def test_a_package_that_cannot_be_fetched_is_told_with_apts_own_reason(tmp_path):
    script(tmp_path / "apt-get", "echo 'E: Could not resolve deb.example'; exit 100")
    script(tmp_path / "sudo", 'shift; exec "$@"')  # for who is not root
    script(tmp_path / "true", "exit 0")
    sentence = complaint("demo", PATH=tmp_path)
    assert "cannot be installed; try: sudo apt-get install wkhtmltopdf" in sentence
    assert "E: Could not resolve deb.example" in sentence


# Network


def test_without_network_the_python_packages_are_missed(tmp_path):
    sentence = complaint(
        "demo",
        PAYPLUG_PAYLINK_CACHE=tmp_path,
        PIP_INDEX_URL=f"http://{CLOSED}/",
        PIP_CONFIG_FILE=os.devnull,
        PIP_NO_CACHE_DIR="1",
        PIP_RETRIES="0",
    )
    assert "packages cannot be installed; check the network and start" in sentence


@pytest.mark.usefixtures("no_odoo")
def test_without_network_odoo_is_missed(tmp_path):
    folder = tmp_path / "programs"
    folder.mkdir()
    sentence = complaint(
        "demo",
        ODOO_SOURCE=None,
        PAYPLUG_PAYLINK_CACHE=tmp_path / "cache",
        # without apt, whose patience with a network is longer than ours
        PATH=programs(folder, "git"),
        https_proxy=f"http://{CLOSED}",
    )
    assert "Odoo 19 cannot be fetched; check the network" in sentence
    assert "ODOO_SOURCE=/some/folder" in sentence


@pytest.mark.usefixtures("no_odoo")
def test_without_git_odoo_is_missed(tmp_path):
    sentence = complaint(
        "test",
        ODOO_SOURCE=None,
        PAYPLUG_PAYLINK_CACHE=tmp_path / "cache",
        PATH=programs(tmp_path),
    )
    assert "cannot be fetched without git: `apt-get install git`" in sentence


def test_a_folder_without_odoo_is_refused(tmp_path):
    sentence = complaint("test", ODOO_SOURCE=tmp_path)
    assert f"ODOO_SOURCE={tmp_path} does not hold Odoo 19; name the fo" in sentence


def test_a_postgresql_that_does_not_answer_is_named():
    sentence = complaint("demo", *ports())
    assert "PostgreSQL at 127.0.0.1 does not let" in sentence
    assert "unset PGHOST to use the one that comes along" in sentence


# Disk


def test_a_cache_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "cache"
    sentence = complaint("test", PAYPLUG_PAYLINK_CACHE=folder)
    assert f"The cache folder {folder} cannot be written (Not a dir" in sentence
    assert "name another one with PAYPLUG_PAYLINK_CACHE=/some/folder" in sentence


def test_a_disk_that_is_too_small_is_refused_before_anything_is_fetched(tmp_path):
    rights = [] if os.geteuid() == 0 else ["--map-root-user"]
    small = ["unshare", "--mount", *rights, "sh", "-c", IN_SMALL_DISK, "sh", tmp_path]
    if subprocess.run([*small, "true"], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    sentence = complaint("lint", before=small, PAYPLUG_PAYLINK_CACHE=tmp_path)
    assert f"800 MB are needed in {tmp_path} and 0 MB are free; make" in sentence
    assert "PAYPLUG_PAYLINK_CACHE=/some/folder" in sentence


def test_a_disk_that_fills_up_meanwhile_is_told_as_such(tmp_path):
    def write_little():
        resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, SMALL))

    sentence = complaint(
        "lint", preexec_fn=write_little, PAYPLUG_PAYLINK_CACHE=tmp_path
    )
    assert "There is no room left on the disk" in sentence
    assert "make room and start again" in sentence


# Ports


def ports(**chosen):
    """Options that give each service of the demo a free port, unless one is chosen."""
    names = ("port", "payplug_port", "smtp_port", "mail_port")
    numbers = dict(zip(names, free_ports(len(names)), strict=True)) | chosen
    return [f"--{name.replace('_', '-')}={port}" for name, port in numbers.items()]


def test_a_port_that_is_taken_is_named_with_another():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        sentence = complaint("demo", *ports(smtp_port=port))
    words, _colon, way_out = sentence.rpartition("name another: dev/demo --smtp-port ")
    assert f"Port {port} for the mail server is taken" in words
    assert 0 < int(way_out) != port


@pytest.mark.skipif(
    int(LAST_PRIVILEGED.read_text()) <= PRIVILEGED,
    reason="this machine allows every port to everybody",
)
def test_a_port_that_only_root_may_use_is_refused():
    def become_anybody():
        ctypes.CDLL(None).prctl(CAPBSET_DROP, NET_BIND_SERVICE)

    sentence = complaint("demo", f"--port={PRIVILEGED}", preexec_fn=become_anybody)
    assert f"Port {PRIVILEGED} for Odoo is not allowed to this user; name" in sentence


@pytest.mark.parametrize("text", ["99999", "65536", "0", "-1", "http"])
def test_what_is_no_port_is_refused(text):
    sentence = complaint("demo", "--mail-port", text)
    assert f"{text} is not a port: name a number from 1 to 65535" in sentence


@pytest.mark.parametrize(
    "options", [["--port=8080", "--mail-port=8080"], ["--mail-port=8069"]]
)
def test_one_port_for_two_services_is_refused(options):
    sentence = complaint("demo", *options)
    assert "cannot serve both Odoo and the page that shows the mails" in sentence
    assert "give one of them another" in sentence
