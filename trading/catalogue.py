"""The instruments that a market knows, by symbol, token and id."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from trading.instrument import Instrument


class Catalogue:
    """Where two instruments share a symbol or a token, the first one has it."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self.by_id: dict[int, Instrument] = {}
        self._by_name: dict[str | int, Instrument] = {}
        for instrument in instruments:
            self._add(instrument)

    def __iter__(self) -> Iterator[Instrument]:
        return iter(self.by_id.values())

    def lookup(self, name: str | int) -> Instrument | None:
        """By symbol (text) or by the broker's token (number), which may itself be the symbol."""
        return self._by_name.get(name) or self._by_name.get(str(name))

    def add_unknown(self, name: str | int, tick_size: Decimal) -> Instrument:
        """A place for what the table lacks; a token becomes a symbol, for nobody says whose it is."""
        instrument = self._made(name, tick_size)
        self._add(instrument)
        self._by_name[name] = instrument
        return instrument

    def _made(self, name: str | int, tick_size: Decimal) -> Instrument:
        return Instrument(max(self.by_id, default=0) + 1, str(name), tick_size)

    def _add(self, instrument: Instrument) -> None:
        self.by_id[instrument.id] = instrument
        self._by_name.setdefault(instrument.symbol, instrument)
        if instrument.token is not None:
            self._by_name.setdefault(instrument.token, instrument)
