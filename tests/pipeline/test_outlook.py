"""What exit rules make of ticks is looked at without a transaction; what comes of it is what deciding makes of each."""

from decimal import Decimal
from random import Random
from types import SimpleNamespace

import pytest

from alphapanda import at_once, handover
from alphapanda.connection import PREFIX, key, reply
from alphapanda.handover import Handover
from portfolio.services import open_portfolio
from risk import outlook, services
from risk.exit_services import change_exits
from risk.models import WatchMemory
from risk.tasks import decide
from strategies.base import Strategy
from strategies.models import Signal
from strategies.signal import Source
from strategies.tasks import evaluate
from tests import rows
from tests.pipeline.live import House
from trading import progress
from trading.awaited import Awaited, hint_of, hints_of
from trading.progress import behind

pytestmark = pytest.mark.django_db(transaction=True)


class Crosses(Strategy):
    """Long from 103 rupees on, flat again at 97."""

    def on_tick(self, tick):
        return 10 if tick.price >= 103 else 0 if tick.price <= 97 else None


@pytest.fixture(autouse=True)
def patient(monkeypatch) -> None:
    """However slow the machine is."""
    monkeypatch.setattr(outlook, "SECONDS", 600.0)
    monkeypatch.setattr(progress, "STILL_SECONDS", 600.0)
    monkeypatch.setattr(at_once, "SLOW_SECONDS", 60.0)
    monkeypatch.setattr(at_once, "_left", {})


@pytest.fixture
def house(redis, settings) -> House:
    settings.USER_STRATEGIES = ["tests.pipeline.live.WantsTen", f"{__name__}.Crosses"]
    return House(redis)


def ticked(house, *prices, instrument=None) -> None:
    """Each evaluated at once, by a shard that is on time."""
    for price in prices:
        house.append_now(instrument or house.traded, price)
        evaluate.run(str(house.market.pk), house.portfolio.shard)


def clock(house) -> int:
    house.portfolio.refresh_from_db()
    return house.portfolio.clock


def exits() -> list[tuple[int, str]]:
    """(tick, rule)"""
    made = Signal.objects.filter(source=Source.RULE).order_by("tick")
    return [(signal.tick, signal.reason.partition(":")[0]) for signal in made]


@pytest.fixture
def watched(house) -> House:
    """Ten shares were bought at tick 2 for 100 rupees, and tick 3 was looked at."""
    ticked(house, 100, 100)
    change_exits(house.portfolio, {"stop_loss": Decimal("0.05")})
    ticked(house, 100)
    assert decide.run(house.portfolio.pk) is False
    assert clock(house) == 3
    return house


def test_ticks_at_which_nothing_strikes_move_no_clock_and_send_no_message(watched):
    ticked(watched, 99, 101, 96)
    ticked(watched, 50, instrument=watched.other)
    assert clock(watched) == 3
    assert not any(watched.redis.llen(PREFIX + queue) for queue in ("risk", "execution"))


def test_what_strikes_is_decided_at_its_tick_and_filled_at_the_next(watched):
    ticked(watched, 99, 94)
    assert (exits(), clock(watched)) == ([(5, "stop_loss")], 5)
    ticked(watched, 93)
    assert watched.portfolio.fills.order_by("tick").last().tick == 6


def test_after_an_exit_that_comes_to_nothing_it_goes_on(watched):
    """What was bought again is looked at again."""
    ticked(watched, 94, 94, 100, 100)
    assert exits() == [(4, "stop_loss")]
    assert watched.portfolio.positions.get().quantity == 0


def test_a_rule_that_is_changed_holds_from_the_clock_on_though_more_was_looked_at(watched):
    ticked(watched, 97, 99)
    change_exits(watched.portfolio, {"stop_loss": Decimal("0.02")})
    decide.run(watched.portfolio.pk)
    assert exits() == [(4, "stop_loss")]


def test_rules_that_were_off_for_a_while_remember_nothing(watched):
    change_exits(watched.portfolio, {"trailing_stop": Decimal("0.05"), "stop_loss": None})
    decide.run(watched.portfolio.pk)
    ticked(watched, 120, 119)
    decide.run(watched.portfolio.pk)
    for fraction in (None, Decimal("0.05")):
        change_exits(watched.portfolio, {"trailing_stop": fraction})
    decide.run(watched.portfolio.pk)
    ticked(watched, 110, 109)
    assert exits() == []
    ticked(watched, 104)
    assert exits() == [(8, "trailing_stop")]


def test_the_highest_equity_is_kept_and_what_was_looked_at_is_not_looked_at_again(watched, monkeypatch):
    ticked(watched, 120, 99)
    looked = []
    monkeypatch.setattr("risk.watch.Watch.look", lambda _, at: looked.append(at.number) or ())
    decide.run(watched.portfolio.pk)
    assert (clock(watched), looked) == (5, [])
    assert watched.portfolio.peak_equity > watched.portfolio.starting_cash + 150
    memory = WatchMemory.objects.get().state
    assert (memory["marks"], memory["entries"][0][3]) == ([[watched.traded.id, 990_000]], 1_200_000)


def test_only_a_transaction_that_moves_a_clock_alone_may_be_lost(watched, monkeypatch):
    lost = []
    monkeypatch.setattr("risk.services.may_be_lost", lambda opened: lost.append(opened.book.clock))
    ticked(watched, 99)
    decide.run(watched.portfolio.pk)
    ticked(watched, 94, 94)
    assert (lost, exits(), clock(watched)) == ([4], [(5, "stop_loss")], 6)


@pytest.mark.parametrize("moved", ["fills", "closed", "is_leaving"])
def test_what_is_filled_in_part_or_is_to_be_left_lasts(moved):
    book = SimpleNamespace(fills=[1] if moved == "fills" else [], closed=[1] if moved == "closed" else [])
    watch = SimpleNamespace(is_leaving=moved == "is_leaving")
    assert services._is_moved(SimpleNamespace(book=book), SimpleNamespace(watch=watch))


def test_a_clock_moves_after_a_while_all_the_same(watched, monkeypatch):
    monkeypatch.setattr(outlook, "SECONDS", 0.0)
    monkeypatch.setattr(handover, "LOOKED_SECONDS", 0.0)
    decide.run(watched.portfolio.pk)
    ticked(watched, 99)
    assert clock(watched) == 4


def test_an_order_that_may_fill_is_matched(watched):
    watched.add("crosses", watched.other, watched.traded)
    ticked(watched, 103, instrument=watched.other)
    assert clock(watched) == 4
    ticked(watched, 103, instrument=watched.other)
    assert (watched.portfolio.fills.count(), exits()) == (2, [])


def test_what_was_filled_since_is_looked_at_too(watched):
    watched.add("crosses", watched.other, watched.traded)
    for instrument in (watched.other, watched.traded) * 2:
        ticked(watched, 103, instrument=instrument)
    ticked(watched, 98)
    assert (watched.portfolio.fills.count(), exits()) == (3, [])
    ticked(watched, "97.80")
    assert exits() == [(9, "stop_loss")]


def place(house) -> tuple[object, int]:
    return house.market.pk, house.portfolio.shard


def is_quiet(house) -> bool | None:
    return outlook.is_quiet(house.portfolio.pk, place(house), clock(house))


def test_nothing_is_known_where_somebody_else_has_moved_the_clock(watched):
    assert is_quiet(watched) is True
    assert outlook.is_quiet(watched.portfolio.pk, place(watched), clock(watched) + 1) is None


def test_nothing_is_known_after_a_transaction_that_was_rolled_back(watched, monkeypatch):
    monkeypatch.setattr("risk.services._save", lambda *_: 1 / 0)
    ticked(watched, 99)
    with pytest.raises(ZeroDivisionError):
        decide.run(watched.portfolio.pk)
    assert is_quiet(watched) is None


def test_a_look_that_fails_is_left_to_deciding_which_tells(watched, monkeypatch):
    monkeypatch.setattr(outlook, "_passes", lambda *_: 1 / 0)
    assert is_quiet(watched) is None
    assert watched.portfolio.pk not in outlook._known


def test_who_waits_for_the_clock_does_not_wait_for_a_while(watched):
    watched.redis.sadd(key("waiting", *place(watched)), watched.portfolio.pk)
    ticked(watched, 99)
    assert clock(watched) == 4


def test_what_others_have_looked_at_just_now_is_left_to_them(watched):
    shard, ticks = Handover(*place(watched)), {watched.traded.id}
    hint = hints_of({b"1": reply(hint_of(watched.portfolio.pk))})[1]
    outlook._known.clear()
    for at, rests in ((hint.at, True), (hint.at - 60, False), (hint.at + 3_600, False)):
        shard._hints = {watched.portfolio.pk: Awaited([*ticks], is_watched=True, clock=3, at=at)}
        assert shard._may_rest(watched.portfolio.pk, ticks) is rests
    for instruments, working in (([*ticks], [*ticks]), (None, [])):
        of = Awaited(instruments, is_watched=True, clock=3, working=working, at=hint.at)
        shard._hints = {watched.portfolio.pk: of}
        assert not shard._may_rest(watched.portfolio.pk, ticks)


def test_what_was_decided_longest_ago_is_forgotten_first(watched, monkeypatch):
    monkeypatch.setattr(outlook, "MOST", outlook.WATCH + 1)
    other = open_portfolio(rows.user("another"), "other", watched.market, Decimal(1_000_000))
    change_exits(other, {"stop_loss": Decimal("0.05")})
    decide.run(watched.portfolio.pk)
    decide.run(other.pk)
    assert [*outlook._known] == [other.pk]


def test_the_sweep_wakes_what_no_shard_looks_at(watched, monkeypatch):
    ticked(watched, 99)
    seen = watched.log.tail()
    assert behind(watched.market, watched.portfolio.shard, seen) == {}
    monkeypatch.setattr(progress, "STILL_SECONDS", 0.0)
    assert behind(watched.market, watched.portfolio.shard, seen) == {watched.portfolio.pk: True}
    monkeypatch.setattr(progress, "STILL_SECONDS", 600.0)
    watched.redis.delete(key("awaited", *place(watched)))
    assert behind(watched.market, watched.portfolio.shard, seen) == {watched.portfolio.pk: True}


RULES = {"stop_loss": Decimal("0.03"), "trailing_stop": Decimal("0.05"), "strategy_target": Decimal(60)}


@pytest.mark.parametrize("seed", range(3))
def test_whoever_looks_ahead_ends_like_one_who_decides_at_every_tick(redis, house, seed):
    """Two portfolios with the same strategies: one is decided by chance, for the other nobody looks ahead."""
    chance, price = Random(seed), 100
    pair = [open_portfolio(rows.user(name), name, house.market, Decimal(1_000_000)) for name in ("by chance", "always")]
    for one in pair:
        house.add("crosses", house.traded, house.other, portfolio=one)
        change_exits(one, RULES)
    for _ in range(60):
        price += chance.choice((-2, -1, 1, 2))
        house.append_now(chance.choice((house.traded, house.other)), price)
        for shard in {one.shard for one in pair}:
            house.see(shard, 0.0)
        go_on(house, *pair, decides=chance.random() < 0.2)
    go_on(house, *pair, decides=True)
    assert left(pair[0]) == left(pair[1])
    assert exits()


def go_on(house, by_chance, always, *, decides) -> None:
    outlook._known.pop(always.pk, None)
    decide.run(always.pk)
    by_chance.refresh_from_db()
    if decides or not outlook.is_quiet(by_chance.pk, (house.market.pk, by_chance.shard), by_chance.clock):
        decide.run(by_chance.pk)


def left(portfolio) -> tuple[object, ...]:
    portfolio.refresh_from_db()
    fills = list(portfolio.fills.order_by("tick", "order__placed_n").values_list("tick", "side", "quantity", "price"))
    memory = WatchMemory.objects.get(portfolio=portfolio).state
    peak = [Decimal(memory[name]) for name in ("equity", "peak")]
    return portfolio.cash, portfolio.clock, portfolio.peak_equity, fills, peak, memory["marks"], memory["entries"]
