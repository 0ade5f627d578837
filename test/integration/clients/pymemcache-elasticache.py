"""pymemcache with its servers found as its AWSElastiCacheHashClient finds them: clients/pymemcache-elasticache.py ENDPOINT KEYS

The class came after the version that Debian has, so its way of reading an answer is written out: one recv, nothing more.
"""

import re
import socket
import sys

from pymemcache.client.hash import HashClient

ENDPOINT = r"^(?:(?:[\w\d-]{0,61}[\w\d]\.)+[\w]{1,6}|\[(?:[\d]{1,3}\.){3}[\d]{1,3}\])\:\d{1,5}$"
endpoint, count = sys.argv[1], int(sys.argv[2])
assert re.fullmatch(ENDPOINT, endpoint), f"{endpoint} is no endpoint to it"

host, port = endpoint.split(":")
with socket.create_connection((host, int(port)), timeout=20) as connection:
    connection.sendall(b"config get cluster\r\n")
    answer = connection.recv(4096)
assert answer.endswith(b"\n\r\nEND\r\n"), f"the end is not in the first piece: {answer!r}"
_, _, nodes = answer[: -len(b"\n\r\nEND\r\n")].split(b"\n")
servers = [(node.split("|")[1], int(node.split("|")[2])) for node in nodes.decode().split(" ")]

client = HashClient(servers, timeout=20, connect_timeout=20, no_delay=True)
keys = ["found:%d" % i for i in range(count)]
for key in keys:
    assert client.set(key, key, noreply=False) is True
found = {}
for start in range(0, count, 100):
    found.update(client.get_many(keys[start : start + 100]))
assert found == {key: key.encode() for key in keys}
print("ok", len(servers))
