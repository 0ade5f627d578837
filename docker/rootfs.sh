#!/bin/sh
# Puts together the root file system of the image, in a build stage on the base image, as root:
#
#   rootfs.sh /rootfs
#
# Only what our programs need of the base image: Node, and the Debian packages that are named here with what they depend
# on. Everything else stays behind, whatever the base image comes with: npm, apt, dpkg, perl, and every program with the
# set-uid bit. dpkg's list of packages, which scanners read, names what is there.
set -eu
root=$1

# C and C++ for Node and Bun; a shell, cat, grep and sed for the entrypoint and for `docker exec`; names of services and
# zones; certificates where the base has them.
packages='
  base-files base-passwd netbase tzdata ca-certificates
  libc6 libc-bin gcc-12-base gcc-14-base libgcc-s1 libstdc++6
  dash coreutils grep sed libacl1 libattr1 libgmp10 libpcre2-8-0 libselinux1 libssl3 libssl3t64
'

# User, group and port as in the official memcached image. The state folder is made here so that a volume mounted there
# begins with this owner.
groupadd --system --gid 11211 memcache
useradd --system --uid 11211 --gid memcache --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin memcache

mkdir -p "$root/usr/local/bin" "$root/var/lib/dpkg/info"
for name in bin lib lib64 sbin; do
  [ ! -L "/$name" ] || cp -P "/$name" "$root/$name"
  mkdir -p "$root/usr/$name"
done

for package in $packages; do
  dpkg-query -s "$package" >>"$root/var/lib/dpkg/status" 2>/dev/null || continue
  echo >>"$root/var/lib/dpkg/status"
  dpkg-query -L "$package"
done >"$root/files"
grep -vE '^/\.$|^/usr/share/(doc/.*[^t]$|man|locale|info|lintian|bug)' "$root/files" |
  while read -r path; do [ ! -e "$path" ] || echo "$path"; done |
  tar -c -C / --no-recursion -T - 2>/dev/null | tar -x -C "$root" --keep-directory-symlink
rm "$root/files"

# What packages' scripts made when they were installed.
cp -a /etc/passwd /etc/group /etc/ld.so.cache "$root/etc/"
for path in /etc/nsswitch.conf /etc/ssl/certs; do [ ! -e "$path" ] || cp -a --parents "$path" "$root/"; done
install -m 755 /usr/local/bin/node "$root/usr/local/bin/node"
ln -sf /opt/memfleet/bin/memfleet "$root/usr/local/bin/memfleet"
install -d -o memcache -g memcache -m 0750 "$root/var/lib/memfleet"
install -d -m 1777 "$root/tmp"
mkdir -p "$root/proc" "$root/sys" "$root/dev"
# Nobody becomes anybody else in this image.
find "$root" -xdev -perm /6000 -type f -exec chmod a-s {} +
