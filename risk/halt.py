"""The kill switch of a strategy, a portfolio or everything.

ACTIVE (no halt) → REDUCING (exits only) → HALTED (nothing).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class HaltState(StrEnum):
    REDUCING = "REDUCING"
    HALTED = "HALTED"


STATES = [
    (HaltState.HALTED.value, "halted: nothing is ordered"),
    (HaltState.REDUCING.value, "reducing: exits only"),
]


@dataclass(frozen=True, slots=True)
class Halt:
    """In force for a portfolio; for one of its strategies (by ordinal) when it names it."""

    reason: str
    state: HaltState = HaltState.HALTED
    strategy: int | None = None


def strictest(halts: Iterable[Halt], strategy: int) -> Halt | None:
    """What holds for a strategy: HALTED before REDUCING, then the first."""
    mine = [halt for halt in halts if halt.strategy in (None, strategy)]
    return min(mine, key=lambda halt: halt.state is not HaltState.HALTED, default=None)
