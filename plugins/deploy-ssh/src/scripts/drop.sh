# $1 root, then numbers. Removes releases, never the live one. Prints what could not be removed.
set -eu
cd "$1"
shift
live=
if [ -L current ]; then live=$(basename "$(readlink current)"); fi
for number; do
  [ "$number" != "$live" ] || continue
  # Folders without the write bit are common in build results.
  rm -rf "releases/$number" 2>/dev/null || chmod -R u+rwX "releases/$number" 2>/dev/null || true
  if error=$(rm -rf "releases/$number" 2>&1); then
    rm -f ".tidegate/releases/$number.half" ".tidegate/releases/$number.ready" \
      ".tidegate/releases/$number.live" ".tidegate/releases/$number.bad"
  else
    printf '%s\t%s\n' "$number" "$(printf '%s' "$error" | head -n 1)"
  fi
done
