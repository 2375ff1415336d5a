# $1 root, $2 number. There was no release before this one: nothing is live afterwards.
set -eu
cd "$1"
if [ -L current ] && [ "$(basename "$(readlink current)")" = "$2" ]; then rm -f current; fi
