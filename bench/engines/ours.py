"""The product's backtest, from packed records to fills with charges, every default rule on."""

from collections.abc import Iterator
from decimal import Decimal
from platform import python_version
from time import perf_counter
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from alphapanda.reference import load_charges
from bench.data import RECORD
from bench.engines.common import LOOKBACK, QUANTITY, RUPEES_CASH, THRESHOLD, Outcome, Ticks, arguments, report
from risk.decide import Decider
from risk.limits import Limits
from risk.scopes import Limited, Scope
from strategies.backtest import BATCH, Backtest
from strategies.registry import registry
from strategies.runner import Runner
from trading.book import Book
from trading.charges import RatesTable
from trading.instrument import Instrument
from trading.paper import PaperTerms
from trading.ticks import Ticks as Batch

LIMITS = Limits(max_trades_per_day=10_000_000)  # counted and judged, never reached; the others as they ship


def packed(columns: Ticks) -> NDArray[np.void]:
    """Records as a spool or the log holds them."""
    rows = np.zeros(len(columns), RECORD)
    rows["instrument"], rows["price_e4"] = columns.instrument, columns.price_e4
    rows["time"], rows["arrival"], rows["volume"] = columns.time, columns.time, columns.volume
    return rows


def batches(rows: NDArray[np.void], instruments: dict[int, Instrument]) -> Iterator[Batch]:
    records = rows.view(np.uint8).data
    for start in range(0, len(rows), BATCH):
        batch = records[start * RECORD.itemsize : (start + BATCH) * RECORD.itemsize]
        yield Batch(batch, start + 1, instruments, is_wide=False)


def momentum(ordinal: int, **parameters: object) -> Runner:
    types = registry()
    return Runner(UUID(int=ordinal + 1), ordinal, types.find("momentum"), types.parameters("momentum", parameters))


def backtest(runners: list[Runner]) -> Backtest:
    """Market orders fill at the next tick of their instrument, without slippage as at the peers."""
    book = Book(
        starting_cash=Decimal(RUPEES_CASH),
        cash=Decimal(RUPEES_CASH),
        rates_on=RatesTable(load_charges()),
        terms=PaperTerms(slippage_bps=Decimal(0)),
    )
    return Backtest(runners, Decider(book, Limited([Scope(LIMITS)])))


def main() -> None:
    columns = Ticks(*arguments())
    rows = packed(columns)
    instruments = {number: Instrument(number, f"S{number}", Decimal("0.05")) for number in columns.instruments}
    for _ in range(2):  # warm, as vectorbt is
        run = backtest([momentum(0, lookback=LOOKBACK, threshold=str(THRESHOLD), quantity=QUANTITY)])
        begun = perf_counter()
        run.run(batches(rows, instruments))
        seconds = perf_counter() - begun
    book = run.decider.book
    assert all(fill.charges.total > 0 for fill in book.fills)
    held = {instrument: position.quantity for (_, instrument), position in book.positions.items()}
    cash = -sum(fill.side.sign * fill.value for fill in book.fills)
    report(Outcome("ours", python_version(), len(columns), seconds, len(book.fills), held, float(cash)))


if __name__ == "__main__":
    main()
