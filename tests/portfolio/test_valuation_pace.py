"""Portfolios are valued a few times a second, however much is traded; the sweep comes again."""

import pytest

from alphapanda.connection import connection, key
from portfolio import tasks
from portfolio.models import Portfolio
from tests import rows

NOBODY = 987_654
pytestmark = pytest.mark.django_db


def valuation(portfolio) -> bytes | None:
    return connection().get(key("valuation", portfolio.pk))


@pytest.fixture(autouse=True)
def slow_pace(settings):
    settings.VALUED_MS = 60_000


def test_a_live_portfolio_is_valued_once_in_a_while_and_a_replays_every_time(redis):
    live = rows.portfolio(rows.user(), "live")
    tasks.value(live.pk)
    assert valuation(live)
    connection().delete(key("valuation", live.pk))
    tasks.value(live.pk)
    assert valuation(live) is None
    live.market.kind = "replay"
    live.market.save(update_fields=["kind"])
    tasks.value(live.pk)
    assert valuation(live)


def test_a_valuation_that_failed_is_due_at_once(redis):
    with pytest.raises(Portfolio.DoesNotExist):
        tasks.value(NOBODY)
    late = rows.portfolio(rows.user(), "late", pk=NOBODY)
    tasks.value(late.pk)
    assert valuation(late)
