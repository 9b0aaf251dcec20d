"""`dev/lint`: formatters, linters and the rules of this project."""

import subprocess

from . import cache, npm, rules
from .console import step
from .odoo import ADDON

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
    modules = npm.modules("prettier")
    return [
        "node",
        modules / "prettier/bin/prettier.cjs",
        action,
        "--log-level=warn",
        f"--config={cache.ROOT}/dev/prettier/prettier.config.json",
        f"--plugin={modules}/@prettier/plugin-xml/src/plugin.js",
        *_files("*.xml", "*.js", "*.scss"),
    ]


def _fails(name, command):
    step(f"Checking with {name}")
    program, *arguments = command
    return subprocess.run(
        [npm.BIN / program, *arguments], cwd=cache.ROOT, stdin=subprocess.DEVNULL
    ).returncode
