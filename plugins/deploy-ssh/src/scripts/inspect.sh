# $1 root. Changes nothing. Prints what is there, fields parted by tabs.
set -eu
[ -d "$1" ] || exit 0
cd "$1"
if [ -L current ]; then printf 'current\t%s\n' "$(readlink current)"; fi
if [ -f .tidegate/last ]; then printf 'last\t%s\n' "$(cat .tidegate/last)"; fi
if [ -f .tidegate/lock/owner ]; then printf 'lock\t%s\n' "$(cat .tidegate/lock/owner)"; fi
for folder in releases/*/; do
  number=${folder#releases/}
  number=${number%/}
  case $number in '' | *[!0-9]*) continue ;; esac
  mark=.tidegate/releases/$number
  state=foreign
  for candidate in half ready live bad; do
    if [ -f "$mark.$candidate" ]; then state=$candidate; fi
  done
  record=
  if [ -f "$mark.ready" ]; then record=$(cat "$mark.ready"); fi
  printf 'release\t%s\t%s\t%s\n' "$number" "$state" "$record"
done
