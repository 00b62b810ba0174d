"""backtrader: every tick is a bar; orders fill at the next one. One feed, with which it is fastest; no observers."""

from time import perf_counter

import backtrader as bt

from bench.engines.common import RUPEES_CASH, Outcome, Rule, Ticks, arguments, report

FIRST_DAY = 738_000  # of its calendar; only the order of times matters
DAY = 86_400 * 1_000_000


class Feed(bt.feed.DataBase):
    params = (("rows", None), ("timeframe", bt.TimeFrame.Ticks))

    def start(self):
        super().start()
        self.rest = iter(self.p.rows)

    def _load(self):
        row = next(self.rest, None)
        if row is None:
            return False
        lines, price = self.lines, row[1]
        lines.datetime[0], lines.volume[0], lines.openinterest[0] = row[0], row[2], 0
        lines.open[0] = lines.high[0] = lines.low[0] = lines.close[0] = price
        return True


class Momentum(bt.Strategy):
    def __init__(self):
        self.rule = Rule()
        self.fills, self.seconds = 0, 0.0

    def start(self):
        self.begun = perf_counter()

    def stop(self):
        self.seconds = perf_counter() - self.begun

    def next(self):
        change = self.rule.change(self.data.close[0])
        if change > 0:
            self.buy(size=change)
        elif change < 0:
            self.sell(size=-change)

    def notify_order(self, order):
        self.fills += order.status == order.Completed


def rows(ticks):
    days = FIRST_DAY + (ticks.time - ticks.time[0]) / DAY
    return list(zip(days.tolist(), ticks.price.tolist(), ticks.volume.tolist(), strict=True))


def main():
    data, most = arguments()
    ticks = Ticks(data, most, instrument=1)
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(Feed(rows=rows(ticks)))
    cerebro.addstrategy(Momentum)
    cerebro.broker.setcash(RUPEES_CASH)
    (done,) = cerebro.run()
    held = {1: int(done.position.size)}
    cash = done.broker.getcash() - RUPEES_CASH
    report(Outcome("backtrader", bt.__version__, len(ticks), done.seconds, done.fills, held, cash))


if __name__ == "__main__":
    main()
