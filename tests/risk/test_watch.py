"""Exit rules on a few ticks: when they strike, what they order, and that they do so once."""

from datetime import time
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from risk.decide import Decider
from risk.exits import ExitRules, Exits, Scope
from risk.halt import Halt, HaltState
from risk.memory import Memory
from risk.scopes import Limited
from risk.watch import RETRY, Watch
from strategies.signal import Source, Target
from tests.builders import SBIN, TCS, book, signal, tick
from trading.advance import advance
from trading.order import OrderType
from trading.session import DAY, SECOND
from trading.ticks import Ticks

IDS = {1: UUID(int=1), 2: UUID(int=2)}
EVERYWHERE = Scope()


def watched(its_book=None, state=HaltState.REDUCING, scope=EVERYWHERE, kind=Watch, **rules) -> Decider:
    its_book = its_book or book("0")
    its_book.is_watched = True
    exits = Exits(((scope, ExitRules(**rules)),), state)
    return Decider(its_book, Limited([]), watch=kind(its_book, exits, IDS, Memory.of(its_book)))


def go(deciding: Decider, some_ticks, signals=()) -> Decider:
    ordered = sorted(signals, key=lambda s: (s.tick, s.turn))
    advance(deciding.book, [Ticks.of(some_ticks)], ordered, some_ticks[-1].number, deciding.act, deciding.watch)
    return deciding


def path(*prices, instrument=SBIN, first=1):
    return [tick(number, price, instrument) for number, price in enumerate(prices, first)]


def bought(some_ticks, target=10, strategy=1, at=0):
    return signal(target, some_ticks[at], strategy=strategy)


def by_rules(deciding: Decider):
    """(tick, side, quantity, rule) of every signal of a rule."""
    made = [d.signal for d in deciding.decisions if d.signal.source is Source.RULE]
    return [(s.tick, s.side, s.quantity, s.reason.partition(":")[0]) for s in made]


def held(deciding: Decider) -> dict[tuple[int, int], int]:
    return {key: p.quantity for key, p in deciding.book.positions.items() if p.quantity}


@pytest.mark.parametrize(
    ("rule", "prices", "target", "expected"),
    [
        ({"stop_loss": Decimal("0.02")}, [100, 100, "98.05", 98, 97], 10, [(4, "SELL", 10, "stop_loss")]),
        ({"stop_loss": Decimal("0.02")}, [100, 100, "101.95", 102, 97], -10, [(4, "BUY", 10, "stop_loss")]),
        ({"target": Decimal("0.03")}, [100, 100, "102.95", 103, 97], 10, [(4, "SELL", 10, "target")]),
        ({"trailing_stop": Decimal("0.1")}, [100, 100, 120, "108.05", 108], 10, [(5, "SELL", 10, "trailing_stop")]),
        ({"trailing_stop": Decimal("0.1")}, [100, 100, 80, "87.95", 88], -10, [(5, "BUY", 10, "trailing_stop")]),
        ({"strategy_stop_loss": Decimal(30)}, [100, 100, 98, 97], 10, [(4, "SELL", 10, "strategy_stop_loss")]),
        ({"strategy_target": Decimal(20)}, [100, 100, 102, "102.50"], 10, [(4, "SELL", 10, "strategy_target")]),
        (
            {"strategy_trailing_stop": Decimal(50)},
            [100, 100, 110, "105.05", 105],
            10,
            [(5, "SELL", 10, "strategy_trailing_stop")],
        ),
        ({"max_daily_loss": Decimal(30)}, [100, 100, 98, 97], 10, [(4, "SELL", 10, "daily_loss")]),
        ({"max_drawdown": Decimal("0.0001")}, [100, 100, 110, 101, 99], 10, [(5, "SELL", 10, "drawdown")]),
        ({"square_off": time(9, 15, 4)}, [100] * 5, 10, [(4, "SELL", 10, "square_off")]),
    ],
)
def test_rule_strikes_at_its_limit_and_not_before(rule, prices, target, expected):
    """Charges are small but count: a gain of 20 rupees at 102 is not one of 20 net."""
    some_ticks = path(*prices)
    deciding = go(watched(**rule), some_ticks, [bought(some_ticks, target)])
    assert by_rules(deciding) == expected


def test_exit_fills_at_the_next_tick_and_is_asked_for_once():
    some_ticks = path(100, 100, 90, 89, 88, 87)
    deciding = go(watched(stop_loss=Decimal("0.05")), some_ticks, [bought(some_ticks)])
    assert [(f.tick, f.side) for f in deciding.book.fills] == [(2, "BUY"), (4, "SELL")]
    assert (by_rules(deciding), held(deciding)) == ([(3, "SELL", 10, "stop_loss")], {})


def test_exit_waits_for_a_tick_of_its_instrument_without_being_repeated():
    some_ticks = [*path(100, 100, 90), tick(4, 50, TCS), tick(5, 51, TCS), tick(6, 89)]
    signals = [bought(some_ticks), bought(some_ticks, 1, 2, at=3)]
    deciding = go(watched(stop_loss=Decimal("0.05")), some_ticks, signals)
    assert by_rules(deciding) == [(3, "SELL", 10, "stop_loss")]
    assert [f.tick for f in deciding.book.fills] == [2, 5, 6]


def test_exit_that_was_denied_is_tried_again_after_a_while():
    some_ticks = path(100, 100, *[90] * 15)
    deciding = watched(stop_loss=Decimal("0.05"))
    go(deciding, some_ticks[:2], [bought(some_ticks)])
    deciding.halts = [Halt("by hand")]
    go(deciding, some_ticks[2:])
    assert [found[0] for found in by_rules(deciding)] == [3, 3 + RETRY // SECOND]


def test_resting_orders_of_the_position_are_cancelled_so_that_it_cannot_flip():
    some_ticks = path(100, 100, 95, 90, 80)
    more = signal(Target(20, OrderType.LIMIT, limit_price=92), some_ticks[1])
    deciding = go(watched(stop_loss=Decimal("0.05")), some_ticks, [bought(some_ticks), more])
    assert [order.status for order in deciding.book.closed] == ["COMPLETE", "CANCELLED", "COMPLETE"]
    assert held(deciding) == {}


def test_limit_order_that_would_leave_one_day_does_not_count_as_leaving():
    some_ticks = path(100, 100, 95, 90)
    hope = signal(Target(0, OrderType.LIMIT, limit_price=120), some_ticks[1])
    deciding = go(watched(stop_loss=Decimal("0.05")), some_ticks, [bought(some_ticks), hope])
    assert by_rules(deciding) == [(3, "SELL", 10, "stop_loss")]


def test_what_another_strategy_has_resting_says_nothing_about_an_exit_that_is_on_its_way():
    rest = RETRY // SECOND
    some_ticks = path(*[100] * (2 * rest + 2), *[90] * 4 * rest)
    hope = signal(Target(5, OrderType.LIMIT, limit_price=1), some_ticks[0], strategy=2)
    slow = watched(book("0", latency_ms=2 * RETRY // 1_000), stop_loss=Decimal("0.05"))
    deciding = go(slow, some_ticks, [bought(some_ticks), hope])
    assert (len(by_rules(deciding)), held(deciding), len(deciding.book.working)) == (1, {}, 1)


def test_strategy_enters_again_at_its_next_edge_with_a_new_price():
    some_ticks = path(100, 100, 90, 90, 90, 86, 85)
    signals = [bought(some_ticks), bought(some_ticks, 20, at=3)]
    deciding = go(watched(stop_loss=Decimal("0.05")), some_ticks, signals)
    assert [found[0] for found in by_rules(deciding)] == [3, 7]


def test_rules_of_a_strategy_or_an_instrument_touch_nothing_else():
    some_ticks = [tick(1, 100), tick(2, 100), tick(3, 90), tick(4, 90)]
    deciding = watched(stop_loss=Decimal("0.05"), scope=Scope(strategy=2))
    go(deciding, some_ticks, [bought(some_ticks), bought(some_ticks, strategy=2)])
    assert held(deciding) == {(1, SBIN.id): 10}
    elsewhere = watched(stop_loss=Decimal("0.05"), scope=Scope(symbol="TCS"))
    assert by_rules(go(elsewhere, some_ticks, [bought(some_ticks)])) == []


def test_tightest_of_several_holds():
    loose, tight = ExitRules(stop_loss=Decimal("0.5"), square_off=time(15)), ExitRules(stop_loss=Decimal("0.1"))
    exits = Exits(((Scope(), tight), (Scope(1, "SBIN"), loose)))
    assert exits.of(1, "SBIN") == ExitRules(stop_loss=Decimal("0.1"), square_off=time(15))
    assert exits.of(1, "TCS") == tight


@pytest.mark.parametrize("state", HaltState)
def test_daily_loss_leaves_everything_and_keeps_entries_out(state):
    some_ticks = [tick(1, 100), tick(2, 50, TCS), tick(3, 100), tick(4, 50, TCS), tick(5, 90), tick(6, 49, TCS)]
    some_ticks += [tick(7, 90), tick(8, 120)]
    signals = [bought(some_ticks), bought(some_ticks, 5, 2, at=1), bought(some_ticks, 30, at=6)]
    deciding = go(watched(state=state, max_daily_loss=Decimal(90)), some_ticks, signals)
    assert by_rules(deciding) == [(5, "SELL", 10, "daily_loss"), (5, "SELL", 5, "daily_loss")]
    assert deciding.decisions[-1].denied_by == ["halt"]
    assert deciding.decisions[-1].verdicts[4].observed.startswith("daily_loss: 10")
    assert held(deciding) == {}


def test_daily_loss_counts_a_gap_at_the_open_and_begins_anew_each_day():
    """Equity before the day's first tick is what a day is held against, also when nothing was held then."""
    days = [tick(1, 100), tick(2, 100), tick(3, 97)]
    days += [tick(n, p, seconds=n + DAY / SECOND) for n, p in ((4, 95), (5, "94.60"), (6, "92"))]
    fine = go(watched(max_daily_loss=Decimal(45)), days[:5], [bought(days)])
    assert by_rules(fine) == []
    assert by_rules(go(fine, days[5:])) == [(6, "SELL", 10, "daily_loss")]


def test_daily_loss_adds_up_over_flat_moments():
    some_ticks = path(100, 100, 98, 98, 98, 98, 98, 96)
    signals = [bought(some_ticks), bought(some_ticks, 0, at=2), bought(some_ticks, 10, at=5)]
    deciding = go(watched(max_daily_loss=Decimal(35)), some_ticks, signals)
    assert by_rules(deciding) == [(8, "SELL", 10, "daily_loss")]


def test_entries_after_the_time_to_square_off_are_denied_until_the_next_day():
    some_ticks = path(*[100] * 6)
    late = [signal(10, some_ticks[5]), signal(10, tick(7, 100, seconds=DAY / SECOND))]
    deciding = go(watched(square_off=time(9, 15, 4)), [*some_ticks, tick(7, 100, seconds=DAY / SECOND)], late)
    assert [d.denied_by for d in deciding.decisions] == [["halt"], []]


def test_position_that_missed_its_time_is_left_at_its_next_tick():
    some_ticks = [*path(100, 100), tick(3, 100, seconds=DAY / SECOND)]
    deciding = go(watched(square_off=time(15, 15)), some_ticks, [bought(some_ticks)])
    assert by_rules(deciding) == [(3, "SELL", 10, "square_off")]


def test_two_strategies_that_hold_against_each_other_both_leave():
    """Of the net position neither is an exit; of its strategy's own each is."""
    some_ticks = path(100, 100, 100, 100, 100)
    signals = [bought(some_ticks), bought(some_ticks, -10, 2)]
    deciding = go(watched(square_off=time(9, 15, 3)), some_ticks, signals)
    assert (len(by_rules(deciding)), held(deciding)) == (2, {})


STEPS = some.tuples(some.integers(90, 110), some.booleans(), some.none() | some.integers(-20, 20), some.integers(1, 2))
RULES = some.builds(
    ExitRules,
    max_daily_loss=some.none() | some.integers(1, 300).map(Decimal),
    max_drawdown=some.none() | some.just(Decimal("0.0002")),
    strategy_stop_loss=some.none() | some.integers(1, 100).map(Decimal),
    strategy_trailing_stop=some.none() | some.integers(1, 100).map(Decimal),
    stop_loss=some.none() | some.just(Decimal("0.03")),
    target=some.none() | some.just(Decimal("0.03")),
    trailing_stop=some.none() | some.just(Decimal("0.02")),
    square_off=some.none() | some.just(time(9, 15, 30)),
)


def wild(steps):
    """Ticks a second apart in two instruments, and targets, some by LIMIT orders, of two strategies."""
    some_ticks = [tick(n, p, SBIN if s else TCS) for n, (p, s, _, _) in enumerate(steps, 1)]
    wanted = zip(some_ticks, steps, strict=True)
    return some_ticks, [signal(_target(t, at), at, strategy=who) for at, (_, _, t, who) in wanted if t is not None]


def _target(position, at):
    if position % 3:
        return position
    return Target(position, OrderType.LIMIT, limit_price=at.price + position % 2)


class Checked(Watch):
    """Exits take the whole position to flat, and nothing of its own is in their way."""

    def look(self, tick):
        for made in super().look(tick):
            own = self.book.positions[made.strategy, made.instrument.id].quantity
            working = [o for o in self.book.working if o.strategy == made.strategy]
            assert made.side.sign * made.quantity == -own
            assert not [o for o in working if o.instrument.id == made.instrument.id]
            yield made


@given(some.lists(STEPS, min_size=5, max_size=60), RULES)
def test_exits_only_reduce_and_never_flip(steps, rules):
    some_ticks, signals = wild(steps)
    deciding = watched(kind=Checked, **{name: getattr(rules, name) for name in rules.__dataclass_fields__})
    go(deciding, some_ticks, signals)
    assert all(d.approved for d in deciding.decisions if d.signal.source is Source.RULE)


@given(some.lists(STEPS, min_size=5, max_size=60), some.integers(1, 59), RULES)
def test_after_reducing_no_position_grows(steps, cut, rules):
    some_ticks, signals = wild(steps)
    deciding = watched(**{name: getattr(rules, name) for name in rules.__dataclass_fields__})
    before = [s for s in signals if s.tick <= cut]
    go(deciding, some_ticks[:cut], before)
    deciding.book.cancel(None, cut)
    deciding.halts = [Halt("careful", HaltState.REDUCING)]
    sizes = held(deciding)
    for at in some_ticks[cut:]:
        go(deciding, [at], [s for s in signals if s.tick == at.number])
        now = held(deciding)
        assert all(quantity * sizes.get(key, 0) > 0 for key, quantity in now.items())
        assert all(abs(quantity) <= abs(sizes[key]) for key, quantity in now.items())
        sizes = now


@given(some.lists(STEPS, min_size=5, max_size=60), RULES, some.sets(some.integers(1, 59)))
def test_no_result_depends_on_where_a_batch_ended_or_what_was_left_out(steps, rules, cuts):
    """What is remembered goes through its JSON form at every cut; ticks that move nothing are not shown."""
    some_ticks, signals = wild(steps)
    given_rules = {name: getattr(rules, name) for name in rules.__dataclass_fields__}
    whole = go(watched(**given_rules), some_ticks, signals)
    parts = watched(**given_rules)
    start = 0
    for end in sorted({*(c for c in cuts if c < len(some_ticks)), len(some_ticks)}):
        parts.watch.memory = Memory.load(parts.watch.memory.dump())
        some_signals = [s for s in signals if start < s.tick <= end]
        if parts.book.is_waiting or some_signals:
            go(parts, some_ticks[start:end], some_signals)
        start = end
    assert by_rules(parts) == by_rules(whole)
    assert parts.book.fills == whole.book.fills
