# $1 root, $2 what is uploaded by which rules. Makes the folder that uploads go to; prints its path.
#
# Uploads go to one folder that stays, so that only differences are sent, and releases are copied from it: a command that
# changes a file of its release in place can't reach into another release, and nothing that one release generated gets
# into the next. When the rules change, what they once let in must not stay.
set -eu
cd "$1/.tidegate"
if [ -d upload ] && [ "$(cat upload.rules 2>/dev/null)" != "$2" ]; then rm -rf upload; fi
mkdir -p upload
printf '%s\n' "$2" >upload.rules
printf '%s\n' "$1/.tidegate/upload"
