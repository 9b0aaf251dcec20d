#!/bin/sh
# Finds a Python that Odoo 19 runs on and hands over to the workbench:
#   start.sh test|demo|bench|lint [options]

fits() {
    "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' \
        >/dev/null 2>&1
}

find_python() {
    if [ -n "$PYTHON" ]; then
        echo "$PYTHON"
        return
    fi
    # The distribution's own first: it is built with optimisations, which those of
    # version managers often are not, and the tests take a fifth longer.
    case ":$PATH:" in *:/usr/bin:*) own=/usr/bin/python3 ;; *) own= ;; esac
    for python in $own python3 python3.13 python3.12 python3.11 python3.10; do
        if fits "$python"; then
            echo "$python"
            return
        fi
    done
}

python=$(find_python)
if ! fits "${python:-none}"; then
    found=$("${PYTHON:-python3}" --version 2>/dev/null || echo no Python)
    echo "dev/$1: Python 3.10 to 3.13 is needed and $found was found; install one" \
        "(apt-get install python3 python3-venv) or name it: PYTHON=/path/to/python3" \
        "dev/$1" >&2
    exit 1
fi
# What Odoo is compiled to is kept: each of its many processes would compile it anew.
export PYTHONDONTWRITEBYTECODE=
here=$(cd "${0%/*}" && pwd)
PYTHONPATH="${here%/*}" exec "$python" -m workbench "$@"
