"""`python -m bench.feed MARKET FIRST COUNT OUT RATE:SECONDS…`: sequences a live market as ingest would, in its place.

A process of its own with the environment of a house. It decodes full packets, appends, wakes the shards, and in the
end writes what arrived when: the numbers of each phase, and of every batch the last number, when it arrived, and when
it was in the log.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import time
from uuid import UUID

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alphapanda.settings")

import django

django.setup()

import numpy as np

from alphapanda import pipeline
from alphapanda.connection import connection
from alphapanda.lease import new_token
from bench.firehose_source import FirehoseSource
from trading.log import MarketLog
from trading.models import Market
from trading.sequencer import Sequencer
from trading.session import SECOND

DRAIN_SECONDS = 2.0


def main() -> None:
    market, first, count, out, *phases = sys.argv[1:]
    market_id = UUID(market)
    log, token = MarketLog(connection(), market_id), new_token()
    assert log.acquire(token)
    Market.objects.filter(pk=market_id).update(is_active=True)
    source = FirehoseSource(range(int(first), int(first) + int(count)), 1)
    sequencer = Sequencer(Market.objects.get(pk=market_id), log, token)
    shards, times = pipeline.shards_of(market_id), []

    def appended() -> None:
        times.append(int(time() * SECOND))
        pipeline.wake_shards(market_id, shards)

    kept = [_phase(sequencer, source, phase, appended) for phase in phases]
    sequencer.finish(source)
    np.savez(Path(out), phases=np.array(kept), batches=np.column_stack([source.arrivals, times]))
    Market.objects.filter(pk=market_id).update(is_active=False)
    log.release(token)


def _phase(sequencer: Sequencer, source: FirehoseSource, phase: str, appended: Callable[[], None]) -> tuple[int, ...]:
    """First and last number of a phase, and how many ticks it did not get to."""
    rate, seconds = map(float, phase.split(":"))
    before = source.arrivals[-1][0] if source.arrivals else 0
    source.begin(rate)
    sequencer.work(source, seconds, appended)
    lost = max(0, source.due() - int(rate * 0.05))  # those of the last moment were not yet to be taken
    source.begin(1e-9)
    sequencer.work(source, DRAIN_SECONDS, appended)
    return before + 1, source.arrivals[-1][0], lost


if __name__ == "__main__":
    main()
