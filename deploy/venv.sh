#!/bin/sh
# Makes a virtual environment and installs this checkout into it: deploy/venv.sh DIRECTORY [EXTRA,EXTRA]
# PYTHON names the interpreter (python3). Running it again brings the environment up to date.
set -eu

venv=$1
extras=${2:+[$2]}
python=${PYTHON:-python3}
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

# Modules must be compiled on this machine: the validation sandbox can't write what it imports.
unset PYTHONDONTWRITEBYTECODE

if ! command -v "$python" >/dev/null 2>&1; then
    echo "There is no $python here. Install Python 3.11 or newer, or name one: PYTHON=python3.12 make run" >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "Python 3.11 or newer is needed; $python is $("$python" -V 2>&1). Name a newer one: PYTHON=python3.12 make run" >&2
    exit 1
fi
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    echo "Creating the virtual environment in $venv …"
    if ! "$python" -m venv --clear "$venv"; then
        rm -rf "$venv"
        echo "Python's venv module is missing or incomplete. On Debian and Ubuntu: apt-get install python3-venv" >&2
        exit 1
    fi
fi

echo "Installing the pinned dependencies (about half a minute when they are cached) …"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile \
    --constraint "$here/constraints.txt" --editable "$here$extras"

# Compiling on every core takes half of what pip needs for it, and the libraries' own tests are never imported.
echo "Compiling them …"
site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
"$venv/bin/python" -m compileall -q -j 0 -x '/(tests?|testing)/' "$site" >/dev/null 2>&1 || true
echo "Installed."
