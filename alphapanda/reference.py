"""Reference data that ships with the project, or a dump of it, as checked values."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date, time
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Annotated, TypeVar

from msgspec import structs
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from alphapanda.errors import InputError
from risk.limits import Limits
from trading.calendar import Calendar, Hours, SpecialDay
from trading.charges import Product, Rates
from trading.facts import NO_FACTS, Exchange, Facts
from trading.instrument import Instrument

SHIPPED = Path(__file__).parent / "reference_data"
CALENDAR = ("trading_hours.json", "special_days.json")
_Row = TypeVar("_Row", bound=BaseModel)
Text = Annotated[str, Field(min_length=1, max_length=64)]
Fraction = Annotated[Decimal, Field(ge=0, le=1, decimal_places=10)]


class InstrumentRow(BaseModel):
    """One instrument as files and seeds give it."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    symbol: Text
    exchange: Text = "NSE"
    token: int | None = Field(default=None, gt=0)
    tick_size: Decimal = Field(gt=0, decimal_places=4)
    lot_size: int = Field(default=1, gt=0)
    name: str = ""
    freeze_quantity: int | None = Field(default=None, gt=0)
    lower_circuit: Decimal | None = Field(default=None, gt=0, decimal_places=4)
    upper_circuit: Decimal | None = Field(default=None, gt=0, decimal_places=4)
    previous_close: Decimal | None = Field(default=None, gt=0, decimal_places=4)

    def facts(self) -> Facts:
        return Facts(self.freeze_quantity, self.lower_circuit, self.upper_circuit, self.previous_close)


def instrument_rows(directory: Path | None = None) -> list[InstrumentRow]:
    return load_rows(directory, "instruments.json", InstrumentRow)


def load_instruments(directory: Path | None = None) -> list[Instrument]:
    """Numbered from 1 in the order of the file."""
    return [
        Instrument(number, row.symbol, row.tick_size, row.lot_size, row.exchange, row.token)
        for number, row in enumerate(instrument_rows(directory), 1)
    ]


def load_facts(directory: Path | None = None) -> dict[int, Facts]:
    """By the numbers that `load_instruments` gives."""
    return {number: row.facts() for number, row in enumerate(instrument_rows(directory), 1)}


class HoursRow(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    exchange: str = ""
    valid_from: date
    opens: time
    closes: time


class SpecialDayRow(BaseModel):
    """A holiday when it has no times."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    exchange: str = ""
    day: date
    name: Text
    opens: time | None = None
    closes: time | None = None


def load_hours(directory: Path | None = None) -> list[Hours]:
    return [Hours(**row.model_dump()) for row in load_rows(directory, "trading_hours.json", HoursRow)]


def load_special_days(directory: Path | None = None) -> list[SpecialDay]:
    return [SpecialDay(**row.model_dump()) for row in load_rows(directory, "special_days.json", SpecialDayRow)]


def load_exchange(directory: Path | None = None) -> Exchange:
    return Exchange(load_facts(directory), Calendar.of(load_hours(directory), load_special_days(directory)))


class ChargeRow(BaseModel):
    """Charge rates of a product from a day on, as fractions of the trade's value."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    product: Product
    exchange: Text
    valid_from: date
    brokerage: Fraction
    brokerage_cap: Decimal = Field(ge=0)
    stt_buy: Fraction
    stt_sell: Fraction
    transaction: Fraction
    ipft: Fraction
    sebi: Fraction
    stamp_buy: Fraction
    gst: Fraction


class LimitsRow(BaseModel):
    """Limits of a new portfolio; null is off."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    max_position: int | None = Field(ge=0)
    max_trades_per_day: int | None = Field(ge=0)
    max_price_deviation: Decimal | None = Field(ge=0)
    max_age_seconds: Decimal | None = Field(ge=0)
    max_order_quantity: int | None = Field(None, ge=0)
    max_order_value: Decimal | None = Field(None, ge=0)
    max_position_value: Decimal | None = Field(None, ge=0)
    max_gross_exposure: Decimal | None = Field(None, ge=0)
    max_net_exposure: Decimal | None = Field(None, ge=0)
    max_concentration: Decimal | None = Field(None, ge=0)
    max_leverage: Decimal | None = Field(None, ge=0)
    max_open_orders: int | None = Field(None, ge=0)
    max_orders_per_day: int | None = Field(None, ge=0)
    max_orders_per_second: int | None = Field(None, ge=0)
    min_seconds_between_equals: Decimal | None = Field(None, ge=0)
    max_volume_fraction: Decimal | None = Field(None, ge=0)
    max_close_deviation: Decimal | None = Field(None, ge=0)
    allowed_instruments: tuple[Text, ...] | None = None
    forbidden_instruments: tuple[Text, ...] | None = None
    may_short: bool = True
    may_overdraw: bool = True
    may_cross_itself: bool = True
    may_trade_after_hours: bool = True
    may_leave_grid: bool = True
    may_leave_circuit: bool = True
    may_slice: bool = True


def load_charges(directory: Path | None = None) -> list[Rates]:
    return [Rates(**row.model_dump()) for row in load_rows(directory, "charges.json", ChargeRow)]


def load_limits(directory: Path | None = None) -> Limits:
    (row,) = load_rows(directory, "limits.json", LimitsRow)
    return Limits(**row.model_dump())


def reference_hash(
    instruments: Iterable[Instrument], rates: Iterable[Rates], limits: Limits, exchange: Exchange
) -> str:
    """SHA-256 (hex) over what decides about fills and charges: runs with the same hash can be compared."""
    rows = [_instrument_line(instrument, exchange.facts.get(instrument.id, NO_FACTS)) for instrument in instruments]
    rows += [str(row) for row in (*exchange.calendar.hours, *exchange.calendar.special.values())]
    rows += ["|".join(_plain(value) for value in asdict(rate).values()) for rate in rates]
    rows.append("|".join(_plain(value) for value in structs.asdict(limits).values()))
    return sha256("\n".join(sorted(rows)).encode()).hexdigest()


def _instrument_line(i: Instrument, facts: Facts) -> str:
    known = "|".join(_plain(value) for value in asdict(facts).values())
    return f"{i.exchange}|{i.symbol}|{i.tick_size:.4f}|{i.lot_size}|{i.multiplier}|{known}"


def _plain(value: object) -> str:
    """Equal numbers are written alike."""
    return f"{value:.10f}" if isinstance(value, Decimal) else str(value)


def load_rows(directory: Path | None, name: str, model: type[_Row]) -> list[_Row]:
    """Rows of a JSON list; InputError names the file, the row (from 1) and the field."""
    path = (directory or SHIPPED) / name
    if name in CALENDAR and not path.exists():
        path = SHIPPED / name  # a dump from before there was a calendar
    return [_checked(path, number, row, model) for number, row in enumerate(_json_list(path), 1)]


def _json_list(path: Path) -> list[object]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path}: not JSON: {error}") from error
    if not isinstance(rows, list):
        raise InputError(f"{path}: a JSON list of rows is expected")
    return rows


def _checked(path: Path, number: int, row: object, model: type[_Row]) -> _Row:
    try:
        return model.model_validate(row)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'row'}: {e['msg']}" for e in error.errors())
        raise InputError(f"{path}: row {number}: {wrong}") from error
