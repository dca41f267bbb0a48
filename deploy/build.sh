#!/bin/sh
# Builds what the image holds, in a bare directory: deploy/build.sh TARGET [EXTRA,EXTRA]
# TARGET/app is the platform, TARGET/venv its environment. TARGET must be the place it will run at.
set -eu

target=$1
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
rm -rf "$target/app"
mkdir -p "$target/app"
target=$(CDPATH='' cd -- "$target" && pwd)

cd "$here"
for part in accounts registry monitoring inference solutions mlplatform templates static deploy \
    manage.py pyproject.toml constraints.txt README.md LICENSE; do
    cp -R "$part" "$target/app/"
done
mkdir "$target/app/docs"
cp docs/runbooks.md "$target/app/docs/"  # a page of the admin
find "$target/app" -name __pycache__ -prune -exec rm -rf {} +

"$target/app/deploy/venv.sh" "$target/venv" "${2:-}"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
if command -v cc >/dev/null 2>&1; then
    # What compiles is not what serves: it has an environment of its own, which is thrown away.
    "$target/venv/bin/python" -m venv "$scratch/compiler"
    "$scratch/compiler/bin/python" -m pip install --quiet --disable-pip-version-check \
        --constraint "$target/app/constraints.txt" mypy 'setuptools>=77'
    "$scratch/compiler/bin/python" deploy/compile.py "$target/app"
    rm -rf "$target/app/build"
else
    echo "There is no C compiler (cc) here: predictions take a fifth longer." >&2
fi

# Proves that settings, models and static files are whole. What this writes, secrets included, is thrown away.
cd "$target/app"
VAR_DIR="$scratch" "$target/venv/bin/python" manage.py check
VAR_DIR="$scratch" "$target/venv/bin/python" manage.py collectstatic --noinput --verbosity 0
"$target/venv/bin/python" -m compileall -q "$target/app"
echo "Built $target"
