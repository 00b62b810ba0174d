"""What a person may well write means the same in every batch, after every death, and stops nobody else."""

import gc
import signal
from contextlib import contextmanager, suppress

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from strategies import evaluation
from strategies.services import create_strategy
from tests.pipeline import odd
from tests.pipeline.driver import Replay, bars, expected
from trading.models import Instrument

pytestmark = pytest.mark.django_db(transaction=True)
MOMENTUM = ["momentum.lookback=5", "momentum.threshold=0.001"]
NAMES = [name for name, what in vars(odd).items() if isinstance(what, type) and what.__module__ == odd.__name__]


@pytest.fixture
def files(tmp_path, settings):
    settings.USER_STRATEGIES = [f"tests.pipeline.odd.{name}" for name in NAMES]
    settings.LOG_BATCH_TICKS = 50
    return [bars(tmp_path / "HDFCBANK.csv", 3, 40)]


@pytest.mark.parametrize(
    "name",
    [
        *("numpy_confidence", "true_confidence", "fraction_confidence"),
        *("wishes_too_far", "wishes_behind", "wishes_number", "wishes_triples", "wishes_floats"),
    ],
)
def test_odd_numbers_and_wishes_stop_nobody(name, files, redis):
    replay = Replay.of(files, strategy=[name, "momentum"], param=MOMENTUM)
    replay.drain()
    assert set(replay.portfolio.strategies.values_list("status", flat=True)) == {"RUNNING"}
    assert replay.portfolio.signals.filter(strategy__ordinal=1).exists()


def test_state_that_cannot_be_kept_stops_nobody_whose_prices_come_as_arrays(files, redis):
    replay = Replay.of(files, strategy=["keeps_object", "momentum"], param=MOMENTUM)
    replay.drain()
    assert replay.portfolio.signals.filter(strategy__ordinal=1).exists()


@pytest.mark.parametrize("batch", [7, 50, 1000])
@pytest.mark.parametrize("name", ["choosy", "breaks"])
def test_arrays_never_say_what_single_ticks_do_not(name, batch, files, settings, redis):
    """A form for arrays was inherited by what changed `on_tick`, and failed at the end of whatever batch it was in."""
    settings.LOG_BATCH_TICKS = batch
    parameters = ["choosy.lookback=3", "choosy.threshold=0.0005"] if name == "choosy" else []
    options = {"strategy": [name], "param": parameters}
    replay, wanted = Replay.of(files, **options), expected(files, **options)
    replay.drain()
    assert replay.portfolio.signals.exists()
    assert replay.hash == wanted["ledger_hash"]


def test_suspect_that_was_innocent_is_shown_each_tick_once(files, settings, redis):
    settings.LOG_BATCH_TICKS = 10
    options = {"strategy": ["counts"], "param": [], "limits": "none"}
    replay = Replay.of(files, **options)
    replay.begin("decide", "execute")
    replay.ingest()
    shard = evaluation._held[replay.portfolio.market_id, replay.portfolio.shard]
    shard.notebook.note(replay.portfolio.strategies.get().pk, shard.main.place + 5)
    replay.forget()
    replay.drain()
    assert replay.hash == expected(files, **options)["ledger_hash"]


def test_suspect_carries_the_prices_of_what_others_of_its_portfolio_signal_for_meanwhile(files, settings, redis):
    """It runs ahead of them, so it cannot know for what."""
    settings.LOG_BATCH_TICKS = 10
    replay = Replay.of(
        [*files, bars(files[0].with_name("SBIN.csv"), 4, 40)], strategy=["counts_later", "counts"], param=[]
    )
    other, suspect = replay.portfolio.strategies.order_by("ordinal")
    for strategy, symbol in ((other, "SBIN"), (suspect, "HDFCBANK")):
        strategy.instruments.set([Instrument.objects.get(symbol=symbol)])
    replay.begin("decide", "execute")
    replay.ingest()
    shard = evaluation._held[replay.portfolio.market_id, replay.portfolio.shard]
    shard.notebook.note(suspect.pk, shard.main.place + 10)
    replay.forget()
    replay.evaluate(5)
    first = other.signals.earliest("tick")
    later = suspect.signals.filter(tick__gt=first.tick, tick__lte=shard.main.place + 10)
    assert [str(first.instrument_id) in signal.marks for signal in later] == [True] * 3


def test_start_that_ends_the_process_ends_its_strategy_only(files, settings, redis):
    settings.SHARD_SAVE_SECONDS, odd.LeavesLater.starts = 0.0, 0
    replay = Replay.of(files, strategy=["leaves_later", "momentum"], param=MOMENTUM)
    replay.begin()
    replay.forget()
    replay.drain()
    first, other = replay.portfolio.strategies.order_by("ordinal")
    assert (first.status, other.status) == ("QUARANTINED", "RUNNING")
    assert "no licence server" in first.status_reason


def test_endless_reason_is_a_fault(files, redis):
    """A megabyte in each signal filled Redis, and nobody was woken any more."""
    replay = Replay.of(files, strategy=["chatty"], param=[])
    replay.drain()
    assert "at most 1,000 are kept" in replay.portfolio.strategies.get().status_reason


def queries_of_a_load(files, strategies: int) -> int:
    replay = Replay.of(files, strategy=["momentum"] * strategies, param=[])
    replay.begin()
    replay.forget()
    with CaptureQueriesContext(database) as queries:
        replay.evaluate()
    return len(queries)


def test_loading_asks_no_query_for_each_strategy(files, redis):
    assert queries_of_a_load(files, 12) <= queries_of_a_load(files, 2) + 2


@contextmanager
def time_limit(seconds: float):
    """An alarm that strikes in a `__del__` is passed on to nobody: the collector, which calls them, is kept out of its
    way, and it strikes again.
    """

    def late(*_: object) -> None:
        raise SoftTimeLimitExceeded

    gc.collect()
    gc.disable()
    before = signal.signal(signal.SIGALRM, late)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()


def test_time_limit_while_a_shard_is_loaded_is_nobodys_fault(files, redis):
    replay = Replay.of(files, strategy=["momentum"] * 20, param=[])
    replay.begin()
    replay.forget()
    with suppress(SoftTimeLimitExceeded), time_limit(0.01):
        replay.evaluate()
        signal.pause()
    database.close()
    replay.evaluate()
    assert set(replay.portfolio.strategies.values_list("status", flat=True)) == {"RUNNING"}


def test_marks_do_not_depend_on_a_restart(files, settings, redis):
    settings.SHARD_SAVE_SECONDS = 0.0
    (tmp,) = files
    both, marks = [tmp, bars(tmp.with_name("SBIN.csv"), 4, 40)], []
    for is_forgotten in (False, True):
        replay = Replay.of(both, strategy=["counts"], param=[])
        own, other = (Instrument.objects.get(symbol=symbol) for symbol in ("HDFCBANK", "SBIN"))
        replay.portfolio.strategies.get().instruments.set([own])
        replay.begin()
        create_strategy(replay.portfolio, "later", "counts", {}, [other])
        if is_forgotten:
            replay.forget()
        replay.drain()
        marks.append(list(replay.portfolio.signals.order_by("tick").values_list("marks", flat=True)))
    assert marks[0] == marks[1]
    assert set(marks[0][-1]) == {str(own.pk)}
