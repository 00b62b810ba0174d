"""Batches of prices give what single ticks give: signals, their ids, and the state."""

from decimal import Decimal
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from strategies import arrays
from strategies.lane import Lane
from strategies.mean_reversion import MeanReversion, MeanReversionParameters
from strategies.momentum import Momentum, MomentumParameters
from strategies.runner import Runner
from tests.builders import SBIN, TCS, tick
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
    kinds = {MomentumParameters: Momentum, MeanReversionParameters: MeanReversion}
    runners = {n: Runner(UUID(int=n + 1), n, kinds[type(p)], p) for n, p in enumerate(parameters)}
    return Lane(runners=runners)


def outcome(a_lane: Lane):
    a_lane.settle()
    signals = sorted((s.tick, s.strategy, s.n, s.id, s.target, s.previous_e4, str(s.marks)) for *_, s in a_lane.signals)
    return signals, [(r.place, r.dump()) for r in a_lane.runners.values()], a_lane.faults, a_lane.place


@settings(max_examples=150)
@given(
    st.lists(momenta | reversions, min_size=1, max_size=3),
    steps,
    st.integers(1, 300),
    st.sampled_from([10**4, 10**7, HUGE]),
)
def test_batches_of_any_size_give_what_single_ticks_give(parameters, given_steps, size, start):
    one_by_one, batched = lane(parameters), lane(parameters)
    ticks = walk(given_steps, start)
    for one in ticks:
        one_by_one.evaluate(Ticks.of([one]))
    for begin in range(0, len(ticks), size):
        batched.evaluate(Ticks.of(ticks[begin : begin + size]))
    assert outcome(batched) == outcome(one_by_one)


def test_a_long_batch_is_taken_at_once(monkeypatch):
    """Without this the test above could compare a thing with itself."""
    taken = lane([MomentumParameters(lookback=3), MeanReversionParameters(lookback=3)])
    ticks = walk([(n % 7, True) for n in range(arrays.FEWEST)], 10**7)
    asked = []
    for runner in taken.runners.values():
        monkeypatch.setattr(runner, "on_tick", lambda *_: asked.append(1) or [])
    taken.evaluate(Ticks.of(ticks))
    assert asked == []
    taken.evaluate(Ticks.of([tick(arrays.FEWEST + 1, 1_000, seconds=99)]))
    assert len(asked) == 2
