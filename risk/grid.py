"""What a watch holds as a matrix, strategies down and instruments across, with the bounds at which a rule may strike:
by rounding they are met too early at times, never too late.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from risk.exits import ExitRules
from risk.memory import Entry, Memory
from risk.standing import MICRO, Held, Part
from trading.columns import Column, Indices
from trading.marks import MOST
from trading.session import day_begin, since_midnight

RulesOf = Callable[[int | None, int | None], ExitRules]  # of all, a strategy (ordinal), or of it in an instrument (id)
Records = NDArray[np.void]
OFF = 1e30  # a fraction that nothing reaches
_CELL = [("units", "i8"), ("best", "i8"), ("low", "i8"), ("high", "i8"), ("until", "i8"), ("trail", "f8")]
_ROW = [("gain", "i8"), ("best_gain", "i8"), ("stop", "i8"), ("target", "i8"), ("fall", "i8")]
_FLAT = (0, 1, -MOST, MOST, MOST, OFF)


def at_most(rupees: Decimal | None) -> int:
    """What strikes is not above it, in millionths of a rupee; None is never."""
    return -MOST if rupees is None else _bounded(rupees, ROUND_CEILING)


def at_least(rupees: Decimal | None) -> int:
    """What strikes is not below it."""
    return MOST if rupees is None else _bounded(rupees, ROUND_FLOOR)


def _bounded(rupees: Decimal, rounding: str) -> int:
    return max(-MOST, min(MOST, int((rupees * MICRO).to_integral_value(rounding))))


class Grid:
    """As of a look. Amounts in millionths of a rupee, prices in 1/10,000.

    `cells` are positions: `units` is what 1/10,000 rupee of its price is worth, `best` the best price since the entry;
    a rule may strike where it is worth at most `low` or at least `high`, from the time `until` on, and where its price
    is off the best by `trail`, a fraction. `rows` are strategies: their gain, the best of it, and the bounds of these.
    `raw` are instruments that have not ticked since they are watched, and what does not go into 64 bits.
    """

    def __init__(self, memory: Memory, rules_of: RulesOf) -> None:
        owners = memory.standing.owners
        self.day = memory.day
        self.raw: set[int] = set()
        self.strategies: list[int] = []
        self.instruments = sorted(owners)
        self.ids = np.array(self.instruments, np.uint32)
        self.marks = np.zeros(len(owners), np.int64)
        self.cells: Records = np.empty((0, len(owners)), _CELL)
        self.rows: Records = np.empty((0, 1), _ROW)
        self._rules_of = rules_of
        for column, instrument in enumerate(self.instruments):
            self._note_positions(instrument, column, memory)
        for strategy in self.strategies:
            self._note_gain(strategy, memory)

    def renew(self, instrument: int, memory: Memory) -> None:
        """After a look at a tick of it."""
        self._note_positions(instrument, self._column(instrument), memory)
        for strategy in memory.standing.owners.get(instrument, ()):
            self._note_gain(strategy, memory)

    def _note_positions(self, instrument: int, column: int, memory: Memory) -> None:
        self.raw.discard(instrument)
        self.marks[column] = memory.marks.get(instrument, 0)
        for strategy in memory.standing.owners.get(instrument, ()):
            held, row = (strategy, instrument), self._row(strategy)
            part, entry = memory.standing.parts[held], memory.entries.get(held)
            if part.units and (entry is None or abs(part.units) >= MOST):
                self.raw.add(instrument)
            else:
                self.cells[row, column] = self._cell(held, part, entry) if entry else _FLAT

    def _note_gain(self, strategy: int, memory: Memory) -> None:
        row = self.rows[self._row(strategy), 0]
        row["gain"], row["best_gain"] = at_most(memory.gained(strategy)), at_most(memory.best_gain[strategy])

    def _cell(self, held: Held, part: Part, entry: Entry) -> tuple[Any, ...]:
        rules, cost = self._rules_of(*held), part.position.cost
        loss, gain = ((fraction or 0) * abs(cost) for fraction in (rules.stop_loss, rules.target))
        low, high = at_most(cost - loss if loss else None), at_least(cost + gain if gain else None)
        return part.units, entry.best_e4, low, high, self._until(rules, entry), float(rules.trailing_stop or OFF)

    def _until(self, rules: ExitRules, entry: Entry) -> int:
        if rules.square_off is None:
            return MOST
        return -MOST if entry.day < self.day else day_begin(self.day) + since_midnight(rules.square_off)

    def _row(self, strategy: int) -> int:
        if strategy not in self.strategies:
            rules = self._rules_of(strategy, None)
            stop = at_most(rules.strategy_stop_loss and -rules.strategy_stop_loss)
            target, fall = at_least(rules.strategy_target), at_least(rules.strategy_trailing_stop)
            self.strategies.append(strategy)
            self.rows = np.append(self.rows, np.array([[(0, 0, stop, target, fall)]], _ROW), axis=0)
            self.cells = np.append(self.cells, np.full((1, len(self.ids)), np.array(_FLAT, _CELL)), axis=0)
        return self.strategies.index(strategy)

    def _column(self, instrument: int) -> int:
        column = bisect_left(self.instruments, instrument)
        if self.instruments[column : column + 1] != [instrument]:
            self.instruments.insert(column, instrument)
            self.ids = np.insert(self.ids, column, instrument)
            self.marks = np.insert(self.marks, column, 0)
            self.cells = np.insert(self.cells, column, np.array(_FLAT, _CELL), axis=1)
        return column

    def pass_by(self, columns: Indices, marks: Column, highest: Column, lowest: Column) -> None:
        """Takes in last prices of some instruments, and how far they have been."""
        is_long, best = self.cells["units"][:, columns] > 0, self.cells["best"][:, columns]
        self.cells["best"][:, columns] = np.where(is_long, np.maximum(best, highest), np.minimum(best, lowest))
        self.marks[columns] = marks
