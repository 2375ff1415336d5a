# $1 root, $2 line. The time and the person are the host's own knowledge.
set -eu
printf '%s by="%s" %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$(id -un)${SSH_CLIENT:+ from ${SSH_CLIENT%% *}}" "$2" \
  >>"$1/deploy.log"
