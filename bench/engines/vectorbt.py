"""vectorbt: not event-driven; an order function compiled by numba walks a matrix, a column for each instrument.

Row k holds the k-th tick of each instrument, so it does not know their order among each other. A row decides, the
next one orders: fills are a tick later, as ours.
"""

from time import perf_counter

import numpy as np
import pandas as pd
import vectorbt
from numba import njit
from vectorbt.portfolio import nb

from bench.engines.common import LOOKBACK, QUANTITY, RUPEES_CASH, THRESHOLD, Outcome, Ticks, arguments, report


@njit
def order(context, prices):
    row, column = context.i - 1, context.col
    if row < LOOKBACK:
        return nb.order_nothing_nb()
    move = prices[row, column] / prices[row - LOOKBACK, column] - 1
    if move > THRESHOLD:
        wanted = QUANTITY
    elif move < -THRESHOLD:
        wanted = -QUANTITY
    else:
        return nb.order_nothing_nb()
    if wanted == context.position_now:
        return nb.order_nothing_nb()
    return nb.order_nb(size=wanted - context.position_now, price=prices[context.i, column])


def main():
    ticks = Ticks(*arguments())
    prices = np.column_stack([ticks.price[ticks.instrument == number] for number in ticks.instruments])
    close = pd.DataFrame(prices)
    for _ in range(2):  # the first run compiles
        begun = perf_counter()
        portfolio = vectorbt.Portfolio.from_order_func(close, order, prices, init_cash=RUPEES_CASH, freq="1s")
        orders = portfolio.orders.values
        seconds = perf_counter() - begun
    signed = np.where(orders["side"] == 0, 1, -1) * orders["size"]
    held = {number: int(signed[orders["col"] == column].sum()) for column, number in enumerate(ticks.instruments)}
    cash = -float(signed @ orders["price"])
    report(Outcome("vectorbt", vectorbt.__version__, len(ticks), seconds, len(orders), held, cash))


if __name__ == "__main__":
    main()
