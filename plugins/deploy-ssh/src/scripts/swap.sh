# $1 root, $2 number. One rename: at every moment `current` is the old release or the new one.
set -eu
cd "$1"
[ -d "releases/$2" ] || {
  echo "releases/$2 is not there" >&2
  exit 1
}
rm -f .tidegate/current.new
ln -s "releases/$2" .tidegate/current.new
mv -fT .tidegate/current.new current
[ "$(readlink current)" = "releases/$2" ]
