#!/bin/sh
# Removes what is left of machines (machines.ts): engines, containers, mounts, control groups, files.
#
#   clear.sh FOLDER…
#
# Ends nothing that is not of these folders: engines and shims have a folder in their arguments, containers are in a
# control group of its name.
set -u

for folder; do
  name=$(basename "$folder")
  case $name in memfleet-machines-*) ;; *) exit 64 ;; esac
  grep -lsaF "$folder/" /proc/[0-9]*/cmdline | cut -d/ -f3 | xargs -r kill -KILL
  find /sys/fs/cgroup -path "*/$name/*" -name cgroup.procs -exec cat {} + | sort -u | xargs -r kill -KILL
  # Everything below goes out of use when the last of these has ended.
  sleep 0.5
  findmnt -rno TARGET | grep -F "$folder/" | sort -r | xargs -r umount --lazy
  find /sys/fs/cgroup -depth -type d -path "*/$name*" -exec rmdir {} +
  rm -rf --one-file-system "$folder"
done 2>/dev/null
for folder; do
  [ ! -e "$folder" ] || { echo "$folder cannot be removed" >&2; exit 1; }
done
