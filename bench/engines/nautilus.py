"""NautilusTrader: trade ticks, one strategy, its own risk engine, market orders against the last trade, no fees."""

from decimal import Decimal
from time import perf_counter

import nautilus_trader
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import TradeTick
from nautilus_trader.model.enums import AccountType, AggressorSide, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TradeId, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

from bench.engines.common import RUPEES_CASH, Outcome, Rule, Ticks, arguments, report

VENUE = Venue("XNSE")


class Momentum(Strategy):
    def __init__(self, instruments):
        super().__init__(StrategyConfig(strategy_id="MOMENTUM-001"))
        self.rules = {instrument.id: Rule() for instrument in instruments}
        self.fills, self.paid = 0, 0.0

    def on_start(self):
        for instrument in self.rules:
            self.subscribe_trade_ticks(instrument)

    def on_trade_tick(self, tick):
        change = self.rules[tick.instrument_id].change(tick.price.as_double())
        if change:
            side = OrderSide.BUY if change > 0 else OrderSide.SELL
            self.submit_order(self.order_factory.market(tick.instrument_id, side, Quantity.from_int(abs(change))))

    def on_order_filled(self, event):
        self.fills += 1
        sign = 1 if event.order_side == OrderSide.BUY else -1
        self.paid += sign * float(event.last_qty) * float(event.last_px)


def equity(number):
    symbol = Symbol(f"S{number}")
    return Equity(
        instrument_id=InstrumentId(symbol, VENUE), raw_symbol=symbol, currency=USD, price_precision=2,
        price_increment=Price.from_str("0.05"), lot_size=Quantity.from_int(1), ts_event=0, ts_init=0,
        margin_init=Decimal("0.1"), margin_maint=Decimal("0.05"),
    )  # fmt: skip


def trade_ticks(ticks, instruments):
    ids = {number: instrument.id for number, instrument in instruments.items()}
    columns = (ticks.instrument.tolist(), ticks.price.tolist(), ticks.volume.tolist(), (ticks.time * 1_000).tolist())
    return [
        TradeTick(ids[i], Price(p, 2), Quantity(v, 0), AggressorSide.NO_AGGRESSOR, TradeId(str(n)), t, t)
        for n, (i, p, v, t) in enumerate(zip(*columns, strict=True))
    ]


def main():
    ticks = Ticks(*arguments())
    instruments = {number: equity(number) for number in ticks.instruments}
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), run_analysis=False))
    engine.add_venue(
        venue=VENUE, oms_type=OmsType.NETTING, account_type=AccountType.MARGIN, base_currency=USD,
        starting_balances=[Money(RUPEES_CASH, USD)], trade_execution=True,
    )  # fmt: skip
    for instrument in instruments.values():
        engine.add_instrument(instrument)
    engine.add_data(trade_ticks(ticks, instruments))
    strategy = Momentum(instruments.values())
    engine.add_strategy(strategy)
    begun = perf_counter()
    engine.run()
    seconds = perf_counter() - begun
    held = {number: int(strategy.portfolio.net_position(i.id)) for number, i in instruments.items()}
    outcome = (
        "nautilus_trader",
        nautilus_trader.__version__,
        len(ticks),
        seconds,
        strategy.fills,
        held,
        -strategy.paid,
    )
    report(Outcome(*outcome))


if __name__ == "__main__":
    main()
