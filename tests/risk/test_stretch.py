"""What is taken in at once leaves behind what looking at each tick does."""

from datetime import time
from decimal import Decimal
from random import Random
from uuid import UUID

import pytest

from portfolio.position import Position, apply
from risk.decide import Decider
from risk.exits import ExitRules, Exits, Scope
from risk.memory import Memory
from risk.scopes import Limited
from risk.stretch import FEWEST
from risk.watch import Watch
from tests.builders import book, signal, tick
from trading.advance import advance
from trading.instrument import Instrument, from_e4
from trading.session import DAY, SECOND
from trading.ticks import Ticks

INSTRUMENTS = [Instrument(n, f"S{n}", Decimal("0.05"), multiplier=1 + n % 2) for n in range(1, 6)]
HELD = Instrument(9, "HELD", Decimal("0.05"), multiplier=2)
IDS = {strategy: UUID(int=strategy) for strategy in (1, 2, 3)}
NONE = ExitRules()
RULES = {
    "loss of a day": ExitRules(max_daily_loss=Decimal("60.5")),
    "drawdown": ExitRules(max_drawdown=Decimal("0.00008")),
    "strategy": ExitRules(strategy_stop_loss=Decimal(40), strategy_target=Decimal(60)),
    "best of a strategy": ExitRules(strategy_trailing_stop=Decimal("45.25")),
    "position": ExitRules(stop_loss=Decimal("0.01"), target=Decimal("0.015")),
    "best of a position": ExitRules(trailing_stop=Decimal("0.012")),
    "square off": ExitRules(square_off=time(9, 40)),
    "nothing strikes": ExitRules(stop_loss=Decimal("0.9"), max_drawdown=Decimal("0.9"), trailing_stop=Decimal("0.9")),
}


class OneByOne(Watch):
    """The meaning: every tick is looked at for itself."""

    def skip(self, ticks, begin, end):
        return begin


def walked(seed, length=3_000, days=2):
    """Ticks of a random walk, a second apart, a night between the days; and signals of three strategies."""
    chance, prices = Random(seed), {instrument.id: 2_000 for instrument in (*INSTRUMENTS, HELD)}
    some_ticks, signals = [], []
    for number in range(1, length + 1):
        instrument = chance.choice(INSTRUMENTS if number % 50 else [HELD])
        prices[instrument.id] += chance.choice((-1, 0, 0, 1))
        night = (number * days // (length + 1)) * DAY // SECOND
        at = tick(number, Decimal(prices[instrument.id]) / 20, instrument, seconds=number + night)
        some_ticks.append(at)
        if chance.random() < 0.01:
            signals.append(signal(chance.choice((-20, -7, 0, 7, 20)), at, strategy=chance.choice(list(IDS))))
    return some_ticks, signals


def decided(kind, rules, some_ticks, signals, held=15, base=0, batch=700):
    """Of a portfolio that held something before; one of its strategies has gained `base` rupees less so far."""
    its_book = book("5")
    its_book.is_watched = True
    for instrument in (HELD, INSTRUMENTS[0]):
        before = Position(multiplier=instrument.multiplier)
        its_book.hold(3, instrument.id, apply(before, held, Decimal(100), Decimal(2)))
        its_book.instruments[instrument.id] = instrument
    exits = Exits(((Scope(), rules), (Scope(2, "S3"), ExitRules(stop_loss=Decimal("0.004")))))
    deciding = Decider(its_book, Limited([]), watch=kind(its_book, exits, IDS, Memory.of(its_book)))
    deciding.watch.memory.base[3] -= base
    for begin in range(0, len(some_ticks), batch):
        part = Ticks.of(some_ticks[begin : begin + batch])
        due = [s for s in signals if part.first <= s.tick <= part.last]
        advance(its_book, [part], due, part.last, deciding.act, deciding.watch)
    return deciding


def left(deciding):
    its_book, memory = deciding.book, deciding.watch.memory
    said = [(s.tick, s.n, s.strategy, s.instrument.id, s.reason, s.price_e4) for s in deciding.watch.signals]
    state = {
        name: getattr(memory, name) for name in ("equity", "peak", "day", "day_start", "marks", "entries", "tried")
    }
    gains = {**memory.best_gain}, {**memory.base}
    return said, its_book.fills, its_book.cash, its_book.peak_equity, state, gains


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_same_is_left_as_by_a_look_at_each_tick(rules, seed):
    some_ticks, signals = walked(seed)
    whole = decided(Watch, rules, some_ticks, signals)
    assert left(whole) == left(decided(OneByOne, rules, some_ticks, signals))
    assert whole.book.fills


@pytest.mark.parametrize("rules", [rules for name, rules in RULES.items() if name != "nothing strikes"])
def test_rules_strike_in_these_walks(rules):
    made = [decided(Watch, rules, *walked(seed)).watch.signals for seed in range(4)]
    assert any(s.reason.partition(":")[0] != "stop_loss" or rules.stop_loss for signals in made for s in signals)


@pytest.mark.parametrize("amounts", [(10**11, 0), (10**14, 0), (10**17, 0), (15, 10**13), (15, -(10**13))])
@pytest.mark.parametrize("rules", ["best of a position", "best of a strategy"])
def test_amounts_beyond_64_bits_are_exact_too(rules, amounts):
    some_ticks, signals = walked(2, 1_000)
    whole = [decided(kind, RULES[rules], some_ticks, signals, *amounts) for kind in (Watch, OneByOne)]
    assert left(whole[0]) == left(whole[1])


def test_most_ticks_are_taken_in_at_once():
    looked = []

    class Counted(Watch):
        def look(self, tick):
            looked.append(tick)
            return super().look(tick)

    some_ticks, _ = walked(1)
    decided(Counted, RULES["nothing strikes"], some_ticks, [signal(5, some_ticks[0])])
    assert 0 < len(looked) < 3 * FEWEST


def test_what_is_kept_up_is_what_all_positions_come_to():
    some_ticks, signals = walked(3)
    deciding = decided(Watch, NONE, some_ticks, signals)
    memory, its_book = deciding.watch.memory, deciding.book
    assert memory.equity == its_book.valued(memory.marks).equity
    for strategy in IDS:
        own = [(held, p) for (owner, held), p in its_book.positions.items() if owner == strategy]
        net = sum(p.realised - p.charges + p.unrealised(from_e4(memory.marks[held])) for held, p in own)
        assert memory.gained(strategy) == net - memory.base[strategy]
