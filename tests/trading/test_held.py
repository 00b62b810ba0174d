"""Positions are loaded once while nobody changes them, and never taken for what they were before."""

import pytest
from django.db import transaction
from django.db.models import F

from alphapanda.management.commands.seed import seed_reference
from portfolio.models import Portfolio, Position
from tests import rows
from tests.builders import tick
from trading import held
from trading.bookkeeping import locked_book, save_book

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def strategy():
    seed_reference()
    made = rows.strategy(rows.portfolio(rows.user()))
    rows.position(made, quantity=100)
    return made


def opened(strategy):
    with transaction.atomic():
        return locked_book(strategy.portfolio_id)


def failing(strategy):
    with transaction.atomic():
        locked_book(strategy.portfolio_id)
        raise ZeroDivisionError


def quantities(book):
    return [position.quantity for position in book.book.positions.values()]


def test_positions_are_loaded_once(strategy):
    first, again = opened(strategy), opened(strategy)
    assert quantities(again) == [100]
    assert again.book is first.book


def test_positions_that_another_process_has_changed_are_loaded_anew(strategy):
    opened(strategy)
    Position.objects.update(quantity=7)
    Portfolio.objects.update(book_version=F("book_version") + 1)
    assert quantities(opened(strategy)) == [7]


def test_a_fill_of_somebody_who_knows_no_versions_is_found_by_its_cash(strategy):
    """A worker of the release before, or a ledger that was put back and has come to the same version otherwise."""
    opened(strategy)
    Position.objects.update(quantity=7)
    Portfolio.objects.update(cash=F("cash") - 1)
    assert quantities(opened(strategy)) == [7]


def test_nothing_is_kept_of_a_transaction_that_failed(strategy):
    opened(strategy)
    with pytest.raises(ZeroDivisionError):
        failing(strategy)
    assert held.take(strategy.portfolio_id) is held.NOTHING


def fill_one(strategy):
    rows.traded(strategy, status="OPEN")
    with transaction.atomic():
        book = locked_book(strategy.portfolio_id)
        book.book.meet(tick(5_000, 100, next(iter(book.book.working)).instrument))
        save_book(book)
    return book


def test_a_fill_makes_another_version(strategy):
    instrument = Position.objects.get().instrument_id
    book = fill_one(strategy)
    kept = held.take(strategy.portfolio_id)
    assert kept.version == Portfolio.objects.get().book_version == 1
    assert kept.book is book.book
    assert str(kept.book.positions) == str(opened(strategy).book.positions)
    assert kept.book.positions[0, instrument].quantity == 200


def test_a_position_that_is_new_is_kept_with_the_ledgers_decimals(strategy):
    Position.objects.all().delete()
    fill_one(strategy)
    kept = held.take(strategy.portfolio_id).book
    assert len(kept.positions) == 1
    assert str(kept.positions) == str(opened(strategy).book.positions)


def test_what_was_opened_longest_ago_makes_room(strategy, monkeypatch):
    opened(strategy)
    other = rows.strategy(rows.portfolio(strategy.portfolio.user, "other"))
    rows.position(other)
    monkeypatch.setattr(held, "MOST", 2 * held.BOOK + 1)
    opened(other)
    assert held.take(strategy.portfolio_id) is held.NOTHING
    assert held.take(other.portfolio_id).version == 0


def test_what_is_kept_is_opened_as_it_is_stored(strategy):
    opened(strategy).book.is_watched = True
    Portfolio.objects.update(cash=5, clock=9)
    rows.traded(strategy, status="OPEN")
    book = opened(strategy).book
    assert (book.cash, book.clock, len(book.working), book.is_watched) == (5, 9, 1, False)
