"""`python -m workbench test|demo|bench|lint`: what the scripts in dev/ call."""

import importlib
import os
import sys

from . import odoo_source, options, python_env
from .console import exit_with

LOCKS = {"lint": "requirements-lint.txt"}


def main():
    """Run the command, inside its venv: the first call makes that and starts again."""
    command, *arguments = sys.argv[1:]
    os.environ["WORKBENCH_COMMAND"] = f"dev/{command}"
    parsed = options.parse(command, arguments)
    if os.environ.pop("WORKBENCH_VENV", None) == sys.prefix:
        return importlib.import_module(f".{command}", __package__).main(parsed)
    source = {} if command == "lint" else {"ODOO_SOURCE": str(odoo_source.locate())}
    venv = python_env.venv(LOCKS.get(command, "requirements.txt"))
    return python_env.enter(
        venv, command, arguments, WORKBENCH_VENV=str(venv), **source
    )


exit_with(main)
