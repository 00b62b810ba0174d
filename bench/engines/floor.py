"""The floor: a bare Python loop with objects for ticks, orders, fills and positions, and nothing else."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from platform import python_version
from time import perf_counter

from bench.engines.common import LOOKBACK, QUANTITY, THRESHOLD, Outcome, Ticks, arguments, report


@dataclass(slots=True)
class Tick:
    instrument: int
    price: float
    volume: int
    time: int


@dataclass(slots=True)
class Order:
    strategy: int
    instrument: int
    quantity: int
    time: int


@dataclass(slots=True)
class Fill:
    strategy: int
    instrument: int
    quantity: int
    price: float
    time: int


@dataclass(slots=True)
class Position:
    quantity: int = 0
    cost: float = 0.0

    def apply(self, fill: Fill) -> None:
        self.quantity += fill.quantity
        self.cost += fill.quantity * fill.price


class Momentum:
    def __init__(self, ordinal: int, lookback: int, threshold: float, quantity: int, instruments: int) -> None:
        self.ordinal, self.lookback, self.threshold, self.quantity = ordinal, lookback, threshold, quantity
        self.windows = [deque[float](maxlen=lookback + 1) for _ in range(instruments + 1)]
        self.targets = [0] * (instruments + 1)

    def on_tick(self, tick: Tick) -> Order | None:
        window = self.windows[tick.instrument]
        window.append(tick.price)
        if len(window) <= self.lookback:
            return None
        move = tick.price / window[0] - 1
        if move > self.threshold:
            wanted = self.quantity
        elif move < -self.threshold:
            wanted = -self.quantity
        else:
            return None
        change = wanted - self.targets[tick.instrument]
        if not change:
            return None
        self.targets[tick.instrument] = wanted
        return Order(self.ordinal, tick.instrument, change, tick.time)


class Account:
    """Orders wait for the next tick of their instrument and fill at its price."""

    def __init__(self, instruments: int) -> None:
        self.working: list[list[Order]] = [[] for _ in range(instruments + 1)]
        self.positions: dict[tuple[int, int], Position] = {}
        self.fills: list[Fill] = []
        self.cash = 0.0

    def place(self, order: Order) -> None:
        self.working[order.instrument].append(order)

    def meet(self, tick: Tick) -> None:
        for order in self.working[tick.instrument]:
            fill = Fill(order.strategy, order.instrument, order.quantity, tick.price, tick.time)
            self.positions.setdefault((order.strategy, order.instrument), Position()).apply(fill)
            self.cash -= fill.quantity * fill.price
            self.fills.append(fill)
        self.working[tick.instrument].clear()


def loop(ticks: Ticks, strategies: Sequence[Momentum], account: Account) -> float:
    """Seconds; the objects of the ticks are made in the loop, as any feed must make them."""
    columns = (ticks.instrument.tolist(), ticks.price.tolist(), ticks.volume.tolist(), ticks.time.tolist())
    begun = perf_counter()
    for instrument, price, volume, time in zip(*columns, strict=True):
        tick = Tick(instrument, price, volume, time)
        if account.working[instrument]:
            account.meet(tick)
        for strategy in strategies:
            order = strategy.on_tick(tick)
            if order is not None:
                account.place(order)
    return perf_counter() - begun


def main() -> None:
    ticks = Ticks(*arguments())
    most = max(ticks.instruments)
    account = Account(most)
    seconds = loop(ticks, [Momentum(0, LOOKBACK, THRESHOLD, QUANTITY, most)], account)
    held = {instrument: position.quantity for (_, instrument), position in account.positions.items()}
    report(Outcome("bare loop", python_version(), len(ticks), seconds, len(account.fills), held, account.cash))


if __name__ == "__main__":
    main()
