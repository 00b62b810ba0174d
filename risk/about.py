"""What the rules must know besides the book: limits, halts, trades of the day, facts of instruments."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import date
from typing import Any

from alphapanda.statements import Asked, ask
from risk import models, past
from risk.decide import Decider
from risk.limit_services import limited, limits_about, scopes_from
from strategies.models import Signal
from trading.bookkeeping import OpenBook
from trading.facts import Facts
from trading.reference import facts_about, stored_exchange
from trading.session import microseconds


@dataclass(frozen=True, slots=True)
class About:
    """Of one portfolio, with these instruments and on these days in India."""

    instruments: Set[int]
    days: Set[date]
    limits: Asked[models.Limits]
    halts: Asked[models.Halt]
    counts: Asked[past.Count]
    facts: Asked[tuple[int, Facts]]

    @classmethod
    def of(cls, portfolio: int, instruments: Set[int], days: Set[date]) -> About:
        """To be asked."""
        return cls(
            instruments,
            days,
            limits_about(portfolio),
            past.halts_in_force.later(portfolio),
            past.counts(portfolio, days),
            facts_about(instruments),
        )

    @property
    def queries(self) -> Sequence[Asked[Any]]:
        return self.limits, self.halts, self.counts, self.facts

    def covers(self, instruments: Set[int], days: Set[date]) -> bool:
        return instruments <= self.instruments and days <= self.days


def decider_of(opened: OpenBook, rows: Sequence[Signal], about: About | None) -> Decider:
    """With what the rules must know; of older orders only where a limit asks for them."""
    known = _known(opened, rows, about)
    scopes = tuple(scopes_from(known.limits.rows, opened.ordinals))
    trades, more_orders = past.counted(opened, known.counts.rows)
    return Decider(
        book=opened.book,
        limits=limited(scopes),
        trades=trades,
        halts=past.halts(opened, known.halts.rows),
        latest=past.latest(opened, scopes, microseconds(rows[0].exchange_time)) if rows else [],
        exchange=stored_exchange(known.facts.rows, any(not scope.limits.may_trade_after_hours for scope in scopes)),
        more_orders=more_orders,
    )


def _known(opened: OpenBook, rows: Sequence[Signal], about: About | None) -> About:
    """Asked now, unless what was asked before says all that is needed."""
    if needed := still_needed(opened, rows, about):
        ask(*needed.queries)
    known = needed or about
    assert known is not None, "what was not asked before is needed"
    return known


def still_needed(opened: OpenBook, rows: Sequence[Signal], about: About | None) -> About | None:
    """To be asked. None where what was asked before says all that is needed."""
    needed = {row.instrument_id for row in rows} | opened.book.watched, past.days_of(rows)
    return None if about and about.covers(*needed) else About.of(opened.portfolio.pk, *needed)
