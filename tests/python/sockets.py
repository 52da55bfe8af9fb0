"""REQ and DEALER sockets, with and without a delimiter, and many requests before the first reply."""

import msgpack
import zmq
from support import call, socket

packed = msgpack.packb({"request": "dance"})
danced = msgpack.packb({"danced": True})

req = socket(zmq.REQ)
for _ in range(3):
    req.send(packed)
    assert req.recv_multipart() == [danced]

dealer = socket(zmq.DEALER)
dealer.send(packed)
assert dealer.recv_multipart() == [danced]
dealer.send_multipart([b"", packed])
assert dealer.recv_multipart() == [b"", danced]
dealer.send_multipart([b"proxied", b"", packed])
assert dealer.recv_multipart() == [b"proxied", b"", danced]

# One with a routing id of its own.
named = zmq.Context.instance().socket(zmq.DEALER)
named.linger, named.rcvtimeo, named.routing_id = 0, 20_000, b"a name of its own"
named.connect(req.last_endpoint)
named.send(packed)
assert named.recv_multipart() == [danced]

for number in range(1000):
    dealer.send(msgpack.packb({"request": "list", "id": number}))
for number in range(1000):
    reply = msgpack.unpackb(dealer.recv())
    assert reply["id"] == number and len(reply["instances"]) == 2

# A request that waits does not hold up those after it.
dealer.send(msgpack.packb({"request": "wait", "program": "hello world", "state": "exited", "id": "waits"}))
dealer.send(msgpack.packb({"request": "dance", "id": "dances"}))
assert msgpack.unpackb(dealer.recv())["id"] == "dances"
call(req, "stop", program="hello world", wait=True)
late = msgpack.unpackb(dealer.recv())
assert late["id"] == "waits" and [row["state"] for row in late["results"]] == ["exited", "exited"]
