"""A house in which everything runs, told to the doctor without starting it; and ways to break it."""

import json
import re
import struct
from time import time

from alphapanda import status
from alphapanda.connection import connection, key
from tests import rows
from trading.models import Market
from trading.progress import LATE_TICKS

FAR = LATE_TICKS + 1


def make_well(settings, home):
    """Its mock market has just ticked, its sweep has just been."""
    settings.ALPHAPANDA_HOME = home
    sweep()
    tick()


def without_seconds(text):
    """A busy machine may need some itself."""
    return re.sub(r"\d+(?= s\b)", "N", text)


def failing():
    return {check.name: without_seconds(check.detail) for check in status.checks() if not check.ok}


def sweep(ago=0.0):
    connection().set(key("swept"), int(time() - ago))


def tick(ago=0.0, market=None):
    last = struct.pack("<qqq", 1, int((time() - ago) * 1e6), 1)
    connection().hset(key("last", (market or rows.market()).pk), struct.pack("<I", 1), last)


def waiting(queue, ago):
    connection().lpush(f"ap:{queue}", json.dumps({"headers": {"sent_at": time() - ago}}))


def long_log(market):
    connection().xadd(key("log", market.pk), {"f": 1}, id=f"{FAR}-0")


def replay(**fields):
    return Market.objects.create(name="replay of asha", kind="replay", last_tick=9, **fields)
