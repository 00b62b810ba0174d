"""`python -m bench.queues.drive MODULE COUNT`: starts the module's workers, sends work, prints the seconds it took."""

import asyncio
import ctypes
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from time import monotonic, sleep

import redis

from bench.queues.stages import DONE, NOTE, REDIS

BIN = Path(sys.executable).parent
START_SECONDS, WORK_SECONDS = 60, 300
WARM = 100


def main():
    module, count = import_module(f"bench.queues.{sys.argv[1]}"), int(sys.argv[2])
    redis.Redis.from_url(REDIS).flushall()
    with working(module.workers(BIN)):
        timed(module, WARM, START_SECONDS)
        seconds = timed(module, count, WORK_SECONDS)
    print(json.dumps({"count": count, "seconds": seconds, "version": version(sys.argv[3])}))


def timed(module, count, most):
    """Seconds from the first message until the last stage has seen them all."""
    Path(DONE).write_bytes(b"")
    begun = monotonic()
    if hasattr(module, "asubmit"):
        asyncio.run(module.asubmit(range(count)))
    else:
        module.submit(range(count))
    while Path(DONE).stat().st_size < count * NOTE.size:
        if monotonic() - begun > most:
            raise TimeoutError(f"{Path(DONE).stat().st_size // NOTE.size} of {count} within {most} s")
        sleep(0.002)
    return monotonic() - begun


def end_with_us():
    """The kernel kills the worker when we die."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


@contextmanager
def working(commands):
    started = []
    try:
        for command in commands:
            worker = subprocess.Popen(command, stdout=2, stderr=2, start_new_session=True, preexec_fn=end_with_us)
            started.append(worker)
        yield
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


if __name__ == "__main__":
    main()
