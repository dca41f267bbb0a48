#!/bin/sh
# Draws the secrets of an installation into files, once: deploy/secrets.sh [DIRECTORY]
# What is there already stays. Containers read the files as another user, so the directory is what keeps others out.
set -eu
directory=${1:-$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)/secrets}
mkdir -p "$directory"
chmod 0700 "$directory"

random() {
    head -c 48 /dev/urandom | base64 | tr -d '\n=' | tr '+/' '-_'
}

write() {
    if [ ! -e "$directory/$1" ]; then
        printf '%s' "$2" >"$directory/$1.new"
        chmod 0444 "$directory/$1.new"
        mv "$directory/$1.new" "$directory/$1"
    fi
}

for name in secret_key jwt_signing_key api_key_pepper artifact_seal_key postgres_password redis_password grafana_password; do
    write "$name" "$(random)"
done
write database_url "postgres://mlplatform:$(cat "$directory/postgres_password")@postgres:5432/mlplatform"
echo "The secrets lie in $directory. Keep a copy where you keep your backups: without artifact_seal_key no stored model is believed."
