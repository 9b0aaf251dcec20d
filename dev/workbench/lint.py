"""`dev/lint`: formatters, linters and the rules of this project."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from . import cache, rules
from .odoo import ADDON
from .say import run, step

BIN = Path(sys.prefix) / "bin"
PRETTIER = cache.ROOT / "dev" / "prettier"
CODE = [ADDON, "dev"]


def main(options):
    """Run every check, even after one has failed, and return the worst status."""
    checks = _checks(options.fix)
    failed = [name for name, command in checks if _fails(name, command)]
    step("Checking the rules of this project")
    broken = list(rules.broken(cache.ROOT / ADDON))
    print(*broken, sep="\n", end="\n" if broken else "")
    if broken:
        failed.append("rules")
    print(f"Not passed: {', '.join(failed)}" if failed else "All checks passed")
    return int(bool(failed))


def _checks(fix):
    """The name and the command of each check; with `fix`, of each formatter first."""
    manifest = f"{ADDON}/__manifest__.py"
    module_checks = [BIN / "oca-checks-odoo-module", *(["--fix"] if fix else [])]
    translations = _files("i18n/*.po", "i18n/*.pot")
    yield "ruff", [BIN / "ruff", "check", *(["--fix"] if fix else []), *CODE]
    yield (
        "ruff format",
        [BIN / "ruff", "format", *([] if fix else ["--diff", "--quiet"]), *CODE],
    )
    # one inherited model in several small files is on purpose
    spread = "--disable=consider-merging-classes-inherited"
    yield "pylint-odoo", [BIN / "pylint", spread, ADDON]
    yield "pylint", [BIN / "pylint", "--disable=odoolint", "dev/workbench"]
    yield "oca-checks-odoo-module", [*module_checks, manifest]
    if translations:
        # msgfmt's line breaks are not Odoo's own
        po = "oca-checks-po"
        yield po, [BIN / po, "--disable=po-pretty-format", *translations]
    yield "prettier", _prettier(fix)


def _files(*patterns):
    return sorted(path for pattern in patterns for path in _found(pattern))


def _found(pattern):
    return (cache.ROOT / ADDON).rglob(pattern)


def _prettier(fix):
    key = cache.digest(PRETTIER / "package-lock.json")
    modules = cache.build(cache.folder() / f"prettier-{key}", _install_prettier)
    modules /= "node_modules"
    return [
        BIN / "node",
        modules / "prettier/bin/prettier.cjs",
        "--write" if fix else "--check",
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
    arguments = [str(part) for part in command]
    return subprocess.run(
        arguments, cwd=cache.ROOT, stdin=subprocess.DEVNULL
    ).returncode
