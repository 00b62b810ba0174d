"""Whether a replay flows normally through every stage, seen from outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic, time

import redis
from django.db import Error as DatabaseError
from django.db import connection as database

from alphapanda.connection import key
from portfolio.models import Portfolio
from tests.chaos.house import WORKERS, House
from tests.chaos.waiting import DeadlineError
from trading.log import MarketLog
from trading.models import Market

STALL_SECONDS = 1.5  # without a working order a clock moves with the sweep, each second
SWEEP_SECONDS = 3.0


@dataclass
class Place:
    clock: int = -1
    moved_at: float = field(default_factory=monotonic)


class Flow:
    """Of some portfolios; looking never raises."""

    def __init__(self, house: House, portfolios: list[Portfolio]) -> None:
        self.house = house
        self.portfolios = {portfolio.pk: portfolio.market_id for portfolio in portfolios}
        self.places = {pk: Place() for pk in self.portfolios}
        self.is_over = False

    def trouble(self) -> str:
        """What is not normal now; nothing when all is well."""
        try:
            return self._look()
        except (DatabaseError, redis.RedisError, DeadlineError) as error:
            database.close()
            return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"

    def _look(self) -> str:
        if not self.house.is_ready():
            return "the house is not ready"
        active = set(
            Market.objects.filter(pk__in=self.portfolios.values(), is_active=True).values_list("pk", flat=True)
        )
        clocks = dict(Portfolio.objects.filter(pk__in=self.portfolios).values_list("pk", "clock"))
        self.is_over = not active
        stalls = [self._stall(pk, clock) for pk, clock in clocks.items() if self.portfolios[pk] in active]
        return "; ".join(filter(None, [*stalls, self._sweep(), self._workers()]))

    def _stall(self, portfolio: int, clock: int) -> str:
        place = self.places[portfolio]
        if clock != place.clock:
            self.places[portfolio] = Place(clock)
            return ""
        silence = monotonic() - place.moved_at
        return f"portfolio {portfolio} stands at {clock}" if silence > STALL_SECONDS else ""

    def _sweep(self) -> str:
        swept = self.house.redis.get(key("swept"))
        return "" if swept and time() - int(swept) < SWEEP_SECONDS else "no sweep"

    def _workers(self) -> str:
        silent = set(WORKERS) - self.house.beating()
        return f"silent: {', '.join(sorted(silent))}" if silent else ""

    def tails(self) -> dict[int, int]:
        """The last tick in the log of each portfolio's market."""
        return {pk: MarketLog(self.house.redis, market).tail() for pk, market in self.portfolios.items()}

    def have_passed(self, ticks: dict[int, int]) -> bool:
        """Whether each portfolio has finished with what was in the log back then."""
        return self.is_over or all(self.places[pk].clock > tick for pk, tick in ticks.items())
