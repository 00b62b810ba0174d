"""The working orders of a portfolio."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trading.order import OPEN, Order


class Working:
    """In the order of their place, and by instrument id in `of`, for they may be thousands."""

    __slots__ = ("_all", "of")

    def __init__(self, orders: Iterable[Order] = ()) -> None:
        self._all: dict[int, Order] = {}  # by `id()`: an order's own is worked out when somebody looks at it
        self.of: dict[int, list[Order]] = {}
        for order in orders:
            self.add(order)

    def __iter__(self) -> Iterator[Order]:
        return iter(self._all.values())

    def __len__(self) -> int:
        return len(self._all)

    def add(self, order: Order) -> None:
        self._all[id(order)] = order
        self.of.setdefault(order.instrument.id, []).append(order)

    def retire(self, instrument: int | None = None) -> list[Order]:
        """Takes out those that are closed, of an instrument or of all; returns them in the order of their place."""
        orders = self._all.values() if instrument is None else self.of[instrument]
        closed = [order for order in orders if order.status is not OPEN]
        for order in closed:
            del self._all[id(order)]
        for number in {order.instrument.id for order in closed}:
            self._keep_open(number)
        return closed

    def _keep_open(self, instrument: int) -> None:
        if still := [order for order in self.of[instrument] if order.status is OPEN]:
            self.of[instrument] = still
        else:
            del self.of[instrument]
