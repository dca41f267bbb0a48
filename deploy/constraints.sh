#!/bin/sh
# Rewrites constraints.txt from a fresh environment with every extra that constraints.txt covers.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"${PYTHON:-python3}" -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile --editable "$here[dev,browser,otp,lightgbm,sentry,parquet,dask,torch,xgboost,images-train,deploy]"
{ sed -n '/^#/p' "$here/constraints.txt"; "$scratch/venv/bin/pip" freeze --exclude-editable; } >"$scratch/constraints.txt"
mv "$scratch/constraints.txt" "$here/constraints.txt"
