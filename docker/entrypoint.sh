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

# The token may be in a file, as the secrets of a Swarm are; what is in the environment wins.
if [ -z "${MEMFLEET_TOKEN-}" ] && [ -n "${MEMFLEET_TOKEN_FILE-}" ]; then
  MEMFLEET_TOKEN=$(cat "$MEMFLEET_TOKEN_FILE")
  export MEMFLEET_TOKEN
fi

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
