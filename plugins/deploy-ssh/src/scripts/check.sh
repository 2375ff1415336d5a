# $1 root, then the shared entries. Changes nothing. Prints one problem or note per line.
set -eu
LC_ALL=C
export LC_ALL
root=$1
shift

for tool in cp date find id ln mkdir mv readlink rm rmdir; do
  command -v "$tool" >/dev/null || printf 'problem\t`%s` is missing on this host\n' "$tool"
done
# Without operands `mv` does nothing but say whether it knows the option. Without it the swap can't be atomic.
case $(mv -T 2>&1 || true) in
*illegal* | *invalid* | *unrecognized* | *unknown*)
  printf 'problem\t`mv` has no -T here, so `current` could not be swapped atomically; install GNU coreutils\n'
  ;;
esac

if [ -d "$root" ]; then
  [ -w "$root" ] && [ -x "$root" ] || printf 'problem\t%s is not writable for %s\n' "$root" "$(id -un)"
  for folder in releases shared .tidegate; do
    [ ! -e "$root/$folder" ] || [ -w "$root/$folder" ] ||
      printf 'problem\t%s is not writable for %s\n' "$root/$folder" "$(id -un)"
  done
  if [ -e "$root/current" ] && [ ! -L "$root/current" ]; then
    printf 'problem\t%s is not a link; move it away, it becomes the link to the live release\n' "$root/current"
  fi
elif [ -e "$root" ]; then
  printf 'problem\t%s is not a folder\n' "$root"
else
  parent=$root
  while [ ! -e "$parent" ]; do parent=$(dirname "$parent"); done
  if [ ! -d "$parent" ]; then
    printf 'problem\t%s can not be made: %s is not a folder\n' "$root" "$parent"
  elif [ -w "$parent" ]; then
    printf 'note\t%s will be created\n' "$root"
  else
    printf 'problem\t%s does not exist and %s may not create it in %s\n' "$root" "$(id -un)" "$parent"
  fi
fi

for entry; do
  case $entry in
  */)
    [ ! -e "$root/shared/$entry" ] || [ -d "$root/shared/$entry" ] ||
      printf 'problem\t%s is not a folder; write "%s" in `shared` for a file\n' "$root/shared/${entry%/}" "${entry%/}"
    ;;
  *)
    if [ -d "$root/shared/$entry" ]; then
      printf 'problem\t%s is a folder; write "%s/" in `shared`\n' "$root/shared/$entry" "$entry"
    elif [ ! -e "$root/shared/$entry" ]; then
      printf 'problem\tthe shared file %s is missing; put it there once, deployments only link it\n' "$root/shared/$entry"
    fi
    ;;
  esac
done
