"""Written by hand: lists in Redis, 100 messages as msgpack in an element, each stage passes on whole batches."""

from itertools import islice

import msgpack
import redis

from bench.queues import stages

BATCH = 100
STAGES = {
    "evaluate": (stages.evaluate, "decide"),
    "decide": (stages.decide, "execute"),
    "execute": (stages.execute, "book"),
}
LAST_FIRST = ["book", "execute", "decide", "evaluate"]


def submit(numbers):
    server, rest = redis.Redis.from_url(stages.REDIS), iter(numbers)
    while batch := list(islice(rest, BATCH)):
        server.lpush("evaluate", msgpack.packb([stages.tick(number) for number in batch]))


def work():
    server = redis.Redis.from_url(stages.REDIS)
    while True:
        name, body = server.brpop(LAST_FIRST)
        messages = msgpack.unpackb(body)
        if name == b"book":
            stages.book(*messages)
        else:
            act, following = STAGES[name.decode()]
            server.lpush(following, msgpack.packb([act(message) for message in messages]))


def workers(bin_folder):
    return [[bin_folder / "python", "-m", "bench.queues.batches"]] * 2


if __name__ == "__main__":
    work()
