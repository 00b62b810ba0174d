"""Start, stop, new version and quarantine take effect at one tick, the same for every order of the stages."""

from itertools import pairwise
from time import monotonic

import pytest
from django.db import connection as database

from strategies import evaluation, services, waiting
from strategies.loading import notes_folder, take_over
from strategies.models import Control, Strategy
from strategies.moved import Behind
from strategies.seen import seen_by
from tests.pipeline.driver import Replay, bars, expected
from trading.ingest import ingest
from trading.log import MarketLog
from trading.models import Market
from trading.order import OrderStatus
from trading.reference import INSTRUMENTS

pytestmark = pytest.mark.django_db(transaction=True)
SAMPLES = ["Pyramid", "Resting", "Raises", "Nonsense", "Hoards"]


@pytest.fixture
def files(tmp_path, settings):
    settings.USER_STRATEGIES = [f"tests.pipeline.sample.{name}" for name in SAMPLES]
    settings.LOG_BATCH_TICKS = 50
    return [bars(tmp_path / "HDFCBANK.csv", 3, 40)]


def strategy_of(replay: Replay) -> Strategy:
    return replay.portfolio.strategies.get(ordinal=0)


def statuses(replay: Replay) -> list[str]:
    return list(replay.portfolio.orders.order_by("placed_tick").values_list("status", flat=True))


def test_strategy_that_sees_fills_trades_alike_in_backtest_and_pipeline(files, redis):
    replay, wanted = Replay.of(files, strategy=["pyramid"], param=[]), expected(files, strategy=["pyramid"], param=[])
    replay.drain()
    assert len(wanted["fills"]) > 10
    assert replay.hash == wanted["ledger_hash"]


def test_strategy_that_sees_fills_does_not_hold_back_the_others(files, redis):
    replay = Replay.of(files, strategy=["pyramid", "momentum"], param=["momentum.lookback=5", "momentum.threshold=0"])
    replay.begin()
    momentum, pyramid = (replay.portfolio.signals.filter(strategy__ordinal=n).count() for n in (1, 0))
    assert (momentum > 5, pyramid) == (True, 1)


def test_portfolio_is_told_of_every_signal_that_the_shard_has_passed(files, redis):
    """One that had run ahead was told of its first signal only; for the rest it waited for the sweep."""
    replay = Replay.of(files, strategy=["pyramid", "momentum"], param=["momentum.lookback=5", "momentum.threshold=0"])
    market, shard = replay.portfolio.market, replay.portfolio.shard
    told = [(0, False)]
    for _ in range(150):
        replay.ingest()
        evaluation.evaluate(
            market.pk,
            shard,
            0,
            Behind(lambda moved: told.append((seen_by(market.pk, shard), replay.portfolio.pk in moved.signalled))),
        )
        replay.decide()
        replay.execute()
    signalled = set(replay.portfolio.signals.values_list("tick", flat=True))
    wanted = [any(before < tick <= seen for tick in signalled) for (before, _), (seen, _) in pairwise(told)]
    assert [was_told for _, was_told in told[1:]] == wanted
    assert sum(wanted) > 10


def test_nobody_is_suspected_while_servers_are_asked(files, settings, redis):
    """PostgreSQL stood still; the strategy that was next to see its fills was taken for hanging."""
    settings.SHARD_SAVE_SECONDS = 0.0
    replay = Replay.of(files, strategy=["pyramid"], param=[])
    replay.begin("decide", "execute")
    log, portfolio = MarketLog(redis, replay.portfolio.market_id), replay.portfolio
    shard = take_over(portfolio.market_id, portfolio.shard, log)
    ((strategy, lane),) = shard.own.items()
    happened: list[str] = []
    lane.note = lambda *_: happened.append("runs")

    def asked(execute, *query):
        happened.append("asks")
        return execute(*query)

    ticks = log.read(lane.place)[0].ticks(INSTRUMENTS)
    with database.execute_wrapper(asked):
        waiting.move(lane, shard.strategies[strategy], ticks, monotonic() + 5, lambda: happened.append("rests"))
    ran = happened.index("runs")
    assert happened[:2] == happened[ran + 1 : ran + 3] == ["rests", "asks"]
    assert ("runs", "asks") not in pairwise(happened)


def test_nobody_is_suspected_while_a_shard_commits(files, redis):
    """A worker that dies there has no strategy to blame."""
    replay, notes = Replay.of(files), []

    def asked(execute, sql, *rest):
        if sql.startswith(("INSERT", "UPDATE")):
            notes.extend(page.read_bytes() for page in notes_folder().glob(f"{replay.portfolio.market_id}-*"))
        return execute(sql, *rest)

    replay.ingest()
    with database.execute_wrapper(asked):
        replay.evaluate(5)
    assert replay.portfolio.signals.exists()
    assert notes
    assert not any(map(any, notes))


def test_strategy_that_sees_fills_asks_for_them_only_when_some_may_have_come(files, redis):
    """It asked PostgreSQL at every tick; without a signal on its way no fill can come."""
    replay = Replay.of(files, strategy=["pyramid"], param=[])
    replay.ingest()
    asked: list[str] = []

    def note(execute, statement, *rest):
        asked.append(statement)
        return execute(statement, *rest)

    with database.execute_wrapper(note):
        replay.evaluate(5)
    signal = replay.portfolio.signals.get()
    assert signal.tick > 5
    assert sum("trading_fill" in statement for statement in asked) == 1


def test_failing_strategy_is_quarantined_with_its_reason_and_its_order_is_cancelled(files, redis):
    options = {"strategy": ["raises", "momentum"], "param": ["momentum.lookback=5", "momentum.threshold=0.001"]}
    replay, wanted = Replay.of(files, **options), expected(files, **options)
    replay.drain()
    strategy = strategy_of(replay)
    assert (strategy.status, "by design" in strategy.status_reason) == ("QUARANTINED", True)
    assert statuses(replay)[0] == OrderStatus.CANCELLED
    assert replay.hash == wanted["ledger_hash"]


def test_nonsense_from_a_strategy_quarantines_it(files, redis):
    replay = Replay.of(files, strategy=["nonsense"], param=[])
    replay.drain()
    assert "whole number" in strategy_of(replay).status_reason


def test_unknown_type_in_a_row_stops_only_its_own_strategy(files, redis):
    """A strategy row with an unknown type stopped the whole runner at start."""
    replay = Replay.of(files)
    strategy_of(replay).versions.update(type="gone")
    replay.drain()
    assert "unknown strategy type 'gone'" in strategy_of(replay).status_reason
    assert replay.portfolio.signals.filter(strategy__ordinal=1).exists()


def test_stop_cancels_what_rests_and_ends_the_signals(files, redis):
    replay = Replay.of(files, strategy=["resting"], param=[])
    replay.begin("decide")
    assert statuses(replay) == [OrderStatus.OPEN]
    services.stop(strategy_of(replay), "enough")
    replay.drain()
    assert statuses(replay) == [OrderStatus.CANCELLED]
    assert Control.objects.get(kind="STOP").is_settled


def quiet(replay: Replay) -> None:
    """No tick for a while: waiting controls get their tick, and nothing is appended."""
    Market.objects.filter(pk=replay.portfolio.market_id).update(speed=0.000001)
    ingest(replay.portfolio.market_id, 0.05, lambda: None)


def test_stop_is_heard_though_the_shard_was_loaded_between_two_of_the_same_tick(files, redis):
    """What was newest was told by its tick, and another control already had that one."""
    replay = Replay.of(files, strategy=["momentum"] * 2, param=["momentum.lookback=3", "momentum.threshold=0"])
    replay.begin()
    one, two = replay.portfolio.strategies.order_by("ordinal")
    for strategy in (one, two):
        services.stop(strategy)
        quiet(replay)
        replay.forget()
        replay.evaluate(5)
    Market.objects.update(speed=0)
    replay.drain()
    ticks = set(Control.objects.filter(kind="STOP").values_list("from_tick", flat=True))
    assert not replay.portfolio.signals.filter(tick__gte=min(ticks)).exists()


def test_stop_is_heard_after_a_wipe(files, redis):
    """It got a tick that everybody had passed, lower than that of the control before it."""
    replay = Replay.of(files, strategy=["momentum"] * 2, param=["momentum.lookback=3", "momentum.threshold=0"])
    replay.begin()
    one, two = replay.portfolio.strategies.order_by("ordinal")
    services.stop(one)
    replay.begin()
    replay.wipe()
    services.stop(two)
    replay.drain()
    stop = Control.objects.get(strategy=two, kind="STOP")
    assert stop.from_tick > Control.objects.get(strategy=one, kind="STOP").from_tick
    assert not replay.portfolio.signals.filter(strategy=two, tick__gte=stop.from_tick).exists()


def test_new_version_takes_effect_at_one_tick_and_keeps_the_target(files, settings, redis):
    settings.LOG_BATCH_TICKS = 20
    replay = Replay.of(files, strategy=["momentum"], param=["momentum.lookback=3", "momentum.threshold=0"])
    replay.begin("decide", "execute")
    services.configure(strategy_of(replay), "momentum", {"lookback": 3, "threshold": "0", "quantity": 7})
    replay.drain()
    change = Control.objects.get(kind="VERSION").from_tick
    signals = replay.portfolio.signals.order_by("tick")
    assert {abs(s.target) for s in signals.filter(tick__lt=change)} == {100}
    assert {abs(s.target) for s in signals.filter(tick__gte=change)} == {7}
    assert signals.filter(tick__gte=change).first().quantity in (93, 107)


def test_quarantined_strategy_can_be_started_again(files, redis):
    replay = Replay.of(files, strategy=["raises"], param=[])
    replay.begin()
    services.start(strategy_of(replay))
    replay.drain()
    assert Control.objects.filter(kind="QUARANTINE").count() == 2


@pytest.mark.parametrize("is_forgotten", [False, True])
def test_new_version_does_not_release_a_strategy_that_failed_before_its_tick(files, settings, redis, is_forgotten):
    settings.LOG_BATCH_TICKS = 20
    replay = Replay.of(files, strategy=["raises"], param=[])
    replay.ingest()
    services.renew(strategy_of(replay))
    replay.ingest()
    replay.evaluate()
    if is_forgotten:
        replay.forget()
    replay.drain()
    failed = Control.objects.get(kind="QUARANTINE").from_tick
    assert failed < Control.objects.get(kind="VERSION").from_tick
    assert not replay.portfolio.signals.filter(tick__gte=failed).exists()


def test_state_that_grows_without_bound_quarantines_its_strategy(files, settings, redis):
    settings.MAX_STATE_BYTES, settings.SHARD_SAVE_SECONDS = 50_000, 0.0
    replay = Replay.of(files, strategy=["hoards"], param=[])
    replay.drain()
    assert "at most 50,000 are kept" in strategy_of(replay).status_reason
