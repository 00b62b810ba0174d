"""New signals are decided in the transaction that writes them, where few would wait for it."""

from datetime import date
from decimal import Decimal
from itertools import count
from threading import Timer
from unittest.mock import DEFAULT, Mock, patch
from uuid import uuid4

import msgspec
import psycopg
import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError, connection
from django.db.models import F
from redis import RedisError

from alphapanda import at_once, handover
from alphapanda.connection import PREFIX
from alphapanda.events import STREAM
from alphapanda.handover import Handover
from alphapanda.statements import write
from portfolio.models import Portfolio
from portfolio.services import open_portfolio
from risk import about, past, services
from risk.limit_services import change_limits
from risk.models import Decision
from strategies import evaluation
from strategies.base import Strategy
from strategies.models import Shard
from strategies.moved import Moved
from strategies.tasks import evaluate
from tests.pipeline.live import House, soon
from tests.workers import database_url
from trading import recent
from trading.bookkeeping import open_book
from trading.models import Instrument, Order

pytestmark = pytest.mark.django_db(transaction=True)


class Watches(Strategy):
    """Waits for fills of its own."""

    sees_fills = True

    def on_tick(self, _tick):
        return None


class Restless(Strategy):
    def on_tick(self, _tick):
        return self.target + 1


class Fails(Strategy):
    def on_tick(self, _tick):
        raise ValueError("on purpose")


OWN = [f"{__name__}.{name}" for name in ("Watches", "Fails", "Restless")]


@pytest.fixture
def house(redis, settings) -> House:
    """Of which the shard knows who waits."""
    settings.USER_STRATEGIES = ["tests.pipeline.live.WantsTen", *OWN]
    house = House(redis)
    handover.handover(house.market.pk, house.portfolio.shard).hand_on(Moved({}, set(), 0, 0))
    return house


@pytest.fixture
def written(monkeypatch) -> Mock:
    """What is called where signals are joined."""
    mock = Mock(wraps=evaluation.write_behind_fence)
    monkeypatch.setattr(evaluation, "write_behind_fence", mock)
    return mock


@pytest.fixture(autouse=True)
def quick(monkeypatch) -> None:
    """However slow the machine is."""
    monkeypatch.setattr(at_once, "SLOW_SECONDS", 60.0)
    monkeypatch.setattr(at_once, "_left", {})
    monkeypatch.setattr(evaluation, "is_round_due", lambda _: False)


def step(house, instrument=None) -> None:
    house.append_now(instrument or house.traded)
    evaluate.run(str(house.market.pk), house.portfolio.shard)


def neighbour(house) -> Portfolio:
    """Another portfolio of the same shard."""
    while True:
        portfolio = open_portfolio(house.portfolio.user, f"p{Portfolio.objects.count()}", house.market, Decimal(9))
        if portfolio.shard == house.portfolio.shard:
            return portfolio


def written_by(table: str, condition: str | None = None) -> int:
    """The transaction that has written the only row of a table, or the only one with a condition."""
    with psycopg.connect(database_url()) as database:
        ((xmin,),) = database.execute(
            f"SELECT xmin::text FROM {table} WHERE {condition or ONLY.get(table, True)}"
        ).fetchall()
        return int(xmin)


def decided_by() -> list[int]:
    """The transactions of portfolios that have decided."""
    portfolios = Decision.objects.values_list("portfolio", flat=True)
    return [written_by("risk_decision", f"portfolio_id = {pk}") for pk in portfolios]


def is_joined() -> bool:
    """A shard's row is written with the signals."""
    return written_by("strategies_shard") == written_by("risk_decision")


def woken(house) -> dict[str, int]:
    return {queue: house.redis.llen(PREFIX + queue) for queue in ("risk", "execution")}


ONLY = {"strategies_shard": "epoch > 0"}
NOBODY = {"risk": 0, "execution": 0}


def test_a_signal_its_decision_and_its_order_are_one_transaction(house, monkeypatch):
    decide = Mock(wraps=services.decide)
    monkeypatch.setattr(services, "decide", decide)
    step(house)
    decide.assert_called_once()
    assert is_joined()
    assert written_by("trading_order") == written_by("risk_decision")
    assert woken(house) == NOBODY


def test_events_are_told_in_the_order_of_what_happened(house):
    step(house)
    kinds = [msgspec.json.decode(fields[b"event"])["type"] for _, fields in house.redis.xrange(STREAM)]
    assert kinds[1:] == ["signal.generated", "signal.decided", "order.placed"]
    assert is_joined()


def test_signals_of_two_are_written_with_the_decisions_of_one(house):
    house.add("wants_ten", house.traded, portfolio=neighbour(house))
    step(house)
    assert sorted(written_by("strategies_shard") == written for written in decided_by()) == [False, True]
    assert woken(house) == NOBODY


def test_where_three_have_signals_these_are_committed_first(house):
    for _ in range(2):
        house.add("wants_ten", house.traded, portfolio=neighbour(house))
    step(house)
    assert len(decided_by()) == 2
    assert written_by("strategies_shard") not in decided_by()
    assert woken(house) == NOBODY | {"risk": 1}


def test_where_more_wait_for_what_has_ticked_they_do_not_wait_for_the_decision_of_another(house):
    """One portfolio waits for what it has ordered."""
    step(house)
    shard, other, another = Handover(house.market.pk, house.portfolio.shard), neighbour(house), neighbour(house)
    shard.hand_on(Moved({}, {house.other.id}, 1, soon()))
    assert not is_written(shard, house.traded, other, another)
    assert is_written(shard, house.other, other, another)
    assert is_written(shard, house.traded, other)
    assert is_written(shard, house.traded, house.portfolio)


def is_written(shard, ticked, *portfolios) -> bool:
    write = Mock()
    is_joined = shard.join(Moved({portfolio.pk: uuid4() for portfolio in portfolios}, {ticked.id}, 1, soon()), write)
    assert write.called is is_joined
    return is_joined


@pytest.mark.parametrize("strategy", ["watches", "fails"])
def test_signals_beside_one_that_fails_or_sees_its_fills_are_committed_alone(house, strategy):
    house.add(strategy, house.traded)
    step(house)
    assert house.portfolio.decisions.exists()
    assert not is_joined()


GUESSES = {
    "right": {},
    "other instruments": {"About": Mock(of=lambda portfolio, _, days: about.About.of(portfolio, set(), days))},
    "another day": {"india_date": lambda _: date(2020, 1, 1)},
}


@pytest.mark.parametrize("guess", GUESSES)
def test_rules_know_the_same_whether_it_was_asked_before_or_again(house, monkeypatch, guess):
    for name, value in GUESSES[guess].items():
        monkeypatch.setattr(handover, name, value)
    again = Mock(wraps=about.ask)
    monkeypatch.setattr(about, "ask", again)
    change_limits(house.portfolio, {"max_trades_per_day": 1})
    Instrument.objects.filter(pk=house.traded.id).update(freeze_quantity=4)
    house.add("restless", house.traded)
    for _ in range(3):
        step(house)
    decided = Decision.objects.order_by("tick", "strategy__ordinal").values_list("tick", "quantity", "denied_by")
    assert list(decided) == [(1, 10, []), (1, 1, []), (2, 0, ["trades_per_day"]), (3, 0, ["trades_per_day"])]
    assert sorted(Order.objects.values_list("quantity", flat=True)) == [1, 2, 4, 4]
    assert again.called is (guess != "right")


def test_a_halt_holds_for_signals_that_are_decided_as_they_are_written(house):
    services.halt(None, house.portfolio, "on purpose")
    step(house)
    assert is_joined()
    assert Decision.objects.get().approved is False


def test_more_than_one_transaction_takes_is_left_to_what_comes_behind(house, monkeypatch, written):
    monkeypatch.setattr("risk.services.MOST_SIGNALS", 1)
    monkeypatch.setattr(evaluation, "GATHER_SECONDS", 60.0)
    house.add("restless", house.traded)
    house.append_now(house.traded)
    step(house)
    written.assert_called_once()
    house.run()
    assert house.portfolio.signals.count() == house.portfolio.decisions.count() == 3


def test_who_was_replaced_writes_nothing(house, written):
    step(house, house.other)
    Shard.objects.update(epoch=F("epoch") + 1)
    held = evaluation._held[house.market.pk, house.portfolio.shard]
    with patch.object(evaluation, "_current", return_value=held):
        step(house)
    written.assert_called_once()
    assert not house.portfolio.signals.exists()
    assert woken(house) == NOBODY


def test_signals_last_where_their_decision_fails_which_is_not_tried_twice(house, monkeypatch, written):
    decide = Mock(side_effect=ZeroDivisionError)
    monkeypatch.setattr("risk.services._decide", decide)
    step(house)
    decide.assert_called_once()
    written.assert_called_once()
    assert house.portfolio.signals.get().is_decided is False
    assert woken(house) == NOBODY | {"risk": 1}


def test_who_is_joined_with_one_that_fails_is_decided_all_the_same(house, monkeypatch, written):
    other = neighbour(house)
    house.add("wants_ten", house.traded, portfolio=other)
    decide = Mock(wraps=services._decide, side_effect=[ZeroDivisionError, DEFAULT])
    monkeypatch.setattr("risk.services._decide", decide)
    step(house)
    written.assert_called_once()
    assert sorted(signal.is_decided for p in (house.portfolio, other) for signal in p.signals.all()) == [False, True]
    assert woken(house) == NOBODY | {"risk": 1}


@pytest.mark.parametrize("error", [MemoryError, RedisError, SoftTimeLimitExceeded])
def test_signals_last_where_their_process_is_in_trouble(house, monkeypatch, written, error):
    monkeypatch.setattr("risk.services._decide", Mock(side_effect=error))
    with pytest.raises(error):
        step(house)
    written.assert_called_once()
    assert house.portfolio.signals.get().is_decided is False


@pytest.mark.parametrize("when", ["before", "behind", "after"])
def test_what_breaks_off_is_done_once(house, monkeypatch, written, when):
    """Before anything is written but the signals, behind all writes, and after the commit."""
    where = {"before": (services, "_decide"), "behind": (services.past, "count"), "after": (services, "decide")}[when]
    breaks = Mock(side_effect=broken(getattr(*where), is_before=when == "before"))
    monkeypatch.setattr(*where, breaks)
    step(house)
    written.assert_called_once()
    house.run()
    step(house)
    house.run()
    of = house.portfolio
    assert [rows.count() for rows in (of.signals, of.decisions, of.orders, of.fills)] == [1, 1, 1, 1]


def broken(work, is_before):
    """Ends the session, or fails when all is done; the first time only."""
    turns = count()

    def breaks(*given, **named):
        is_first = next(turns) == 0
        if is_first and is_before:
            end_session()
        done = work(*given, **named)
        if is_first and not is_before:
            raise OperationalError("on purpose")
        return done

    return breaks


def end_session() -> None:
    with psycopg.connect(database_url(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])


def test_who_is_far_behind_is_not_joined(house, monkeypatch):
    house.add("restless", house.other)
    step(house)
    house.tick(house.traded)
    recent._read.clear()
    monkeypatch.setattr(handover, "NEAR_TICKS", 1)
    join = Mock(wraps=at_once.at_once)
    monkeypatch.setattr(handover, "at_once", join)
    step(house, house.other)
    join.assert_not_called()


def test_who_knows_of_nobody_yet_joins_nobody(house):
    shard = Handover(house.market.pk, house.portfolio.shard)
    assert not is_written(shard, house.traded, house.portfolio)


def test_who_has_the_row_of_the_shard_is_not_waited_for(house):
    shard = Handover(house.market.pk, house.portfolio.shard)
    shard.hand_on(Moved({}, set(), 0, 0))
    moved = Moved({house.portfolio.pk: uuid4()}, set(), 1, soon())
    with psycopg.connect(database_url()) as other:
        other.execute("SELECT FROM strategies_shard FOR UPDATE")
        ends = Timer(1.0, other.rollback)
        ends.start()
        assert not shard.join(moved, lambda: write("UPDATE strategies_shard SET seen = seen", []))
        ends.join()


def test_trades_of_a_strategy_that_came_since_the_book_was_opened_are_not_counted(house):
    known, day = open_book(house.portfolio), date(2026, 1, 1)
    house.add("restless", house.traded)
    first, later = house.portfolio.strategies.order_by("ordinal").values_list("pk", flat=True)
    trades, more = past.counted(known, [(first, day, 2, 1), (later, day, 3, 4)])
    assert (list(trades.values()), more) == ([2], {day: 1})
