"""Portfolios are valued a few times a second, however much is traded; the sweep comes again."""

import pytest

from alphapanda import settings as default_settings
from alphapanda.celery import SWEEP_SECONDS
from alphapanda.connection import connection, key
from portfolio import tasks
from portfolio.models import Portfolio
from portfolio.services import is_due
from tests import rows
from trading.awaited import note_awaited
from trading.bookkeeping import open_book
from trading.models import Market
from trading.tasks import execute

NOBODY = 987_654
pytestmark = pytest.mark.django_db


def valuation(portfolio) -> bytes | None:
    return connection().get(key("valuation", portfolio.pk))


@pytest.fixture(autouse=True)
def slow_pace(settings):
    settings.VALUED_MS = 60_000


@pytest.mark.parametrize(
    ("kind", "last_tick", "is_valued_again"),
    [("live", None, False), ("mock", None, False), ("replay", 9, False), ("replay", 6, True), ("replay", 5, False)],
)
def test_a_portfolio_is_valued_once_in_a_while_and_once_at_the_end_of_a_replay(redis, kind, last_tick, is_valued_again):
    portfolio = rows.portfolio(rows.user(), kind, clock=5)
    Market.objects.update(kind=kind, last_tick=last_tick)
    tasks.value(portfolio.pk)
    assert valuation(portfolio)
    connection().delete(key("valuation", portfolio.pk))
    portfolio.clock = 6
    note_awaited(portfolio, open_book(portfolio).book)
    assert is_due(portfolio.pk) is is_valued_again
    tasks.value(portfolio.pk)
    assert bool(valuation(portfolio)) is is_valued_again
    assert execute.run(portfolio.pk) is is_valued_again


def test_every_sweep_finds_a_portfolio_due():
    assert default_settings.VALUED_MS < SWEEP_SECONDS * 1_000


def test_a_valuation_that_failed_is_due_at_once(redis):
    with pytest.raises(Portfolio.DoesNotExist):
        tasks.value(NOBODY)
    late = rows.portfolio(rows.user(), "late", pk=NOBODY)
    tasks.value(late.pk)
    assert valuation(late)
