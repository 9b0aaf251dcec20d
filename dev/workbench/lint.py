"""`dev/lint`: formatters, linters and the rules of this project."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from . import cache, rules
from .console import run, step
from .odoo import ADDON

BIN = Path(sys.prefix) / "bin"
PRETTIER = cache.ROOT / "dev" / "prettier"
CODE = [ADDON, "dev"]


def main(options):
    """Run every check, even after one has failed; return 1 if one has."""
    failed = [name for name, command in _checks(options.fix) if _fails(name, command)]
    step("Checking the rules of this project")
    violations = list(rules.violations(cache.ROOT / ADDON))
    if rules.stale_readme(cache.ROOT / ADDON, options.fix):
        violations.append(f"{ADDON}/README.rst is not a copy: dev/lint --fix")
    if violations:
        print(*violations, sep="\n")
        failed.append("rules")
    print(f"Not passed: {', '.join(failed)}" if failed else "All checks passed")
    return int(bool(failed))


def _checks(fix):
    """The name and the command of each check; with `fix`, it formats first."""
    fixing = ["--fix"] if fix else []
    yield "ruff", ["ruff", "check", *fixing, *CODE]
    only_check = [] if fix else ["--diff", "--quiet"]
    yield "ruff format", ["ruff", "format", *only_check, *CODE]
    yield "pylint-odoo", ["pylint", ADDON]
    yield "pylint", ["pylint", "--disable=odoolint", "dev/workbench"]
    module = "oca-checks-odoo-module"
    yield module, [module, *fixing, f"{ADDON}/__manifest__.py"]
    if translations := _files("i18n/*.po", "i18n/*.pot"):
        # msgfmt's line breaks are not Odoo's own
        po = "oca-checks-po"
        yield po, [po, "--disable=po-pretty-format", *translations]
    yield "prettier", _prettier("--write" if fix else "--check")


def _files(*patterns):
    addon = cache.ROOT / ADDON
    return sorted(path for pattern in patterns for path in addon.rglob(pattern))


def _prettier(action):
    key = cache.digest(PRETTIER / "package-lock.json")
    folder = cache.build(cache.folder() / f"prettier-{key}", _install_prettier)
    modules = folder / "node_modules"
    return [
        "node",
        modules / "prettier/bin/prettier.cjs",
        action,
        "--log-level=warn",
        f"--config={PRETTIER}/prettier.config.json",
        f"--plugin={modules}/@prettier/plugin-xml/src/plugin.js",
        *_files("*.xml", "*.js", "*.scss"),
    ]


def _install_prettier(folder):
    step("Installing prettier, once")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PRETTIER / name, folder)
    run(
        [BIN / "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        "prettier cannot be installed; check the network and start again.",
        cwd=folder,
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
    )


def _fails(name, command):
    step(f"Checking with {name}")
    program, *arguments = command
    return subprocess.run(
        [BIN / program, *arguments], cwd=cache.ROOT, stdin=subprocess.DEVNULL
    ).returncode
