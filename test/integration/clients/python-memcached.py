"""python-memcached against a fleet: clients/python-memcached.py KEYS SERVER..."""

import sys

import memcache

count, servers = int(sys.argv[1]), sys.argv[2:]
client = memcache.Client(servers, debug=1, cache_cas=True)


def check(what, got, wanted):
    assert got == wanted, f"{what}: got {got!r}, wanted {wanted!r}"


def value_of(i):
    return ["text ü %d" % i, b"\x00\xff\r\n" * (i % 50), i, {"i": [i]}, "z" * 3000][i % 5]


keys = ["python-memcached:%d" % i for i in range(count)]
for i, key in enumerate(keys):
    check("set", client.set(key, value_of(i)), True)
for i, key in enumerate(keys):
    check(key, client.get(key), value_of(i))
for start in range(0, count, 100):
    part = keys[start : start + 100]
    check("get_multi", client.get_multi(part), {key: value_of(start + i) for i, key in enumerate(part)})

first = keys[0]
check("add of what is there", client.add(first, "x"), 0)
check("replace of what is not", client.replace("none", "x"), 0)
client.set("n", 10)
check("incr", client.incr("n", 5), 15)
check("decr", client.decr("n", 100), 0)
check("incr of what is not", client.incr("none"), None)
client.set("a", "b")
check("append", client.append("a", "c"), True)
check("prepend", client.prepend("a", "a"), True)
check("appended", client.get("a"), "abc")
check("gets", client.gets("a"), "abc")
check("cas", client.cas("a", "new"), True)
check("cas with an old one", client.cas("a", "newer"), False)
check("touch", client.touch("a", 100), 1)
check("delete", client.delete("a"), 1)
check("deleted", client.get("a"), None)
client.delete("n")
check("stats", len(client.get_stats()), len(servers))
print("ok", count)
