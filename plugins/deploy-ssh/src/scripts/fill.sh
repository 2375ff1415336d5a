# $1 root, $2 number. Copies what was uploaded into the release.
set -eu
cd "$1"
if [ -z "$(ls -A .tidegate/upload)" ]; then
  echo 'nothing was uploaded: the source is empty, or all of it is excluded' >&2
  exit 1
fi
cp -a .tidegate/upload/. "releases/$2/"
