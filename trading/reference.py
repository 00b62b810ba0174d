"""Reference data as rows, turned into values: instruments and charge rates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from alphapanda.prepared import prepared
from alphapanda.statements import Asked
from trading import models
from trading.calendar import Calendar, Hours, SpecialDay
from trading.charges import Product, Rates
from trading.facts import Exchange, Facts
from trading.hours import SpecialDay as SpecialDayRow
from trading.hours import TradingHours
from trading.instrument import Instrument

_FACTS = """
SELECT id, freeze_quantity, lower_circuit, upper_circuit, previous_close FROM trading_instrument
WHERE id = ANY(%s::bigint[]) AND num_nonnulls(freeze_quantity, lower_circuit, upper_circuit, previous_close) > 0
"""
_USUAL = Calendar()
NEIGHBOURS = 1_000


class Instruments(dict[int, Instrument]):
    """Instruments by id; one that is not known yet is looked up, with its neighbours: a feed has thousands."""

    def __missing__(self, number: int) -> Instrument:
        first = number - number % NEIGHBOURS
        found = (Instrument(*row) for row in _instruments(first, first + NEIGHBOURS))
        self.update({instrument.id: instrument for instrument in found if instrument.id not in self})
        if number not in self:
            raise KeyError(f"no instrument has the id {number}")
        return self[number]


@prepared
def _instruments(first: int, end: int) -> QuerySet[models.Instrument, tuple[Any, ...]]:
    """Their columns are the fields of the value: as models, 9,000 of them took 0.25 s in every process."""
    rows = models.Instrument.objects.filter(pk__gte=first, pk__lt=end)
    return rows.values_list("pk", "symbol", "tick_size", "lot_size", "exchange", "token", "multiplier")


INSTRUMENTS = Instruments()


def instrument_value(row: models.Instrument) -> Instrument:
    return Instrument(
        id=row.pk,
        symbol=row.symbol,
        tick_size=row.tick_size,
        lot_size=row.lot_size,
        exchange=row.exchange,
        token=row.token,
        multiplier=row.multiplier,
    )


def rates_value(row: models.ChargeRate) -> Rates:
    return Rates(
        product=Product(row.product),
        exchange=row.exchange,
        valid_from=row.valid_from,
        brokerage=row.brokerage,
        brokerage_cap=row.brokerage_cap,
        stt_buy=row.stt_buy,
        stt_sell=row.stt_sell,
        transaction=row.transaction,
        ipft=row.ipft,
        sebi=row.sebi,
        stamp_buy=row.stamp_buy,
        gst=row.gst,
    )


def facts_about(instruments: Iterable[int]) -> Asked[tuple[int, Facts]]:
    return Asked(_FACTS, [list(instruments)], lambda rows: [(pk, Facts(*known)) for pk, *known in rows])


def stored_exchange(facts: Iterable[tuple[int, Facts]], asks_for_hours: bool) -> Exchange:
    """What is known of some instruments; the calendar is the usual one unless somebody asks for it."""
    return Exchange(dict(facts), stored_calendar() if asks_for_hours else _USUAL)


def exchange_of(instruments: Iterable[int]) -> Exchange:
    return stored_exchange(facts_about(instruments).answered(), asks_for_hours=True)


def stored_calendar() -> Calendar:
    hours = [Hours(row.valid_from, row.opens, row.closes, row.exchange) for row in TradingHours.objects.all()]
    days = [SpecialDay(row.day, row.name, row.opens, row.closes, row.exchange) for row in SpecialDayRow.objects.all()]
    return Calendar.of(hours, days)


@prepared
def charge_rates() -> QuerySet[models.ChargeRate]:
    return models.ChargeRate.objects.all()
