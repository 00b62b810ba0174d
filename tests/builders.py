"""Short ways to make the values that tests speak about: prices in rupees, seconds since the open."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from uuid import UUID, uuid5

from risk.decide import Decider
from risk.limits import NO_LIMITS, Limits
from risk.scopes import Limited, Scope
from strategies.registry import registry
from strategies.runner import Runner
from strategies.signal import Signal, Target
from trading.book import Book
from trading.charges import Product, Rates
from trading.instrument import Instrument, to_e4
from trading.order import Order, OrderStatus, OrderType, Side, Terms, Validity
from trading.paper import PaperTerms
from trading.session import SECOND
from trading.tick import Depth, Level, Tick

OPEN = 1_680_493_500 * SECOND  # 3 April 2023, 09:15 in India
SBIN = Instrument(1, "SBIN", Decimal("0.05"))
TCS = Instrument(2, "TCS", Decimal("0.10"))
NAMESPACE = UUID(int=7)
MILLION = Decimal(1_000_000)
Fills = list[tuple[int, int, str]]  # tick, quantity, price
NO_SLIPPAGE = PaperTerms(slippage_bps=Decimal(0))
MIS = Rates(
    product=Product.MIS,
    exchange="NSE",
    valid_from=date(2020, 1, 1),
    brokerage=Decimal("0.0003"),
    brokerage_cap=Decimal(20),
    stt_buy=Decimal(0),
    stt_sell=Decimal("0.00025"),
    transaction=Decimal("0.0000297"),
    ipft=Decimal("0.000001"),
    sebi=Decimal("0.000001"),
    stamp_buy=Decimal("0.00003"),
    gst=Decimal("0.18"),
)


def rupees(price: Decimal | int | str) -> int:
    return to_e4(Decimal(price))


def tick(
    number: int,
    price: Decimal | int | str,
    instrument: Instrument = SBIN,
    seconds: float | None = None,
    **more,
) -> Tick:
    """A second after the tick before it, unless told otherwise."""
    after = number if seconds is None else seconds
    return Tick(number, instrument, rupees(price), OPEN + int(after * SECOND), **more)


def ticks(prices: Iterable[Decimal | int | str], instrument: Instrument = SBIN) -> list[Tick]:
    return [tick(number, price, instrument) for number, price in enumerate(prices, start=1)]


def depth(bids: Iterable[tuple[str, int]] = (), asks: Iterable[tuple[str, int]] = ()) -> Depth:
    return Depth(*(tuple(Level(rupees(p), q) for p, q in side) for side in (bids, asks)))


def order(
    signed_quantity: int,
    order_type: OrderType = OrderType.MARKET,
    *,
    limit: str | None = None,
    trigger: str | None = None,
    validity: Validity = Validity.DAY,
    minutes: int | None = None,
    instrument: Instrument = SBIN,
    strategy: int = 1,
    placed: Tick | None = None,
    name: str = "order",
) -> Order:
    """Placed at tick 0 at the open unless told otherwise."""
    limit_e4, trigger_e4 = (None if price is None else rupees(price) for price in (limit, trigger))
    return Order(
        id=uuid5(NAMESPACE, name),
        strategy=strategy,
        instrument=instrument,
        side=Side.of(signed_quantity),
        quantity=abs(signed_quantity),
        terms=Terms(order_type, limit_e4, trigger_e4, validity, minutes),
        placed_tick=placed.number if placed else 0,
        placed_time=placed.time if placed else OPEN,
    )


def signal(target: Target | int, at: Tick, *, previous: str | None = None, strategy: int = 1, n: int = 0) -> Signal:
    """What a strategy that was flat before says at a tick."""
    wanted = target if isinstance(target, Target) else Target(target)
    return Signal(
        id=uuid5(NAMESPACE, f"signal {strategy} {at.number} {n}"),
        strategy=strategy,
        tick=at.number,
        n=n,
        instrument=at.instrument,
        side=Side.of(wanted.position),
        quantity=abs(wanted.position),
        target=wanted.position,
        terms=wanted.terms(),
        time=at.time,
        arrival=at.arrival,
        price_e4=at.price_e4,
        previous_e4=None if previous is None else rupees(previous),
        marks={at.instrument.id: at.price_e4},
    )


def book(slippage_bps: str = "5", latency_ms: int = 0, cash: Decimal = MILLION) -> Book:
    terms = PaperTerms(Decimal(slippage_bps), latency_ms)
    return Book(starting_cash=cash, cash=cash, rates_on=lambda *_: MIS, terms=terms)


def meet(an_order: Order, *some_ticks: Tick, terms: PaperTerms = NO_SLIPPAGE) -> tuple[Fills, OrderStatus]:
    """Fills (tick, quantity, price) of an order and what became of it."""
    a_book = book(str(terms.slippage_bps), terms.latency_ms)
    a_book.place(an_order)
    for one in some_ticks:
        a_book.meet(one)
    return [(f.tick, f.quantity, str(f.price)) for f in a_book.fills], an_order.status


def decider(limits: Limits = NO_LIMITS, of_book: Book | None = None) -> Decider:
    return Decider(of_book or book(), Limited([Scope(limits)]))


def runner(type_name: str, ordinal: int = 1, **parameters: object) -> Runner:
    types = registry()
    return Runner(
        id=uuid5(NAMESPACE, f"runner {ordinal}"),
        ordinal=ordinal,
        strategy=types.find(type_name),
        parameters=types.parameters(type_name, parameters),
    )
