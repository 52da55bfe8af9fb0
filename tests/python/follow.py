"""The example of the manual page follows events: each once, in order, also when it was too slow for the stream."""

import threading

import zmq
from example import Procnanny, Refused
from support import RPC, call, socket

INSTANCES = 500
HELD = 4096
name = "x" * 128  # long events fill the queues sooner

client = socket(zmq.REQ)
call(client, "create", program=name, command="true", start=False, instances=INSTANCES)

nanny = Procnanny(RPC)
assert nanny.call("status", program="hello world")["programs"]["hello world"]["active"] is True
try:
    nanny.call("status", program="nothing")
except Refused as refused:
    assert refused.code == "no-such-program"
else:
    raise AssertionError("not refused")


def edges(count):
    """Makes so many edges happen while nobody reads."""
    for number in range(count // INSTANCES):
        call(client, "transition", program=name, state=("failed", "exited")[number % 2])
    return call(client, "events", limit=1)["latest"]


def read(events, last):
    """Reads up to an event; what was lost, and the others, which are in order."""
    lost, seen = [], []
    for event in events:
        if event["event"] == "lost":
            lost.append(event["count"])
            continue
        seen.append(event["seq"])
        if event["seq"] >= last:
            return lost, seen


events = nanny.follow()
lost, seen = read(events, call(client, "events", limit=1)["latest"])
assert lost == [] and seen[0] == 1 and seen == list(range(1, len(seen) + 1))

def go_on_happening(stop):
    """Something now and then, so that there is an event after each gap."""
    ticker = socket(zmq.REQ)
    while not stop.wait(0.02):
        call(ticker, "update", program="hello world", description="x")


# Few: they come by the stream. Many: more than the queues take, but not more than are held.
for count in (INSTANCES, HELD - 2 * INSTANCES):
    before = seen[-1]
    last = edges(count)
    stop = threading.Event()
    ticking = threading.Thread(target=go_on_happening, args=(stop,))
    ticking.start()
    lost, seen = read(events, last)
    stop.set()
    ticking.join()
    assert lost == [] and seen == list(range(before + 1, last + 1)), (count, lost, len(seen), last - before)

# More than are held: that, too, is noticed, and counted; after some silence, since nothing follows.
before = seen[-1]
last = edges(2 * HELD)
lost, seen = read(events, last)
assert sum(lost) > 0 and sum(lost) + len(seen) == last - before, (lost, len(seen), last - before)
assert seen == sorted(set(seen))
