# $1 take, renew or release; $2 root; $3 token of this attempt; $4 seconds until the lock expires; $5 what the owner does;
# $6 the beginning that all tokens of the same stage and run share. Prints one line: a word, then the owner's fields,
# or `unusable` and why the folder can't be made.
#
# The lock is a folder, since mkdir either makes it or fails, for one caller only. Changing a lock that exists needs its
# `guard`, made the same way, so that a takeover and a release can't cross each other.
set -eu
verb=$1 root=$2 token=$3 expiry=$4 what=$5 family=$6
lock=$root/.tidegate/lock

say() {
  printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$held_by" "$held_since" "$held_until" "$held_who" "$held_what"
  exit 0
}

read_owner() {
  held_by='' held_since=0 held_until=0 held_who=somebody held_what=''
  if [ -f "$lock/owner" ]; then
    IFS='	' read -r held_by held_since held_until held_who held_what <"$lock/owner" || true
  elif [ -z "$(find "$lock" -maxdepth 0 -mmin +1 2>/dev/null)" ]; then
    # Made a moment ago and not signed yet. After a minute nobody will sign it any more.
    held_until=$((now + 60))
  fi
}

sign() {
  who=$(id -un)${SSH_CLIENT:+ from ${SSH_CLIENT%% *}}
  printf '%s\t%s\t%s\t%s\t%s\n' "$token" "$now" "$((now + expiry))" "$who" "$what" >"$lock/owner.$token"
  mv -f "$lock/owner.$token" "$lock/owner"
}

guard() {
  if mkdir "$lock/guard" 2>/dev/null; then return 0; fi
  # A guard is held for milliseconds; one that is minutes old was left behind by a host that went down.
  [ -n "$(find "$lock/guard" -maxdepth 0 -mmin +1 2>/dev/null)" ] && rmdir "$lock/guard" && mkdir "$lock/guard"
}

now=$(date +%s)
case $verb in
take)
  if ! error=$(mkdir -p "$root/.tidegate/releases" 2>&1 && mkdir -p "$root/releases" "$root/shared" 2>&1); then
    printf 'unusable\t%s\n' "$(printf '%s' "$error" | head -n 1)"
    exit 0
  fi
  held_by=$token held_since=$now held_until=$((now + expiry)) held_who='' held_what=$what
  if mkdir "$lock" 2>/dev/null; then
    sign
    say taken
  fi
  # Not there and not to be made: let mkdir say why.
  [ -d "$lock" ] || mkdir "$lock"
  read_owner
  case $held_by in "$family".*) mine=yes ;; *) mine=no ;; esac
  if [ "$mine" = no ] && [ "$held_until" -gt "$now" ]; then say held; fi
  seen=$held_by
  guard || say busy
  read_owner
  if [ "$held_by" != "$seen" ]; then
    rmdir "$lock/guard"
    say held
  fi
  sign
  rmdir "$lock/guard"
  say taken-over
  ;;
renew | release)
  if [ ! -d "$lock" ]; then
    held_by='' held_since=0 held_until=0 held_who=nobody held_what=''
    say lost
  fi
  guard || say busy
  read_owner
  if [ "$held_by" != "$token" ]; then
    rmdir "$lock/guard"
    say lost
  fi
  if [ "$verb" = renew ]; then
    sign
    rmdir "$lock/guard"
  else
    mv "$lock" "$lock.$token"
    rm -rf "$lock.$token"
  fi
  say done
  ;;
esac
