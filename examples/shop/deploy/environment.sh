#!/bin/sh
# Prepares a release on its host, in the release's folder: its Python environment, its settings and its name.
# Safe to run again. PYTHON chooses another interpreter than python3.
set -eu

python=${PYTHON:-python3}
var=$(cd var && pwd -P)

# A release must not change when the next one is installed, so there is one environment for each set of packages.
key=$({ "$python" -VV; cat requirements.txt; } | sha256sum | cut -c1-16)
venv=$var/venvs/$key
if [ ! -e "$venv/complete" ]; then
    rm -rf "$venv"
    "$python" -m venv "$venv"
    # The wheels came with the release: what was tested is what is installed, and the host needs no package index.
    "$venv/bin/python" -m pip install --quiet --no-index --find-links wheelhouse -r requirements.txt
    touch "$venv/complete"
fi
ln -sfn "$venv" .venv

# Environments that no release links to any more.
for old in "$var"/venvs/*; do
    used=
    for link in ../*/.venv; do
        [ "$(readlink "$link")" != "$old" ] || used=1
    done
    [ -n "$used" ] || rm -rf "$old"
done

if [ ! -e "$var/server.env" ]; then
    umask 077
    {
        echo "# Settings of this host; see shop/settings/production.py. Restart the server after a change."
        echo "SECRET_KEY=$("$python" -c 'import secrets; print(secrets.token_urlsafe(50))')"
        echo "ALLOWED_HOSTS=${ALLOWED_HOSTS:-localhost,127.0.0.1}"
        echo "DATABASE_URL=sqlite:///var/db.sqlite3"
    } >"$var/server.env"
    echo "wrote $var/server.env with a new secret key"
fi

# Removed first: in a hard-linked copy the file is the previous release's, too.
rm -f RELEASE
echo "${RELEASE:-$(basename "$PWD")}" >RELEASE
