"""One line of a data file → a raw tick or a bar, checked against the lines before it."""

from trading.feed.bars import Bar
from trading.feed.columns import Columns
from trading.feed.raw import LineError, RawTick
from trading.feed.timestamps import TimestampReader
from trading.feed.values import Remembered, depth_price_e4, price_e4, quantity, token
from trading.session import MINUTE, india_day
from trading.tick import Depth, Level


class Lines:
    """What lines of ticks and of bars have in common: whose they are, when, and in which order."""

    def __init__(self, columns: Columns, file: str, symbol: str) -> None:
        self.columns = columns
        self.file = file
        self.symbol = symbol
        self.clock = TimestampReader()
        self.prices = Remembered(price_e4)
        self.quantities = Remembered(quantity)
        self.tokens = Remembered(token)
        self.last_time: int | None = None

    def time(self, fields: list[str]) -> int:
        places = self.columns.time
        if len(places) == 1:
            return self.clock.read(fields[places[0]])
        return self.clock.read(f"{fields[places[0]].strip()} {fields[places[1]].strip()}")

    def name(self, fields: list[str]) -> str | int:
        """The symbol column before the token column before the name of the file."""
        if self.columns.symbol is not None:
            return self._symbol(fields[self.columns.symbol])
        if self.columns.token is not None:
            return self.tokens[fields[self.columns.token]]
        return self.symbol

    def volume(self, fields: list[str]) -> int:
        return 0 if self.columns.volume is None else self.quantities[fields[self.columns.volume]]

    def keep_order(self, time: int) -> None:
        if self.last_time is not None and time < self.last_time:
            raise LineError("out_of_order", "older than the line before it")
        self.last_time = time

    @staticmethod
    def _symbol(text: str) -> str:
        symbol = text.strip()
        if not symbol:
            raise LineError("bad_line", "the symbol is empty")
        return symbol


class TickLines(Lines):
    """Equal ticks are genuine: two trades may share a time and a price."""

    def __init__(self, columns: Columns, file: str, symbol: str) -> None:
        super().__init__(columns, file, symbol)
        self._price = columns.prices[0]
        self._has_depth = bool(columns.bids or columns.asks)
        self._depth_prices = Remembered(depth_price_e4)
        self._totals: dict[str | int, tuple[int, int]] = {}

    def read(self, fields: list[str], line: int) -> RawTick:
        time = self.time(fields)
        price = self.prices[fields[self._price]]
        name = self.name(fields)
        volume = self.volume(fields)
        arrival = self._arrival(fields)
        depth = self._depth(fields) if self._has_depth else None
        self.keep_order(time)
        if self.columns.is_running_total:
            volume = self._traded(name, time, volume)
        return RawTick(name, price, time, volume, arrival, depth, self.file, line)

    def _arrival(self, fields: list[str]) -> int | None:
        place = self.columns.arrival
        return None if place is None or not fields[place].strip() else self.clock.read(fields[place])

    def _traded(self, name: str | int, time: int, total: int) -> int:
        """The day's running total → what was traded since the instrument's previous tick."""
        day = india_day(time)
        last_day, last_total = self._totals.get(name, (day, total))
        self._totals[name] = day, total
        return max(0, total - last_total) if day == last_day else total

    def _depth(self, fields: list[str]) -> Depth | None:
        """None where every cell is empty: not recorded is not the same as an empty book."""
        columns = self.columns
        if not any(fields[place] for level in columns.bids + columns.asks for place in level):
            return None
        return Depth(self._levels(fields, columns.bids), self._levels(fields, columns.asks))

    def _levels(self, fields: list[str], places: tuple[tuple[int, int], ...]) -> tuple[Level, ...]:
        levels = ((self._depth_prices[fields[p]], self.quantities[fields[q]]) for p, q in places)
        return tuple(Level(price, shares) for price, shares in levels if price and shares)


class BarLines(Lines):
    """A minute of a symbol has one bar: an exact copy is a duplicate, another one is refused."""

    def __init__(self, columns: Columns, file: str, symbol: str) -> None:
        super().__init__(columns, file, symbol)
        self._last: dict[str | int, Bar] = {}

    def read(self, fields: list[str], line: int) -> Bar:
        time = self.time(fields)
        open_e4, high_e4, low_e4, close_e4 = (self.prices[fields[place]] for place in self.columns.prices)
        name, volume = self.name(fields), self.volume(fields)
        bar = Bar(name, time, open_e4, high_e4, low_e4, close_e4, volume, self.file, line)
        if not bar.is_consistent:
            raise LineError("bad_bar", "open and close are not between low and high")
        self.keep_order(time)
        self._refuse_second(bar)
        self._last[bar.name] = bar
        return bar

    def _refuse_second(self, bar: Bar) -> None:
        last = self._last.get(bar.name)
        if last is None or last.time // MINUTE != bar.time // MINUTE:
            return
        if last.has_same_values(bar):
            raise LineError("duplicate", f"an exact copy of line {last.line}")
        raise LineError("conflicting_bar", f"line {last.line} already has another bar of this minute")
