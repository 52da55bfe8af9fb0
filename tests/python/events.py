"""SUB sockets: topics, two frames, and the fields of an edge."""

import msgpack
import zmq
from support import EVENTS, call, socket

client = socket(zmq.REQ)


def subscriber(*topics):
    made = socket(zmq.SUB, EVENTS)
    for topic in (*topics, b"supervisor"):
        made.subscribe(topic)
    # A subscription is not acknowledged: something happens until it is seen.
    while not made.poll(20):
        call(client, "update", program="hello world", description="x")
    call(client, "update", program="hello world", description="the last one")
    call(client, "create", program="mark", command="true", instances=0)
    call(client, "remove", program="mark")
    while msgpack.unpackb(made.recv_multipart()[1])["event"] != "removed":
        pass
    made.unsubscribe(b"supervisor")
    return made


states = subscriber(b"state/hello world/1")
admin = subscriber(b"admin/")
call(client, "restart", program="hello world", wait=True)
call(client, "once", program="hello world/0")

seen = []
for _ in range(3):
    topic, body = states.recv_multipart()
    assert topic == b"state/hello world/1"
    event = msgpack.unpackb(body)
    assert event["event"] == event["state"] and event["program"] == "hello world" and event["instance"] == 1
    assert type(event["seq"]) is int and type(event["time"]) is float and type(event["run"]) is str
    assert type(event["duration"]) is float and type(event["pid"]) is int
    seen.append((event["from"], event["state"], event["admin_state"]))
assert seen == [("running", "stopping", "up"), ("stopping", "starting", "up"), ("starting", "running", "up")], seen
assert not states.poll(0), "of instance 1 alone"

topic, body = admin.recv_multipart()
event = msgpack.unpackb(body)
assert topic == b"admin/hello world/0"
assert (event["event"], event["from"], event["admin_state"]) == ("admin", "up", "once")
