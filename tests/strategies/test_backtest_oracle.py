"""The backtest against an independent calculation: every signal, decision, fill and rupee."""

import random
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from risk.limits import NO_LIMITS, Limits
from strategies.backtest import Backtest
from tests import oracle
from tests.builders import book, decider, runner
from trading.catalogue import Catalogue
from trading.feed.replay import Refusals, accepted_ticks
from trading.instrument import Instrument
from trading.ticks import batches

SEEDED = {"RELIANCE": "0.10", "ICICIBANK": "0.10", "TCS": "0.10", "HDFCBANK": "0.05", "SBIN": "0.05"}
SYMBOLS = ["SBIN", "TCS", "NOBODY"]
BANKS = Path(__file__).resolve().parents[3] / "shared/data/nse1m_2023_banks"
DEFAULT, NONE = "default", "none"
TIGHT = "tight"
LIMITS = {
    DEFAULT: (Limits(), oracle.DEFAULT_LIMITS),
    NONE: (NO_LIMITS, None),
    TIGHT: (
        Limits(max_position=12, max_trades_per_day=6, max_price_deviation=Decimal("0.02")),
        {"position": 12, "trades": 6, "deviation": Fraction("0.02")},
    ),
}


def product(paths, strategies, limits, slippage, latency_ms):
    """What the project makes of it, in the oracle's form."""
    known = [Instrument(n, symbol, Decimal(size)) for n, (symbol, size) in enumerate(SEEDED.items(), start=1)]
    judge = decider(LIMITS[limits][0], book(slippage, latency_ms))
    runners = [runner(kind, ordinal, **given) for ordinal, (kind, given) in enumerate(strategies, start=1)]
    backtest = Backtest(runners, judge)
    refusals = Refusals()
    backtest.run(batches(accepted_ticks(paths, Catalogue(known), Decimal("0.05"), refusals), 500))
    assert not refusals.counts
    return backtest


def signals_of(backtest):
    return [(s.tick, s.instrument.symbol, s.side.value, s.quantity, s.target) for s in backtest.signals]


def decisions_of(backtest):
    return [(d.signal.tick, d.approved, d.quantity) for d in backtest.decider.decisions]


def fills_of(backtest):
    return [
        (f.tick, f.instrument.symbol, f.side.value, f.quantity, f.price, parts_of(f.charges))
        for f in backtest.decider.book.fills
    ]


def parts_of(charges):
    return (charges.brokerage, charges.stt, charges.exchange, charges.sebi, charges.stamp, charges.gst)


def final_of(backtest):
    worth = backtest.decider.book.valued(backtest.prices.marks())
    return {
        "cash": worth.cash,
        "equity": worth.equity,
        "realised_pnl": worth.realised,
        "unrealised_pnl": worth.unrealised,
        "charges": worth.charges,
    }


def compare(paths, strategies, limits=NONE, slippage="5", latency_ms=0):
    """Runs both and returns the oracle once they agree."""
    expected = oracle.Oracle(strategies, slippage_bps=Fraction(slippage), latency_ms=latency_ms)
    expected.limits = LIMITS[limits][1]
    final = expected.run(oracle.read_ticks(paths))
    backtest = product(paths, strategies, limits, slippage, latency_ms)
    assert backtest.faults == {}
    assert signals_of(backtest) == expected.signals
    assert decisions_of(backtest) == [(tick, ok, shares if ok else 0) for tick, ok, shares in expected.decisions]
    assert fills_of(backtest) == expected.fills
    assert final_of(backtest) == final
    return expected


def paise(price):
    return f"{price / 100:.2f}"


def random_bars(generator, step, days=3, minutes=40):
    """Bars on a grid of a few steps, so that ties and flat stretches are common."""
    price = generator.randrange(200, 2_000) * step
    for day in range(days):
        start = datetime.fromisoformat("2023-04-03 09:15:00+05:30") + timedelta(days=day)
        price = max(step, price + generator.choice([0, 0, -40, 40]) * step)
        flat = range(*sorted(generator.choices(range(minutes), k=2)))
        for minute in range(minutes):
            moves = [0] * 3 if minute in flat else generator.choices([-3, -2, -1, 0, 0, 1, 2, 3], k=3)
            path = [max(step, price + move * step) for move in (0, *moves)]
            yield start + timedelta(minutes=minute), path[0], max(path), min(path), path[-1]
            price = path[-1]


def write_bars(path, generator, step):
    lines = ["Date,open,high,low,close,volume"]
    lines += [f"{at},{','.join(map(paise, prices))},{7}" for at, *prices in random_bars(generator, step)]
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def walks(tmp_path):
    """Bar files of three symbols on three days, by seed."""

    def walks(seed):
        generator = random.Random(seed)
        paths = [tmp_path / f"{symbol}.csv" for symbol in SYMBOLS]
        for path in paths:
            write_bars(path, generator, step=generator.choice([5, 10, 20]))
        return paths

    return walks


def random_strategy(generator):
    common = {"quantity": generator.randrange(1, 9), "allow_short": generator.random() < 0.6}
    common["lookback"] = generator.randrange(2, 9)
    if generator.random() < 0.5:
        return "momentum", common | {"threshold": generator.choice(["0", "0.0007", "0.001", "0.0033"])}
    exit_z = generator.choice(["-0.5", "0", "0.25", "0.5", "0.7071"])
    return "mean_reversion", common | {
        "entry_z": generator.choice(["0.75", "1", "1.37", "1.5"]),
        "exit_z": exit_z,
    }


@pytest.mark.parametrize("limits", [NONE, DEFAULT, TIGHT])
@pytest.mark.parametrize("seed", range(12))
def test_backtest_agrees_with_the_oracle_on_random_walks(walks, seed, limits):
    generator = random.Random(seed + 1_000)
    strategies = [random_strategy(generator) for _ in range(generator.randrange(1, 5))]
    slippage = generator.choice(["0", "5", "7.5", "100"])
    compare(walks(seed), strategies, limits, slippage, generator.choice([0, 0, 15_000, 20_000, 90_000]))


def test_lines_that_are_refused_are_refused_by_both(tmp_path):
    """An exact copy, a second bar of the minute, an older one; then the file goes on."""
    path = tmp_path / "SBIN.csv"
    lines = ["09:15,100,101,99,100,5", "09:16,100,102,99,101,5", "09:16,100,102,99,101,5", "09:16,100,102,99,102,5"]
    lines += ["09:15,100,101,99,100,5", "09:17,103,103,98,98,5"]
    path.write_text("\n".join(["Date,open,high,low,close,volume", *(f"2023-04-03 {line}" for line in lines)]))
    refusals = Refusals()
    found = list(accepted_ticks([path], Catalogue([]), Decimal("0.05"), refusals))
    expected = oracle.read_ticks([path])
    assert [(t.number, t.exchange_time, t.price) for t in found] == [(t.number, t.at, t.price) for t in expected]
    assert refusals.counts == {"duplicate": 1, "conflicting_bar": 1, "out_of_order": 1}


def test_limits_are_hit_in_what_the_oracle_compares(walks):
    strategies = [("momentum", {"lookback": 2, "threshold": "0.0005", "quantity": n}) for n in (5, 6, 7)]
    denied = [d for d in compare(walks(3), strategies, TIGHT).decisions if not d[1] and d[2]]
    assert len(denied) > 20


def test_exact_ties_are_common_in_what_the_oracle_compares(walks):
    """Which is the point of the grid: an inexact comparison would be caught."""
    prices = [tick.price for tick in oracle.read_ticks(walks(0)) if tick.symbol == "SBIN"]
    assert sum(is_at_one_deviation(prices[end - 3 : end]) for end in range(3, len(prices))) > 5


def is_at_one_deviation(window):
    """z² = d² (n − 1) / Σ(p − mean)²"""
    away = [price - sum(window) / 3 for price in window]
    return any(away) and away[-1] ** 2 * 2 == sum(distance**2 for distance in away)


@pytest.mark.realdata
@pytest.mark.skipif(not BANKS.exists(), reason=f"no {BANKS.name} beside the checkout")
@pytest.mark.parametrize("limits", [NONE, DEFAULT])
def test_backtest_agrees_with_the_oracle_on_real_bars(limits):
    paths = [BANKS / "HDFCBANK.csv", BANKS / "ICICIBANK.csv"]
    expected = compare(paths, [("momentum", {}), ("mean_reversion", {})], limits)
    assert len(expected.signals) > 10_000
