"""zipline-reloaded: one instrument, each tick on a minute of its own around the clock; orders fill a minute later."""

import os
import warnings
from tempfile import TemporaryDirectory
from time import perf_counter
from types import SimpleNamespace

warnings.filterwarnings("ignore")
ROOT = TemporaryDirectory(prefix="alphapanda-bench-zipline-")
os.environ["ZIPLINE_ROOT"] = ROOT.name

import pandas as pd
import zipline
from zipline.api import order, set_commission, set_slippage, symbol
from zipline.data.bundles import ingest, register
from zipline.finance import commission, slippage
from zipline.utils.calendar_utils import get_calendar

from bench.engines.common import RUPEES_CASH, Outcome, Rule, Ticks, arguments, report

START = pd.Timestamp("2021-01-04")
MINUTES = 1_440
ALWAYS_OPEN = "24/7"
PLENTY = 1_000_000


class AtLast(slippage.SlippageModel):
    def process_order(self, data, wanted):
        return data.current(wanted.asset, "close"), wanted.amount


def bundle(prices):
    """Writes the prices as minute bars."""
    days = len(prices) // MINUTES
    end = START + pd.Timedelta(days=days - 1)

    def write(_, assets, minutes, daily, adjustments, *__):
        index = pd.date_range(START, periods=len(prices), freq="1min", tz="UTC")
        frame = pd.DataFrame({**dict.fromkeys(("open", "high", "low", "close"), prices), "volume": PLENTY}, index=index)
        row = {"symbol": ["S1"], "asset_name": ["S1"], "start_date": [START], "end_date": [end], "exchange": ["X"]}
        row |= {"first_traded": [START], "auto_close_date": [end + pd.Timedelta(days=30)]}
        assets.write(
            equities=pd.DataFrame(row),
            exchanges=pd.DataFrame({"exchange": ["X"], "canonical_name": ["X"], "country_code": ["US"]}),
        )
        minutes.write([(0, frame)], show_progress=False)
        by_day = frame.resample("1D").agg(
            {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "first"}
        )
        by_day.index = by_day.index.tz_localize(None)
        daily.write([(0, by_day)], show_progress=False)
        adjustments.write()

    register("bench", write, calendar_name=ALWAYS_OPEN, start_session=START, end_session=end, minutes_per_day=MINUTES)
    ingest("bench", show_progress=False)
    return end


def algorithm(seen):
    def initialize(context):
        context.asset, context.rule = symbol("S1"), Rule()
        set_commission(commission.NoCommission())
        set_slippage(us_equities=AtLast())
        seen.begun = perf_counter()

    def handle_data(context, data):
        change = context.rule.change(data.current(context.asset, "price"))
        if change:
            order(context.asset, change)
        seen.ended = perf_counter()

    return initialize, handle_data


def main():
    data, most = arguments()
    ticks = Ticks(data, most, instrument=1)
    whole = len(ticks) // MINUTES * MINUTES
    end = bundle(ticks.price[:whole])
    seen = SimpleNamespace()
    initialize, handle_data = algorithm(seen)
    result = zipline.run_algorithm(
        start=START, end=end, initialize=initialize, handle_data=handle_data, capital_base=RUPEES_CASH,
        data_frequency="minute", bundle="bench", trading_calendar=get_calendar(ALWAYS_OPEN),
        benchmark_returns=pd.Series(0.0, index=pd.date_range(START, end, freq="D")),
    )  # fmt: skip
    trades = [trade for day in result["transactions"] for trade in day]
    held = {1: sum(trade["amount"] for trade in trades)}
    cash = -sum(trade["amount"] * trade["price"] for trade in trades)
    seconds = seen.ended - seen.begun
    report(Outcome("zipline-reloaded", zipline.__version__, whole, seconds, len(trades), held, float(cash)))


if __name__ == "__main__":
    main()
