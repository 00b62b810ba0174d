"""Portfolios are valued a few times a second, however much is traded; the sweep comes again."""

from base64 import b64decode

import msgspec
import pytest
from django.db import DataError

from alphapanda import pipeline
from alphapanda import settings as default_settings
from alphapanda.celery import SWEEP_SECONDS
from alphapanda.connection import PREFIX, connection, key
from portfolio import services, tasks
from portfolio.models import EquityPoint, Portfolio, Position
from portfolio.services import due
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
    assert due([portfolio.pk]) == [portfolio.pk] * is_valued_again
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


@pytest.fixture
def holding(redis):
    """Twelve portfolios that hold something."""
    owner = rows.user()
    held = [rows.portfolio(owner, f"number {number}") for number in range(12)]
    for portfolio in held:
        rows.position(rows.strategy(portfolio))
    return held


def waiting() -> list[list[int]]:
    """What the messages of the queue ask for, the first one first."""
    sent = [msgspec.json.decode(message) for message in reversed(connection().lrange(PREFIX + "portfolio", 0, -1))]
    return [msgspec.json.decode(b64decode(message["body"]))[0] for message in sent]


def test_the_sweep_asks_for_many_with_few_messages_and_each_is_valued_as_alone(holding):
    pipeline.sweep()
    pks = [portfolio.pk for portfolio in holding]
    assert waiting() == [pks[:10], pks[10:]]
    pipeline.sweep()
    assert waiting() == [pks[:10], pks[10:]]
    for asked in waiting():
        tasks.value(*asked)
    assert EquityPoint.objects.filter(equity=1_051_000).count() == 12
    together = [services.summary(portfolio) for portfolio in holding]
    assert together == [services.revalue(pk)["summary"] for pk in pks]
    assert services.due(pks) == []


def test_one_that_cannot_be_valued_fails_for_itself(holding):
    first, ill, last = (portfolio.pk for portfolio in holding[:3])
    Position.objects.filter(portfolio=ill).update(quantity=10**15, mark=10**9)  # more than a ledger has places for
    tasks.value(first, ill, last)
    assert (waiting(), services.due([first, ill, last])) == ([[first], [ill], [last]], [first, ill, last])
    tasks.value(first)
    with pytest.raises(DataError):
        tasks.value(ill)
    tasks.value(last)
    assert services.due([first, ill, last]) == [ill]
