"""Batches of prices give what single ticks give: signals, their ids, and the state."""

import json
from decimal import Decimal
from itertools import accumulate, cycle, islice
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from strategies import arrays
from strategies.lane import Lane
from strategies.mean_reversion import MeanReversion, MeanReversionParameters
from strategies.momentum import Momentum, MomentumParameters
from strategies.runner import Runner
from strategies.stated import stated
from tests.builders import SBIN, TCS, tick
from trading.prices import Prices
from trading.roster import Roster
from trading.tick import Tick
from trading.ticks import Ticks

HUGE = 2**50
decimals = st.decimals("0.0001", "0.02", places=4)
momenta = st.builds(
    MomentumParameters,
    lookback=st.integers(1, 40),
    threshold=decimals,
    quantity=st.integers(1, 9),
    allow_short=st.booleans(),
)
reversions = st.builds(
    MeanReversionParameters,
    lookback=st.integers(2, 30),
    entry_z=st.decimals("1", "3", places=2),
    exit_z=st.decimals("-1", "0.99", places=2),
    quantity=st.integers(1, 9),
    allow_short=st.booleans(),
)
KINDS = {MomentumParameters: Momentum, MeanReversionParameters: MeanReversion}
steps = st.lists(st.tuples(st.integers(-60, 60), st.booleans()), min_size=1, max_size=300)


def walk(given_steps, start: int) -> list[Tick]:
    """Prices in steps of 5 paise, of two instruments in turn or not; many are alike."""
    price, made = {SBIN: start, TCS: start}, []
    for number, (step, is_sbin) in enumerate(given_steps, start=1):
        instrument = SBIN if is_sbin else TCS
        price[instrument] = max(500, price[instrument] + step * 500)
        made.append(tick(number, Decimal(price[instrument]) / 10_000, instrument, seconds=number))
    return made


def lane(parameters: list) -> Lane:
    roster = Roster()
    return Lane(
        runners={n: Runner(UUID(int=n + 1), n, KINDS[type(p)], p, roster=roster) for n, p in enumerate(parameters)}
    )


def kept(runner: Runner):
    return stated(json.dumps(runner.dump()))


def outcome(a_lane: Lane):
    a_lane.settle()
    signals = sorted((s.tick, s.strategy, s.n, s.id, s.target, s.previous_e4, str(s.marks)) for *_, s in a_lane.signals)
    return signals, [(r.place, kept(r)) for r in a_lane.runners.values()], a_lane.faults, a_lane.place


def run(a_lane: Lane, ticks: list[Tick], sizes: list[int], reload_at: int, gap_at: int) -> Lane:
    """In batches of these sizes, with a restart from its states behind one and a gap in the numbers before another."""
    begin = 0
    for number, size in enumerate(cycle(sizes)):
        batch = [replace(one, number=one.number + 9 * (begin >= gap_at)) for one in ticks[begin : begin + size]]
        begin += len(batch)
        if not batch:
            return a_lane
        a_lane.evaluate(Ticks.of(batch))
        if number == reload_at:
            a_lane = reloaded(a_lane)
    raise AssertionError("sizes never end")


def reloaded(a_lane: Lane) -> Lane:
    a_lane.settle()
    runners, roster = {}, Roster()
    for n, old in a_lane.runners.items():
        runners[n] = Runner(old.id, n, old._strategy, old._parameters, roster=roster)
        runners[n].load(kept(old))
        runners[n].place = old.place
    prices = Prices.load(a_lane.prices.dump())
    return Lane(a_lane.place, prices, runners, a_lane.signals, a_lane.faults)


@settings(max_examples=150)
@given(
    st.lists(momenta | reversions, min_size=1, max_size=3),
    steps,
    st.lists(st.sampled_from([1, 5, 15, 16, 17, 40, 300]), min_size=1, max_size=4),
    st.sampled_from([10**4, 10**7, HUGE]),
    st.integers(0, 6),
    st.integers(0, 400),
)
def test_batches_of_any_size_give_what_single_ticks_give(parameters, given_steps, sizes, start, reload_at, gap_at):
    ticks = walk(given_steps, start)
    cuts = [0, *accumulate(islice(cycle(sizes), 400))]
    gap_at = min((cut for cut in cuts if cut >= gap_at), default=len(ticks))
    one_by_one = run(lane(parameters), ticks, [1], -1, gap_at)
    batched = run(lane(parameters), ticks, sizes, reload_at, gap_at)
    assert outcome(batched) == outcome(one_by_one)


def test_runners_that_are_ahead_join_where_they_are():
    """After a restart those that signalled last have seen more."""
    ticks = walk([(n % 7 - 3, n % 3 > 0) for n in range(200)], 10**7)
    parameters = [MomentumParameters(lookback=3), MomentumParameters(lookback=5, threshold="0.0001")]
    whole, halves = lane(parameters), lane(parameters)
    whole.evaluate(Ticks.of(ticks))
    alone = Lane(runners={1: halves.runners[1]})
    alone.evaluate(Ticks.of(ticks[:90]))
    alone.settle()
    halves.signals = alone.signals
    halves.evaluate(Ticks.of(ticks))
    assert halves.runners[1].takes_arrays
    assert [state for _, state in outcome(halves)[1]] == [state for _, state in outcome(whole)[1]]
    assert {s.id for *_, s in halves.signals} == {s.id for *_, s in whole.signals}


def test_windows_begin_anew_behind_a_gap():
    ticks = walk([(n % 9 - 4, n % 3 > 0) for n in range(120)], 10**7)
    parameters = [MomentumParameters(lookback=30, threshold="0.0001"), MeanReversionParameters(lookback=20)]
    batched, one_by_one = (run(lane(parameters), ticks, [size], -1, 80) for size in (40, 1))
    assert batched.runners[0].takes_arrays
    assert outcome(batched) == outcome(one_by_one)


def test_an_instrument_that_ticks_late_is_taken_in():
    ticks = walk([(n % 7 - 3, n < 80 or n % 3 > 0) for n in range(200)], 10**7)
    parameters = [MomentumParameters(lookback=12, threshold="0.0001"), MeanReversionParameters(lookback=9)]
    batched, one_by_one = (run(lane(parameters), ticks, [size], -1, 500) for size in (40, 1))
    assert outcome(batched) == outcome(one_by_one)


def test_who_was_in_another_lane_meanwhile_knows_what_it_saw_there():
    ticks = walk([(n % 7 - 3, n % 3 > 0) for n in range(200)], 10**7)
    parameters = [MomentumParameters(lookback=3), MeanReversionParameters(lookback=5)]
    whole, main = lane(parameters), lane(parameters)
    whole.evaluate(Ticks.of(ticks))
    main.evaluate(Ticks.of(ticks[:60]))
    main.settle()
    alone = Lane(main.place, runners={1: main.runners[1]})
    alone.evaluate(Ticks.of(ticks[60:130]))
    alone.settle()
    main.evaluate(Ticks.of(ticks[60:]))
    assert [state for _, state in outcome(main)[1]] == [state for _, state in outcome(whole)[1]]


class Doubles(Momentum):
    """Keeps other prices than those that come, where it is asked tick by tick."""

    on_prices = Momentum.on_prices

    def on_tick(self, tick):
        return super().on_tick(replace(tick, price_e4=2 * tick.price_e4))


@settings(max_examples=30)
@given(steps, st.lists(st.sampled_from([1, 5, 17, 40]), min_size=1, max_size=4), st.integers(-1, 5))
def test_what_one_strategy_keeps_never_reaches_another(given_steps, sizes, joins_at):
    """They read one tape, and each of them the tape alone and what it brought itself; whoever joins or leaves."""
    ticks, parameters = walk(given_steps, 10**7), MomentumParameters(lookback=4, threshold="0.0005")
    alone, shared = lane([parameters]), lane([parameters])
    roster = shared.runners[0].roster
    begin = 0
    for number, size in enumerate(islice(cycle(sizes), 80)):
        if number == joins_at:
            doubles = Runner(UUID(int=9), 9, Doubles, MomentumParameters(lookback=9), roster=roster)
            doubles.place = shared.place
            shared.runners = {9: doubles, **shared.runners}
        if number == joins_at + 4:
            shared.runners.pop(9, None)
        if batch := ticks[begin : begin + size]:
            alone.evaluate(Ticks.of(batch))
            shared.evaluate(Ticks.of(batch))
        begin += size
    assert kept(shared.runners[0]) == kept(alone.runners[0])
    assert {s.id for n, _, s in shared.signals if n == 0} == {s.id for *_, s in alone.signals}


def test_strategies_with_other_instruments_keep_what_their_own_tape_has():
    """In one lane, each shown every batch that is long enough for it."""
    ticks = walk([((n * n) % 13 - 6, n % 3 > 0) for n in range(400)], 10**7)

    def found(sizes: list[int]):
        chosen = [None, frozenset({SBIN.id}), frozenset({TCS.id}), frozenset({SBIN.id, TCS.id})]
        parameters = MomentumParameters(lookback=3, threshold="0.0005")
        those = {n: Runner(UUID(int=n + 1), n, Momentum, parameters, of) for n, of in enumerate(chosen)}
        return outcome(run(Lane(runners=those), ticks, sizes, -1, 500))

    assert found([60]) == found([60, 17]) == found([1])


def test_a_long_batch_is_taken_at_once(monkeypatch):
    """Without this the test above could compare a thing with itself."""
    taken = lane([MomentumParameters(lookback=3), MeanReversionParameters(lookback=3)])
    ticks = walk([(n % 7, n % 2 == 0) for n in range(arrays.FEWEST)], 10**7)
    asked = []
    for runner in taken.runners.values():
        monkeypatch.setattr(runner, "on_tick", lambda *_: asked.append(1) or [])
    taken.evaluate(Ticks.of(ticks))
    assert asked == []
    taken.evaluate(Ticks.of([tick(arrays.FEWEST + 1, 1_000, seconds=99)]))
    assert len(asked) == 2
