"""Whether a replay flows normally through every stage, seen from outside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from time import monotonic, time

import redis
from django.db import Error as DatabaseError
from django.db import connection as database

from alphapanda.connection import key
from portfolio.models import Portfolio
from tests.chaos.house import WORKERS, House

STALL_SECONDS = 1.5  # without a working order a clock moves with the sweep, each second
ASK_WORKERS_SECONDS = 0.5


@dataclass
class Place:
    clock: int = -1
    moved_at: float = field(default_factory=monotonic)
    is_active: bool = True


class Flow:
    """Of some portfolios; looking never raises. `stall` is how long a clock may stand on this machine."""

    def __init__(self, house: House, portfolios: list[Portfolio], stall: float = STALL_SECONDS) -> None:
        self.house = house
        self.stall = stall
        self.markets = {portfolio.pk: portfolio.market_id for portfolio in portfolios}
        self.places = {pk: Place() for pk in self.markets}
        self.longest_stall = 0.0
        self.last_trouble = ""
        self._workers_asked, self._silent = 0.0, set(WORKERS)

    @property
    def is_over(self) -> bool:
        return not any(place.is_active for place in self.places.values())

    @property
    def has_begun(self) -> bool:
        return all(place.clock > 0 for place in self.places.values())

    def trouble(self) -> bool:
        """Whether something is not normal now; `last_trouble` then says what."""
        found = self._trouble()
        self.last_trouble = found or self.last_trouble
        return bool(found)

    def _trouble(self) -> str:
        if not self.house.is_ready():
            return "the house is not ready"
        try:
            return "; ".join(self._look())
        except (DatabaseError, redis.RedisError) as error:
            database.close()
            return f"{type(error).__name__} {str(error).partition(chr(10))[0]}"

    def _look(self) -> Iterator[str]:
        rows = Portfolio.objects.filter(pk__in=self.markets).values_list("pk", "clock", "market__is_active")
        for portfolio, clock, is_active in list(rows):
            yield from self._stands(portfolio, clock, is_active)
        yield from self._sweep()
        yield from self._workers()

    def _stands(self, portfolio: int, clock: int, is_active: bool) -> Iterator[str]:
        place = self.places[portfolio]
        place.is_active = is_active
        silence = monotonic() - place.moved_at
        self.longest_stall = max(self.longest_stall, silence)
        if clock != place.clock:
            self.places[portfolio] = Place(clock, is_active=is_active)
        elif silence > self.stall and is_active:
            yield f"portfolio {portfolio} stands at {clock}"

    def _sweep(self) -> Iterator[str]:
        swept = self.house.redis.get(key("swept"))
        if not swept or time() - int(swept) > self.stall + 2:  # in whole seconds, once a second
            yield "no sweep"

    def _workers(self) -> Iterator[str]:
        if monotonic() - self._workers_asked > ASK_WORKERS_SECONDS:
            self._workers_asked, self._silent = monotonic(), set(WORKERS) - self.house.beating()
        if self._silent:
            yield f"silent: {', '.join(sorted(self._silent))}"

    def clocks(self) -> dict[int, int]:
        return {pk: place.clock for pk, place in self.places.items()}

    def have_passed(self, ticks: dict[int, int]) -> bool:
        """Whether each portfolio has moved on from where it was back then."""
        return all(place.clock > ticks[pk] or not place.is_active for pk, place in self.places.items())
