"""A decision: what risk made of a signal, with every verdict that led to it."""

import msgspec

from strategies.signal import Signal
from trading.order import Order


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What one rule saw: `limit` and `observed` as text, in the rule's unit; None where it has no opinion.

    `scope` and `version` say whose limits spoke and in which version, where a limit is set.
    """

    rule: str
    passed: bool
    limit: str | None
    observed: str | None
    is_exempt: bool = False
    scope: str | None = None
    version: int | None = None

    @property
    def denies(self) -> bool:
        return not (self.passed or self.is_exempt)


class Decision(msgspec.Struct, frozen=True, gc=False):
    """`quantity` is that of the order it makes, 0 when it makes none."""

    signal: Signal
    approved: bool
    quantity: int
    verdicts: tuple[Verdict, ...]
    orders: tuple[Order, ...] = ()

    @property
    def order(self) -> Order | None:
        """The first, which is the only one unless it was sliced."""
        return self.orders[0] if self.orders else None

    @property
    def denied_by(self) -> list[str]:
        """Names of the rules that denied it, in the order of the rules."""
        return [verdict.rule for verdict in self.verdicts if verdict.denies]
