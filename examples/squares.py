#!/usr/bin/python3
"""Squares that are slow to compute, and faster with every run, as more of them are in the cache.

The same as squares.ts, in Python 3 with python-memcached (Debian: python3-memcache), which knows nothing of
memfleet: the nodes speak memcached's protocol.

    npm start                                         # a fleet, in another terminal
    examples/squares.py                               # the servers that the coordinator on 127.0.0.1:8080 names
    examples/squares.py --fleet http://HOST:8080      # another coordinator
    examples/squares.py 127.0.0.1:11211 127.0.0.1:11212 127.0.0.1:11213 127.0.0.1:11214

Prints, for example: Ten successive runs: 2.75s 1.98s 1.46s 1.12s 0.91s 0.77s 0.68s 0.61s 0.58s 0.55s
"""
import argparse
import random
import sys
import time
import urllib.request

import memcache

NUMBER_MAX = 5000
RUN_COUNT = 10
REQUESTS_PER_RUN = 2000


def square(cache, n):
    """n squared, from the cache if it is there, else computed, which takes a millisecond, and stored."""
    key = "sq:%d" % n
    known = cache.get(key)
    if known is not None:
        return int(known)
    time.sleep(0.001)
    cache.set(key, n * n)
    return n * n


def one_run(cache):
    """The seconds that one run of requests takes."""
    start = time.monotonic()
    for _ in range(REQUESTS_PER_RUN):
        n = random.randint(0, NUMBER_MAX)
        if square(cache, n) != n * n:
            sys.exit("squares: the cache is wrong about %d" % n)
    return time.monotonic() - start


def servers_of(fleet):
    """The fleet's servers, as its coordinator lists them, one host:port a line."""
    with urllib.request.urlopen(fleet.rstrip("/") + "/v1/topology/servers.txt", timeout=5) as answer:
        return answer.read().decode().split()


def main():
    parser = argparse.ArgumentParser(description="Squares, faster with every run.")
    parser.add_argument("--fleet", default="http://127.0.0.1:8080", help="the coordinator's URL (%(default)s)")
    parser.add_argument("servers", nargs="*", metavar="HOST:PORT", help="a fixed list instead of a coordinator")
    args = parser.parse_args()
    try:
        servers = args.servers or servers_of(args.fleet)
    except OSError as error:
        sys.exit("squares: no servers from %s: %s" % (args.fleet, error))
    if not servers:
        sys.exit("squares: %s names no server" % args.fleet)

    cache = memcache.Client(servers)
    # To python-memcached a server that cannot be reached is one that has nothing.
    if not cache.get_stats():
        sys.exit("squares: none of %s answers" % ", ".join(servers))
    # Begin with none of the squares, so that the runs show how the cache fills.
    cache.delete_multi(["sq:%d" % n for n in range(NUMBER_MAX + 1)])
    print("Ten successive runs:", end="", flush=True)
    for _ in range(RUN_COUNT):
        print(" %.2fs" % one_run(cache), end="", flush=True)
    print()


if __name__ == "__main__":
    main()
