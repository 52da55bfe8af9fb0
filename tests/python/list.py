"""`list`, and every other reply, read by msgpack with its defaults."""

import msgpack
import zmq
from support import socket

client = socket(zmq.REQ)


def strictly(method, **arguments):
    client.send(msgpack.packb({"request": method, **arguments}))
    return msgpack.unpackb(client.recv())


reply = strictly("list", program="hello*")
assert [(row["program"], row["instance"], row["state"]) for row in reply["instances"]] == [
    ("hello world", 0, "running"),
    ("hello world", 1, "running"),
]
for row in reply["instances"]:
    assert type(row["instance"]) is int and type(row["pid"]) is int and row["pid"] > 1
    assert type(row["duration"]) is float and row["ready"] is True and row["reason"] is None

assert strictly("list", program="hello world", instance=[1])["instances"][0]["instance"] == 1
assert strictly("list", program="none*") == {"instances": []}
assert strictly("info")["states"]["running"] == 2
assert strictly("methods")["methods"]["start"]["arguments"]["program"]["required"] is True
assert strictly("events")["events"][0]["event"] == "started"
assert strictly("stop", program="hello world", wait=True)["results"][0]["state"] == "exited"
assert strictly("fizzle") == {
    "error": "No such method requested",
    "code": "no-such-method",
    "request": {"request": "fizzle"},
}

# Old encoders have no types for binary data, and send text and bytes alike.
client.send(msgpack.packb({"request": "list", "program": b"hello world"}, use_bin_type=False))
assert len(msgpack.unpackb(client.recv())["instances"]) == 2
client.send(msgpack.packb({b"request": b"dance", b"id": b"\xff\xfe"}))
assert msgpack.unpackb(client.recv()) == {"danced": True, "id": b"\xff\xfe"}
