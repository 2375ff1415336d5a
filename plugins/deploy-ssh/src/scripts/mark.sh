# $1 root, $2 number, $3 ready, live or bad, $4 text.
set -eu
cd "$1/.tidegate/releases"
printf '%s\n' "$4" >"$2.$3.new"
mv -f "$2.$3.new" "$2.$3"
