"""An independent calculation of a backtest, from the design alone: exact, slow, nothing of the project."""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

INDIA = timezone(timedelta(hours=5, minutes=30))
OTHER_TICK_SIZE = Fraction("0.05")
TICK_SIZES = dict.fromkeys(["RELIANCE", "ICICIBANK", "TCS"], Fraction("0.10"))
DEFAULT_LIMITS = {"position": 1000, "trades": 50, "deviation": Fraction("0.10")}

Signal = tuple[int, str, str, int, int]  # tick, symbol, side, quantity, target
Decision = tuple[int, bool, int]  # tick, approved, quantity that was wanted (0: nothing to do)
Fill = tuple[int, str, str, int, Decimal, tuple[Decimal, ...]]  # tick, symbol, side, quantity, price, charges


class Tick(NamedTuple):
    number: int
    at: datetime
    symbol: str
    price: Fraction


@cache
def exactly(parameter: object) -> Fraction:
    """What the text says: 0.01 is one hundredth."""
    return Fraction(str(parameter))


def six(value: Fraction) -> Decimal:
    """To 6 decimals, half even: `round` of a Fraction is exact and half even."""
    return Decimal(round(value * 1_000_000)).scaleb(-6)


def bars(path: Path) -> list[list[str]]:
    """The lines that count: no copy of the bar just read, nothing older, no second bar of a minute."""
    kept: list[list[str]] = []
    for line in list(csv.reader(path.read_text().splitlines()))[1:]:
        if not kept or datetime.fromisoformat(line[0]) > datetime.fromisoformat(kept[-1][0]):
            kept.append(line)
    return kept


def ticks_of_bar(symbol: str, line: list[str]) -> list[tuple[datetime, str, Fraction]]:
    at = datetime.fromisoformat(line[0])
    at = at if at.tzinfo else at.replace(tzinfo=INDIA)
    opened, high, low, close = (Fraction(text) for text in line[1:5])
    path = [opened, high, low, close] if close < opened else [opened, low, high, close]
    return [(at + timedelta(seconds=15 * i), symbol, price) for i, price in enumerate(path)]


def read_ticks(paths: Iterable[Path]) -> list[Tick]:
    rows = [row for path in paths for line in bars(path) for row in ticks_of_bar(path.stem, line)]
    rows.sort(key=lambda row: row[0])  # stable: ties keep the order of files, then of lines
    return [Tick(number, *row) for number, row in enumerate(rows, start=1)]


def momentum(prices: list[int], target: int, parameters: dict[str, Any]) -> int:
    lookback, quantity = int(parameters.get("lookback", 20)), int(parameters.get("quantity", 100))
    threshold = exactly(parameters.get("threshold", 0.01))
    if len(prices) < lookback + 1:
        return target
    m = Fraction(prices[-1], prices[-1 - lookback]) - 1
    if m > threshold:
        return quantity
    if m < -threshold:
        return -quantity if parameters.get("allow_short", True) else 0
    return target


def compare_with_deviations(difference: Fraction, z: Fraction, variance: Fraction) -> int:
    """The sign of difference − z × √variance, exactly: by signs first, then by squares."""
    sign_left, sign_right = (difference > 0) - (difference < 0), (z > 0) - (z < 0)
    if sign_left != sign_right:
        return 1 if sign_left > sign_right else -1
    squares = difference**2 - z**2 * variance
    return sign_left * ((squares > 0) - (squares < 0))


def mean_reversion(prices: list[int], target: int, parameters: dict[str, Any]) -> int:
    lookback, quantity = int(parameters.get("lookback", 20)), int(parameters.get("quantity", 100))
    entry_z, exit_z = exactly(parameters.get("entry_z", 2)), exactly(parameters.get("exit_z", 0.5))
    window = prices[-lookback:]
    if len(window) < lookback:
        return target
    total = sum(window)
    difference = Fraction(lookback * window[-1] - total, lookback)
    squares = sum((lookback * price - total) ** 2 for price in window)
    variance = Fraction(squares, lookback**2 * (lookback - 1))
    if variance == 0:
        return target

    def z_against(level: Fraction) -> int:
        return compare_with_deviations(difference, level, variance)

    if target == 0 and z_against(-entry_z) < 0:
        return quantity
    if target == 0 and z_against(entry_z) > 0:
        return -quantity if parameters.get("allow_short", True) else 0
    leaves = (target > 0 and z_against(-exit_z) > 0) or (target < 0 and z_against(exit_z) < 0)
    return 0 if leaves else target


RULES = {"momentum": momentum, "mean_reversion": mean_reversion}


class Order(NamedTuple):
    strategy: int
    symbol: str
    quantity: int  # signed
    at: datetime


@dataclass
class Position:
    """Cost has the sign of the quantity: what was paid for a long, minus what was received for a short."""

    quantity: int = 0
    cost: Fraction = Fraction(0)


def side(quantity: int) -> str:
    return "BUY" if quantity > 0 else "SELL"


def paper_price(last: Fraction, quantity: int, slippage_bps: Fraction, tick_size: Fraction) -> Fraction:
    slip = slippage_bps / 10_000
    if quantity > 0:
        return -((-last * (1 + slip)) // tick_size) * tick_size
    return max((last * (1 - slip)) // tick_size, 1) * tick_size


def intraday_charges(quantity: int, price: Fraction) -> tuple[Decimal, ...]:
    """Brokerage, STT, exchange, SEBI, stamp, GST of an order that fills at once."""
    value = abs(quantity) * price
    brokerage = min(Fraction(20), value * Fraction("0.0003"))
    transaction = value * Fraction("0.0000297")
    ipft = sebi = value * Fraction("0.000001")
    stt = value * Fraction("0.00025") if quantity < 0 else Fraction(0)
    stamp = value * Fraction("0.00003") if quantity > 0 else Fraction(0)
    gst = Fraction("0.18") * (brokerage + transaction + sebi)
    return tuple(six(part) for part in (brokerage, stt, transaction + ipft, sebi, stamp, gst))


@dataclass
class Oracle:
    strategies: list[tuple[str, dict[str, Any]]]
    starting_cash: Fraction = Fraction(1_000_000)
    slippage_bps: Fraction = Fraction(5)
    latency_ms: int = 0
    limits: dict[str, Any] | None = None

    signals: list[Signal] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    working: list[Order] = field(default_factory=list)
    prices: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))  # in 0.0001 rupees
    targets: Counter[tuple[int, str]] = field(default_factory=Counter)
    positions: defaultdict[tuple[int, str], Position] = field(default_factory=lambda: defaultdict(Position))
    trades: Counter[tuple[int, date]] = field(default_factory=Counter)
    traded: Fraction = Fraction(0)
    realised: Fraction = Fraction(0)
    charges: Fraction = Fraction(0)

    def run(self, ticks: Iterable[Tick]) -> dict[str, Decimal]:
        for tick in ticks:
            self.match(tick)
            self.prices[tick.symbol].append(int(tick.price * 10_000))
            for ordinal, (type_name, parameters) in enumerate(self.strategies):
                before = self.targets[ordinal, tick.symbol]
                after = RULES[type_name](self.prices[tick.symbol], before, parameters)
                if after != before:
                    self.targets[ordinal, tick.symbol] = after
                    change = after - before
                    self.signals.append((tick.number, tick.symbol, side(change), abs(change), after))
                    self.decide(tick, ordinal, after)
        return self.final()

    def match(self, tick: Tick) -> None:
        for order in list(self.working):
            ripe = tick.at >= order.at + timedelta(milliseconds=self.latency_ms)
            if order.symbol == tick.symbol and ripe:
                self.working.remove(order)
                self.fill(tick, order)

    def fill(self, tick: Tick, order: Order) -> None:
        tick_size = TICK_SIZES.get(order.symbol, OTHER_TICK_SIZE)
        price = paper_price(tick.price, order.quantity, self.slippage_bps, tick_size)
        parts = intraday_charges(order.quantity, price)
        what = (side(order.quantity), abs(order.quantity), six(price), parts)
        self.fills.append((tick.number, order.symbol, *what))
        self.traded -= order.quantity * price
        self.charges += sum(Fraction(part) for part in parts)
        self.book(self.positions[order.strategy, order.symbol], order.quantity, price)

    def book(self, position: Position, quantity: int, price: Fraction) -> None:
        held = position.quantity
        if held * quantity < 0:
            reduced = min(abs(held), abs(quantity)) * (1 if held > 0 else -1)
            released = Fraction(six(position.cost * reduced / held)) if reduced != held else position.cost
            self.realised += reduced * price - released
            position.quantity -= reduced
            position.cost -= released
            quantity += reduced
        position.quantity += quantity
        position.cost += quantity * price

    def decide(self, tick: Tick, ordinal: int, target: int) -> None:
        quantity = target - self.exposure(tick.symbol, ordinal)
        approved = quantity != 0 and self.within_limits(tick, ordinal, quantity)
        self.decisions.append((tick.number, approved, abs(quantity)))
        if approved:
            self.trades[ordinal, tick.at.astimezone(INDIA).date()] += 1
            self.working.append(Order(ordinal, tick.symbol, quantity, tick.at))

    def exposure(self, symbol: str, ordinal: int | None = None) -> int:
        """Filled + working quantity in an instrument, of one strategy or of the portfolio."""
        chosen = range(len(self.strategies)) if ordinal is None else [ordinal]
        filled = sum(self.positions[number, symbol].quantity for number in chosen)
        return filled + sum(o.quantity for o in self.working if o.symbol == symbol and o.strategy in chosen)

    def within_limits(self, tick: Tick, ordinal: int, quantity: int) -> bool:
        before = self.exposure(tick.symbol)
        after = before + quantity
        if self.limits is None or abs(after) < abs(before):
            return True
        last, previous = self.prices[tick.symbol][-1], self.prices[tick.symbol][-2]
        deviation = Fraction(abs(last - previous), previous)
        today = self.trades[ordinal, tick.at.astimezone(INDIA).date()]
        fits = abs(after) <= self.limits["position"] and today < self.limits["trades"]
        return bool(fits and deviation <= self.limits["deviation"])

    def final(self) -> dict[str, Decimal]:
        last = {symbol: Fraction(prices[-1], 10_000) for symbol, prices in self.prices.items()}
        worth = sum((p.quantity * last[s] for (_, s), p in self.positions.items()), Fraction(0))
        unrealised = worth - sum((p.cost for p in self.positions.values()), Fraction(0))
        cash = self.starting_cash + self.traded - self.charges
        assert cash + worth == self.starting_cash + self.realised + unrealised - self.charges
        values = {"cash": cash, "equity": cash + worth, "realised_pnl": self.realised}
        values |= {"unrealised_pnl": unrealised, "charges": self.charges}
        return {name: six(value) for name, value in values.items()}
