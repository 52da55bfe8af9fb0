"""Many clients in many threads: each creates a program, starts, watches, restarts and removes it."""

import threading

import zmq
from support import call, socket

CLIENTS = 40
problems = []


def work(number):
    try:
        # A context of its own, as another process would have.
        with zmq.Context() as context:
            client = socket(zmq.REQ, context=context)
            name = f"program {number}"
            call(client, "create", program=name, command="sleep", args=["3600"], minimum_run_duration=0)
            rows = call(client, "wait", program=name, state="running")["results"]
            again = call(client, "restart", program=name, wait=True)["results"]
            assert rows[0]["pid"] != again[0]["pid"] > 1, (rows, again)
            assert call(client, "status", program=name)["programs"][name]["instances"][0]["start_count"] == 2
            call(client, "remove", program=name, force=True, wait=True)
            client.close()
    except BaseException as problem:
        problems.append((number, problem))


threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not problems, problems
rows = call(socket(zmq.REQ), "list")["instances"]
assert [(row["program"], row["start_count"]) for row in rows] == [("hello world", 1), ("hello world", 1)]
