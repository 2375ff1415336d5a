# $1 root, $2 number. The number is never given out again, also when this release comes to nothing.
set -eu
cd "$1"
printf '%s\n' "$2" >.tidegate/last.new
mv -f .tidegate/last.new .tidegate/last
: >".tidegate/releases/$2.half"
mkdir "releases/$2"
