"""The output socket: topics, two frames, and offsets without a gap; and tail for what was there before."""

import msgpack
import zmq
from support import OUTPUT, call, socket

client = socket(zmq.REQ)
script = "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.01; done"
call(client, "create", program="web", command="sh", args=["-c", script], minimum_run_duration=0)
call(client, "wait", program="web", state="running")

listed = [each["endpoint"] for each in call(client, "info")["endpoints"] if each["socket"] == "output"]
assert listed == [OUTPUT], listed

lines = socket(zmq.SUB, OUTPUT)
lines.subscribe(b"output/web/0/stdout")
topic, body = lines.recv_multipart()
first = msgpack.unpackb(body)
assert topic == b"output/web/0/stdout"
assert (first["event"], first["program"], first["instance"], first["source"]) == ("data", "web", 0, "stdout")
assert type(first["data"]) is bytes and type(first["pid"]) is int and first["pid"] > 0

# What was printed before the subscription is held, up to where the stream goes on.
held = call(client, "tail", program="web", instance=0)
assert type(held["data"]) is bytes and held["offset"] == 0
everything, end = held["data"], len(held["data"])
received = first["offset"] + len(first["data"])
assert received <= end and held["data"][first["offset"]:received] == first["data"]
for _ in range(50):
    topic, body = lines.recv_multipart()
    piece = msgpack.unpackb(body)
    assert piece["offset"] == received, (piece["offset"], received)
    received += len(piece["data"])
    if received > end:
        everything += piece["data"][max(0, end - piece["offset"]):]
        end = received
numbers = [int(line.split()[1]) for line in everything.decode().splitlines()]
assert numbers == list(range(1, len(numbers) + 1)), numbers
call(client, "remove", program="web", force=True, wait=True)
