from collections import defaultdict
from io import StringIO
from itertools import pairwise

import pytest
from django.core.management import CommandError, call_command

from alphapanda.management.commands.mock_file import Command
from alphapanda.reference import load_instruments
from trading.feed.files import merged
from trading.feed.mock import SCENARIOS, MockFeed
from trading.feed.tick_file import csv_lines
from trading.session import MINUTE, SECOND

START = 1_767_584_700 * SECOND  # 2026-01-05 09:15:00 in Asia/Kolkata
INSTRUMENTS = load_instruments()
TICK_E4 = {instrument.symbol: int(instrument.tick_size * 10_000) for instrument in INSTRUMENTS}


def feed(seed=1, **options):
    return MockFeed(INSTRUMENTS, seed, START, **options)


def test_the_five_instruments_ship_with_their_tokens_and_tick_sizes():
    shipped = {i.symbol: (i.token, str(i.tick_size), i.lot_size, i.exchange) for i in INSTRUMENTS}
    assert shipped == {
        "RELIANCE": (738561, "0.10", 1, "NSE"),
        "HDFCBANK": (341249, "0.05", 1, "NSE"),
        "ICICIBANK": (1270529, "0.10", 1, "NSE"),
        "SBIN": (779521, "0.05", 1, "NSE"),
        "TCS": (2953217, "0.10", 1, "NSE"),
    }


def test_the_same_seed_makes_the_same_ticks_and_another_seed_others():
    until = START + MINUTE
    assert list(feed(1).ticks(until)) == list(feed(1).ticks(until))
    assert list(feed(1).ticks(until)) != list(feed(2).ticks(until))


def test_when_it_is_asked_does_not_change_what_it_yields():
    one, many = feed(), feed()
    pieces = [tick for second in range(1, 61) for tick in many.ticks(START + second * SECOND)]
    assert pieces == list(one.ticks(START + MINUTE))
    assert len(pieces) == 600


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_prices_and_depth_are_positive_multiples_of_the_tick_size(scenario):
    last = {"RELIANCE": 1000, "SBIN": 500}  # at the bottom: one tick above nothing
    for tick in feed(scenario=scenario, last_prices=last).ticks(START + 10 * MINUTE):
        levels = tick.depth.bids + tick.depth.asks
        assert min(tick.price_e4, *(level.price_e4 for level in levels)) > 0
        assert not any(price % TICK_E4[tick.name] for price in (tick.price_e4, *(v.price_e4 for v in levels)))
        assert tick.volume > 0


def test_the_last_price_is_the_best_bid_or_the_best_ask():
    for tick in feed().ticks(START + MINUTE):
        best = tick.depth.bids[0].price_e4, tick.depth.asks[0].price_e4
        assert tick.price_e4 in best
        assert best[1] - best[0] == TICK_E4[tick.name]
        assert [len(tick.depth.bids), len(tick.depth.asks)] == [5, 5]


def test_it_goes_on_from_its_last_prices():
    first = feed()
    list(first.ticks(START + MINUTE))
    later = feed(seed=2, last_prices=first.last_prices)
    moves = [abs(later.last_prices[symbol] - price) for symbol, price in first.last_prices.items()]
    assert moves == [0] * 5


def returns(scenario, seed=7):
    prices = defaultdict(list)
    for tick in feed(seed, scenario=scenario).ticks(START + 20 * MINUTE):
        prices[tick.name].append(tick.price_e4)
    return {name: ([b / a - 1 for a, b in pairwise(ps)], ps[-1] / ps[0] - 1) for name, ps in prices.items()}


def test_a_calm_market_moves_as_much_as_real_shares_do():
    for steps, whole in returns("calm").values():
        assert max(map(abs, steps)) < 0.002
        assert abs(whole) < 0.02


def test_scenarios_are_what_they_are_called():
    calm, volatile = returns("calm")["TCS"][0], returns("volatile")["TCS"][0]
    assert sum(step**2 for step in volatile) > 5 * sum(step**2 for step in calm)
    assert all(whole < -0.06 for _, whole in returns("crash").values())
    assert all(sum(abs(step) > 0.02 for step in steps) == 3 for steps, _ in returns("gap").values())
    trends = returns("trending")
    assert trends["RELIANCE"][1] > 0.005 > -0.005 > trends["HDFCBANK"][1]  # neighbours trend apart


def test_a_mock_file_reads_back_unchanged(tmp_path):
    path = tmp_path / "mock.csv"
    ticks = list(feed().ticks(START + MINUTE))
    path.write_text("".join(csv_lines(ticks)))
    refused = []
    back = list(merged([path], refused.append))
    keys = [(t.name, t.price_e4, t.time, t.volume, t.depth) for t in ticks]
    assert [(t.name, t.price_e4, t.time, t.volume, t.depth) for t in back] == keys
    assert not refused


def test_the_command_writes_the_same_bytes_for_the_same_arguments(tmp_path):
    out = StringIO()
    call_command(Command(), seed=5, ticks=50, scenario="gap", stdout=out)
    call_command(Command(), seed=5, ticks=50, scenario="gap", out=tmp_path / "mock.csv")
    assert (tmp_path / "mock.csv").read_text() == out.getvalue()
    assert len(out.getvalue().splitlines()) == 51


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": "tomorrow"}, "--start"),
        ({"out": "/"}, "--out"),
        ({"ticks_per_second": 0}, "--ticks-per-second"),
        ({"ticks": -3}, "--ticks"),
    ],
)
def test_the_command_says_what_is_wrong(options, message):
    with pytest.raises(CommandError, match=message):
        call_command(Command(), "--seed=1", *(f"--{name.replace('_', '-')}={v}" for name, v in options.items()))
