"""Over TCP with CURVE: a client with a known key is served, one with a key of its own making is not."""

import os

import msgpack
import zmq

from support import PATIENCE, RPC

SERVER = os.environ["PROCNANNY_CURVE_SERVER"].encode()
PUBLIC = os.environ["CLIENT_PUBLIC"].encode()
with open(os.environ["PROCNANNY_CURVE_SECRET"]) as file:
    SECRET = file.read().splitlines()[-1].encode()


def client(public, secret):
    made = zmq.Context.instance().socket(zmq.REQ)
    made.linger = 0
    made.curve_serverkey, made.curve_publickey, made.curve_secretkey = SERVER, public, secret
    made.connect(RPC)
    made.send(msgpack.packb({"request": "list"}))
    return made


stranger = client(*zmq.curve_keypair())
known = client(PUBLIC, SECRET)
assert known.poll(PATIENCE), "no answer"
assert msgpack.unpackb(known.recv()) == {"instances": []}
assert not stranger.poll(100), "the stranger was answered"
