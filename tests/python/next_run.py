"""The example of the manual page goes on with the next supervisor at the same endpoint."""

import threading

import zmq
from example import Procnanny
from support import RPC, call, socket

nanny = Procnanny(RPC)
first_run = nanny.call("info")["run"]
nanny.call("create", program="first", command="true", start=False)
events = nanny.follow()
for event in events:
    assert event["run"] == first_run
    if event["event"] == "created":
        break
nanny.call("shutdown")


def create():
    # Waits until the next supervisor is there.
    call(socket(zmq.REQ), "create", program="second", command="true", start=False)


thread = threading.Thread(target=create)
thread.start()
seen = []
for event in events:
    if event["run"] != first_run:
        seen.append((event["seq"], event["event"]))
        if event["event"] == "created":
            break
thread.join()
assert seen[0] == (1, "started") and [seq for seq, _ in seen] == list(range(1, len(seen) + 1)), seen
