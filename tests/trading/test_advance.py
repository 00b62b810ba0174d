from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as some

from tests.builders import SBIN, TCS, book, order, tick
from trading.advance import advance
from trading.order import OrderType, Validity
from trading.ticks import Ticks


@dataclass(frozen=True)
class Placing:
    """Places an order, or cancels what the strategy has resting when `quantity` is 0."""

    tick: int
    strategy: int
    quantity: int
    order_type: OrderType
    validity: Validity
    offset: int

    def at(self, a_book, instrument):
        if not self.quantity:
            a_book.cancel(self.strategy, self.tick)
            return
        price = str(100 + self.offset)
        a_book.place(
            order(
                self.quantity,
                self.order_type,
                limit=price if self.order_type.has_limit else None,
                trigger=price if self.order_type.has_trigger else None,
                validity=self.validity,
                minutes=1 if self.validity is Validity.TTL else None,
                instrument=instrument,
                strategy=self.strategy,
                placed=tick(self.tick, 1),
                name=repr(self),
            )
        )


LENGTH = 40
INSTRUMENTS = {1: SBIN, 2: TCS, 3: SBIN}
EVENTS = some.builds(
    Placing,
    tick=some.integers(1, LENGTH),
    strategy=some.integers(1, 3),
    quantity=some.integers(-5, 5),
    order_type=some.sampled_from(OrderType),
    validity=some.sampled_from(Validity),
    offset=some.integers(-3, 3),
)
PATHS = some.lists(some.tuples(some.integers(96, 104), some.booleans()), min_size=LENGTH, max_size=LENGTH)
CUTS = some.sets(some.integers(1, LENGTH - 1))


def log(path):
    """Ticks ten seconds apart, in two instruments."""
    return [tick(n, p, SBIN if s else TCS, seconds=10 * n) for n, (p, s) in enumerate(path, start=1)]


def run(some_ticks, events, cuts):
    """Moves a book through the log in batches that end at the cuts."""
    a_book = book()
    start = 0
    for end in [*sorted(cuts), LENGTH]:
        part = [e for e in events if start < e.tick <= end]
        part_of_log = [Ticks.of(some_ticks[start:end])]
        advance(a_book, part_of_log, part, end, lambda e: e.at(a_book, INSTRUMENTS[e.strategy]))
        start = end
    return a_book


def ledger(a_book):
    orders = [*a_book.closed, *a_book.working]
    return a_book.fills, a_book.cash, a_book.positions, sorted(map(repr, orders)), a_book.clock


@given(PATHS, some.lists(EVENTS, max_size=25), CUTS)
def test_no_result_depends_on_where_a_batch_ended(path, events, cuts):
    ordered = sorted(events, key=lambda e: (e.tick, e.strategy))
    whole = ledger(run(log(path), ordered, set()))
    assert ledger(run(log(path), ordered, cuts)) == whole
    assert ledger(run(log(path), ordered, set(range(1, LENGTH)))) == whole


@given(PATHS, some.lists(EVENTS, max_size=25), CUTS)
def test_what_is_passed_over_would_have_changed_nothing(path, events, cuts):
    """Against the plain way: every tick is met, then what falls on it happens."""
    ordered = sorted(events, key=lambda e: (e.tick, e.strategy))
    a_book = book()
    for one in log(path):
        a_book.meet(one)
        for event in (e for e in ordered if e.tick == one.number):
            event.at(a_book, INSTRUMENTS[event.strategy])
    a_book.clock = LENGTH
    assert ledger(run(log(path), ordered, cuts)) == ledger(a_book)


def buying(at):
    return Placing(at, 1, 5, OrderType.MARKET, Validity.DAY, 0)


def test_an_order_never_meets_the_tick_that_made_it():
    a_book = run(log([(100, True)] * LENGTH), [buying(3)], set())
    assert [f.tick for f in a_book.fills] == [4]


def test_matching_comes_before_what_falls_on_the_tick():
    """What is placed at 3 has filled when the second event at 4 looks."""
    seen = []
    a_book = book()

    def act(event):
        seen.append(a_book.committed(SBIN.id) - sum(o.signed_remaining for o in a_book.working))
        event.at(a_book, SBIN)

    advance(a_book, [Ticks.of(log([(100, True)] * LENGTH))], [buying(3), buying(4), buying(4)], LENGTH, act)
    assert seen == [0, 5, 5]


def test_a_batch_of_which_nothing_is_left_moves_nothing():
    a_book, ticks = book(), Ticks.of([tick(1, 100), tick(2, 100)])
    a_book.place(order(10))
    advance(a_book, [ticks.between(2, 5)], [], 5, lambda _: None)
    assert (a_book.clock, a_book.fills) == (5, [])


def test_the_clock_stands_at_the_last_finished_tick_even_without_ticks():
    a_book = book()
    advance(a_book, [], [], 17, lambda _: None)
    assert a_book.clock == 17
    advance(a_book, [], [], 9, lambda _: None)
    assert a_book.clock == 17


def held(shares=10):
    a_book = book()
    a_book.place(order(shares))
    a_book.meet(tick(1, 100))
    return a_book


def test_a_tick_moves_a_book_only_where_orders_work_or_rules_look_at_what_is_held():
    a_book = held()
    assert (a_book.watches(SBIN.id), a_book.is_waiting) == (False, False)
    a_book.is_watched = True
    assert (a_book.watches(SBIN.id), a_book.watches(TCS.id), a_book.is_waiting) == (True, False, True)
    a_book.place(order(1, instrument=TCS))
    assert a_book.watches(TCS.id)


def test_rules_look_after_the_matching_of_a_tick_and_before_what_falls_on_it():
    seen = []
    a_book = book()
    a_book.is_watched = True

    class Looks:
        def skip(self, ticks, begin, end):
            return begin

        def look(self, at):
            seen.append(("look", at.number, a_book.committed(SBIN.id)))
            return ()

    def act(event):
        seen.append(("act", event.tick, a_book.committed(SBIN.id)))
        event.at(a_book, SBIN)

    advance(a_book, [Ticks.of(log([(100, True)] * 5))], [buying(2), buying(4)], 5, act, Looks())
    assert seen == [("act", 2, 0), ("look", 3, 5), ("look", 4, 5), ("act", 4, 5), ("look", 5, 10)]


def test_rules_that_are_off_are_not_asked():
    a_book = held()
    advance(a_book, [Ticks.of(log([(100, True)] * 5))], [], 5, lambda _: None, object())
    assert a_book.clock == 5
