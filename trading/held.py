"""Positions of portfolios as this process has loaded them last: one that holds hundreds is opened at every task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Self

from portfolio.models import Position as Row
from portfolio.position import Position
from trading.records import position_value

MOST = 20_000  # positions that are kept: 30 MB
Whose = tuple[int, int]  # ordinal of the strategy, instrument
_held: dict[int, Held] = {}  # the portfolio that was opened last is the last


class Held(NamedTuple):
    """All positions of a portfolio in a version, unchanged since they were loaded."""

    version: int
    rows: dict[Whose, Row]
    values: dict[Whose, Position]

    @classmethod
    def of(cls, version: int, rows: Iterable[Row], ordinals: Mapping[int, int]) -> Self:
        by_whose = {(ordinals[row.strategy_id], row.instrument_id): row for row in rows}
        return cls(version, by_whose, {whose: position_value(row) for whose, row in by_whose.items()})


NOTHING = Held(-1, {}, {})


def take(portfolio_id: int) -> Held:
    """Whoever takes them may change them, and gives back what is committed and the same."""
    return _held.pop(portfolio_id, NOTHING)


def give_back(portfolio_id: int, held: Held) -> None:
    _held[portfolio_id] = held
    while sum(len(one.rows) for one in _held.values()) > MOST:
        del _held[next(iter(_held))]
