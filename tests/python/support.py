"""What the scripts share: sockets that do not wait for ever, and a client in the plainest form."""

import os

import msgpack
import zmq

RPC = os.environ["PROCNANNY_RPC"]
EVENTS = os.environ["PROCNANNY_EVENTS"]
OUTPUT = os.environ["PROCNANNY_OUTPUT"]
PATIENCE = 20_000  # milliseconds


def socket(kind, endpoint=RPC, context=None):
    made = (context or zmq.Context.instance()).socket(kind)
    made.linger = 0
    made.rcvtimeo = PATIENCE
    made.connect(endpoint)
    return made


def ask(client, method, **arguments):
    """The reply to a request, decoded as it would be by who knows that instances are numbered."""
    client.send(msgpack.packb({"request": method, **arguments}))
    return msgpack.unpackb(client.recv(), strict_map_key=False)


def call(client, method, **arguments):
    reply = ask(client, method, **arguments)
    assert "error" not in reply, reply
    return reply


def same_types(value, model):
    """Whether a value has the type of a model; in Python True is an int, and here it is not."""
    return type(value) is type(model)
