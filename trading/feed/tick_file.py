"""Ticks as lines of CSV that `files` reads back unchanged."""

from collections.abc import Iterable, Iterator

from trading.feed.columns import LEVELS
from trading.feed.raw import RawTick
from trading.instrument import PRICE_SCALE
from trading.session import INDIA, aware
from trading.tick import Level

_LEVEL_NAMES = (f"{side}{level}" for side in ("bid", "ask") for level in range(1, LEVELS + 1))
HEADER = "timestamp,symbol,last_price,volume," + ",".join(f"{name}_price,{name}_quantity" for name in _LEVEL_NAMES)


def csv_lines(ticks: Iterable[RawTick]) -> Iterator[str]:
    """The header, then a line for each tick, with their line ends."""
    yield HEADER + "\n"
    for tick in ticks:
        time = aware(tick.time).astimezone(INDIA).isoformat(timespec="microseconds")
        bids, asks = (tick.depth.bids, tick.depth.asks) if tick.depth else ((), ())
        cells = [time, str(tick.name), _rupees(tick.price_e4), str(tick.volume), *_side(bids), *_side(asks)]
        yield ",".join(cells) + "\n"


def _side(levels: tuple[Level, ...]) -> list[str]:
    cells = [cell for level in levels for cell in (_rupees(level.price_e4), str(level.quantity))]
    return cells + [""] * (2 * LEVELS - len(cells))


def _rupees(price_e4: int) -> str:
    """Two decimals where they are enough."""
    text = f"{price_e4 // PRICE_SCALE}.{price_e4 % PRICE_SCALE:04d}"
    return text.removesuffix("00")
