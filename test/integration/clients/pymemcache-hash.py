"""pymemcache's HashClient against a fleet: clients/pymemcache-hash.py KEYS SERVER..."""

import sys

from pymemcache import serde
from pymemcache.client.hash import HashClient

count, servers = int(sys.argv[1]), sys.argv[2:]
# Without no_delay the system holds back every request that follows one without an answer, for 40 ms.
options = {"serde": serde.pickle_serde, "use_pooling": True, "no_delay": True}
client = HashClient(servers, timeout=20, connect_timeout=20, **options)


def check(what, got, wanted):
    assert got == wanted, f"{what}: got {got!r}, wanted {wanted!r}"


def value_of(i):
    return ["text ü %d" % i, b"\x00\xff\r\n" * (i % 50), i, [i], "z" * 3000][i % 5]


keys = ["pymemcache:%d" % i for i in range(count)]
for i, key in enumerate(keys):
    check("set", client.set(key, value_of(i), noreply=i % 2 == 0), True)
for i, key in enumerate(keys):
    check(key, client.get(key), value_of(i))
for start in range(0, count, 100):
    part = keys[start : start + 100]
    check("get_many", client.get_many(part), {key: value_of(start + i) for i, key in enumerate(part)})
check("set_many", client.set_many({key: "again" for key in keys[:100]}, noreply=False), [])
check("again", client.get_many(keys[:100]), {key: "again" for key in keys[:100]})

check("add of what is there", client.add(keys[0], "x", noreply=False), False)
check("replace of what is not", client.replace("none", "x", noreply=False), False)
client.set("n", b"10", noreply=False)
check("incr", client.incr("n", 5), 15)
check("decr", client.decr("n", 100), 0)
check("incr of what is not", client.incr("none", 1), None)
client.set("a", b"b", noreply=False)
check("append", client.append("a", b"c", noreply=False), True)
check("prepend", client.prepend("a", b"a", noreply=False), True)
value, cas = client.gets("a")
check("gets", value, b"abc")
check("cas", client.cas("a", b"new", cas, noreply=False), True)
check("cas with an old one", client.cas("a", b"newer", cas, noreply=False), False)
check("cas of what is not", client.cas("none", b"x", cas, noreply=False), None)
check("touch", client.touch("a", 100, noreply=False), True)
check("gat", client.gat("a", 100) if hasattr(client, "gat") else b"new", b"new")
check("delete", client.delete("a", noreply=False), True)
check("deleted", client.get("a", "absent"), "absent")
client.delete("n", noreply=False)
print("ok", count)
