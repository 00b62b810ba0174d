"""What the columns of a file mean, from its header."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alphapanda.errors import InputError

_TIME = ("exchange_time", "exchange_timestamp", "timestamp", "datetime", "date_time")
_PRICE = ("last_price", "ltp", "price")
_BAR = ("open", "high", "low", "close")
_SYMBOL = ("symbol", "tradingsymbol", "trading_symbol")
_TOKEN = ("instrument_token", "token")
_RUNNING_TOTAL = ("volume_traded", "volume_total")
_ARRIVAL = ("arrival_time",)
_KNOWN = {*_TIME, "date", "time", *_PRICE, *_BAR, *_SYMBOL, *_TOKEN, "volume", *_RUNNING_TOTAL, *_ARRIVAL}
_EXAMPLE = "timestamp,symbol,last_price,volume or date,open,high,low,close,volume"
LEVELS = 5


@dataclass(frozen=True, slots=True)
class Columns:
    """Places of what is used; `time` may be date and time apart, `prices` is one price or a whole bar."""

    time: tuple[int, ...]
    prices: tuple[int, ...]
    symbol: int | None
    token: int | None
    volume: int | None
    is_running_total: bool
    arrival: int | None
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]

    @property
    def are_bars(self) -> bool:
        return len(self.prices) == len(_BAR)

    @property
    def width(self) -> int:
        """Fields that a line must have: a line cut short may end in half a number."""
        single = (self.symbol, self.token, self.volume, self.arrival)
        levels = (place for level in self.bids + self.asks for place in level)
        return 1 + max(*self.time, *self.prices, *levels, *(place for place in single if place is not None))


def understood(header: Sequence[str], file: str) -> Columns:
    """Raises InputError that names the file and the column it lacks."""
    places = _places(header)
    if not _KNOWN & places.keys():
        raise InputError(f"{file}: no header: the first line must name the columns, such as {_EXAMPLE}")
    total = _first(places, _RUNNING_TOTAL)
    volume = places.get("volume", total)
    return Columns(
        time=_time(places, file),
        prices=_prices(places, file),
        symbol=_first(places, _SYMBOL),
        token=_first(places, _TOKEN),
        volume=volume,
        is_running_total=volume is not None and volume == total,
        arrival=_first(places, _ARRIVAL),
        bids=_levels(places, "bid"),
        asks=_levels(places, "ask"),
    )


def _places(header: Sequence[str]) -> dict[str, int]:
    names = [name.strip().lower().replace(" ", "_") for name in header]
    return {name: names.index(name) for name in names if name}


def _first(places: Mapping[str, int], names: Sequence[str]) -> int | None:
    return next((places[name] for name in names if name in places), None)


def _time(places: Mapping[str, int], file: str) -> tuple[int, ...]:
    whole = _first(places, _TIME)
    if whole is not None:
        return (whole,)
    apart = tuple(places[name] for name in ("date", "time") if name in places)
    if not apart:
        raise InputError(f"{file}: no time column: name one timestamp, datetime or date (with time beside it)")
    return apart


def _prices(places: Mapping[str, int], file: str) -> tuple[int, ...]:
    price = _first(places, _PRICE)
    if price is not None:
        return (price,)
    missing = [name for name in _BAR if name not in places]
    if len(missing) == len(_BAR):
        raise InputError(f"{file}: no price column: name it last_price, ltp or price, or give {', '.join(_BAR)}")
    if missing:
        raise InputError(f"{file}: no price column: a bar also needs {', '.join(missing)}")
    return tuple(places[name] for name in _BAR)


def _levels(places: Mapping[str, int], side: str) -> tuple[tuple[int, int], ...]:
    names = [(f"{side}{level}_price", f"{side}{level}_quantity") for level in range(1, LEVELS + 1)]
    return tuple((places[price], places[size]) for price, size in names if {price, size} <= places.keys())
