"""`status`, field by field and type by type."""

import os
import time

import msgpack
import zmq
from support import call, same_types, socket

client = socket(zmq.REQ)
reply = call(client, "status")
assert set(reply) == {"programs"}, reply
program = reply["programs"]["hello world"]

expected = {
    "command": "sleep",
    "args": ["3600"],
    "uid": os.getuid(),
    "gid": os.getgid(),
    "nice": 1,
    "ionice": 0,
    "ionice_class": "none",
    "active": True,
    "description": "",
}
for name, value in expected.items():
    assert program[name] == value and same_types(program[name], value), (name, program[name])
assert list(program["instances"]) == [0, 1]
assert all(type(number) is int for number in program["instances"])

for instance in program["instances"].values():
    expected = {
        "state": "running",
        "exitcode": 0,
        "exitsignal": 0,
        "admin_state": "up",
        "start_count": 1,
        "flap_count": 0,
        "last_duration": None,
        "flapping": False,
        "retry_in": None,
        "reason": None,
        "ready": True,
        "status_text": None,
        "restart_needed": False,
        "health": None,
        "strays": [],
    }
    for name, value in expected.items():
        assert instance[name] == value and same_types(instance[name], value), (name, instance[name])
    assert type(instance["pid"]) is int and os.path.exists(f"/proc/{instance['pid']}")
    assert type(instance["start_time"]) is float and abs(time.time() - instance["start_time"]) < 60
    assert type(instance["duration"]) is float and type(instance["since"]) is float
    assert set(instance) == set(expected) | {"pid", "start_time", "duration", "since"}, instance

# Before the first start there is neither a time nor a process.
call(client, "create", program="new", command="true", start=False)
fresh = call(client, "status", program="new")["programs"]["new"]["instances"][0]
assert (fresh["pid"], fresh["start_time"], fresh["duration"]) == (0, None, 0.0)
assert type(fresh["duration"]) is float

# A death by a signal.
call(client, "update", program="hello world", restart="never")
call(client, "signal", program="hello world/0", signal="KILL")
call(client, "wait", program="hello world/0", state="exited")
dead = call(client, "status", program="hello world", instance=0)["programs"]["hello world"]["instances"][0]
assert (dead["pid"], dead["exitcode"], dead["exitsignal"], dead["duration"]) == (0, -1, 9, 0.0)
assert type(dead["last_duration"]) is float and dead["last_duration"] > 0
assert dead["reason"].startswith("killed by signal 9 (KILL)")

# Strict decoders say what they do not like, which is what `list` is for.
client.send(msgpack.packb({"request": "status"}))
try:
    msgpack.unpackb(client.recv())
except ValueError as error:
    assert "int is not allowed for map key" in str(error)
else:
    raise AssertionError("integer keys were taken")
