"""`python -m workbench test|demo|bench|lint`: what the scripts in dev/ call."""

import importlib
import os
import sys

from . import odoo_source, options, python_env, say

LOCKS = {"lint": "requirements-lint.txt"}


def main():
    """Prepare the Python to work in, go on inside it, and do the command there."""
    command, *arguments = sys.argv[1:]
    os.environ["WORKBENCH_COMMAND"] = f"dev/{command}"
    python_env.check_version()
    wanted = options.read(command, arguments)
    if os.environ.pop("WORKBENCH_VENV", None) == sys.prefix:
        return importlib.import_module(f".{command}", __package__).main(wanted)
    source = {} if command == "lint" else {"ODOO_SOURCE": str(odoo_source.locate())}
    venv = python_env.venv(LOCKS.get(command, "requirements.txt"))
    return python_env.enter(
        venv, command, arguments, WORKBENCH_VENV=str(venv), **source
    )


say.guarded(main)
