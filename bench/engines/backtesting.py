"""backtesting.py: one instrument, every tick is a bar; orders fill at the open of the next one."""

import warnings
from time import perf_counter

import backtesting
import pandas as pd

from bench.engines.common import RUPEES_CASH, Outcome, Rule, Ticks, arguments, report

warnings.filterwarnings("ignore")


class Momentum(backtesting.Strategy):
    def init(self):
        self.rule = Rule()
        Momentum.fills = Momentum.held = 0
        Momentum.paid = 0.0
        Momentum.waiting = 0
        self.change_at(self.data.Close[0])  # `next` begins with the second bar
        Momentum.begun = perf_counter()

    def next(self):
        price = self.data.Close[-1]
        if Momentum.waiting:
            Momentum.fills, Momentum.paid = Momentum.fills + 1, Momentum.paid + Momentum.waiting * price
        Momentum.held = self.position.size
        self.change_at(price)
        Momentum.ended = perf_counter()

    def change_at(self, price):
        Momentum.waiting = self.rule.change(price)
        if Momentum.waiting > 0:
            self.buy(size=Momentum.waiting)
        elif Momentum.waiting < 0:
            self.sell(size=-Momentum.waiting)


def main():
    data, most = arguments()
    ticks = Ticks(data, most, instrument=1)
    bars = dict.fromkeys(("Open", "High", "Low", "Close"), ticks.price)
    frame = pd.DataFrame({**bars, "Volume": ticks.volume}, index=pd.to_datetime(ticks.time, unit="us"))
    backtesting.Backtest(frame, Momentum, cash=RUPEES_CASH, finalize_trades=False).run()
    held = {1: int(Momentum.held)}
    seconds = Momentum.ended - Momentum.begun
    done = ("backtesting.py", backtesting.__version__, len(ticks), seconds, Momentum.fills, held, -Momentum.paid)
    report(Outcome(*done))


if __name__ == "__main__":
    main()
