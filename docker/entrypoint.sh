#!/bin/sh
# The image's entrypoint: turns the container's command into a memfleet command, as the official memcached image does
# with memcached. Flags alone mean a cache node, and a leading `memfleet` or `memcached` may be there or not, so that a
# compose file written for memcached only needs another `image:`.
#
#   (nothing)              memfleet node
#   -m 256                 memfleet node -m 256
#   memcached -m 256       memfleet node -m 256
#   coordinator            memfleet coordinator
#   memfleet coordinator   memfleet coordinator
set -eu

case ${1-} in
  memfleet) shift ;;
  memcached)
    shift
    set -- node "$@"
    ;;
esac
case ${1-} in
  '' | -*) set -- node "$@" ;;
esac
exec /opt/memfleet/bin/memfleet "$@"
