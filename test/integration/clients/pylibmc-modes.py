"""pylibmc (libmemcached) against a fleet: clients/pylibmc-modes.py MODE KEYS SERVER...

MODE is text, binary, ketama or ketama_weighted (text on a ring), or sasl (binary with a login from MEMFLEET_TEST_USER).
"""

import os
import sys

import pylibmc

mode, count, servers = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
login = {}
if mode == "sasl":
    user, password = os.environ["MEMFLEET_TEST_USER"].split(":")
    login = {"username": user, "password": password}
behaviors = {"cas": True, "tcp_nodelay": True}
if mode in ("ketama", "ketama_weighted"):
    behaviors[mode] = True
client = pylibmc.Client(servers, binary=mode in ("binary", "sasl"), behaviors=behaviors, **login)


def check(what, got, wanted):
    assert got == wanted, f"{what}: got {got!r}, wanted {wanted!r}"


def value_of(i):
    return ["text ü %d" % i, b"\x00\xff\r\n" * (i % 50), i, [i], "z" * 3000][i % 5]


keys = ["pylibmc:%s:%d" % (mode, i) for i in range(count)]
for i, key in enumerate(keys):
    check("set", client.set(key, value_of(i)), True)
for i, key in enumerate(keys):
    check(key, client.get(key), value_of(i))
for start in range(0, count, 100):
    part = keys[start : start + 100]
    check("get_multi", client.get_multi(part), {key: value_of(start + i) for i, key in enumerate(part)})
check("set_multi", client.set_multi({key: "again" for key in keys[:100]}), [])
check("again", client.get_multi(keys[:100]), {key: "again" for key in keys[:100]})

check("add of what is there", client.add(keys[0], "x"), False)
try:
    check("replace of what is not", client.replace("none", "x"), False)
except pylibmc.NotFound:
    check("the binary protocol tells the two apart", mode in ("binary", "sasl"), True)
client.set("n", 10)
check("incr", client.incr("n", 5), 15)
check("decr", client.decr("n", 100), 0)
try:
    client.incr("none")
    raise AssertionError("incr of what is not")
except pylibmc.NotFound:
    pass
client.set("a", "b")
check("append", client.append("a", "c"), True)
check("prepend", client.prepend("a", "a"), True)
value, cas = client.gets("a")
check("gets", value, "abc")
check("cas", client.cas("a", "new", cas), True)
check("cas with an old one", client.cas("a", "newer", cas), False)
check("touch", client.touch("a", 100), True)
check("delete", client.delete("a"), True)
check("deleted", client.get("a"), None)
client.delete("n")
check("stats", len(client.get_stats()), len(servers))
print("ok", count)
