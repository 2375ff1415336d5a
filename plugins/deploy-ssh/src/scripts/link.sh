# $1 root, $2 number, then the shared entries; one that ends with / is a folder.
set -eu
root=$1 release=$1/releases/$2
shift 2
for entry; do
  name=${entry%/}
  case $entry in
  */) mkdir -p "$root/shared/$name" ;;
  *) [ -e "$root/shared/$name" ] || {
    echo "the shared file $root/shared/$name is missing" >&2
    exit 1
  } ;;
  esac
  mkdir -p "$(dirname "$release/$name")"
  rm -rf "${release:?}/$name"
  ln -s "$root/shared/$name" "$release/$name"
done
