"""Lists that are filtered far from their newest rows do not walk the history."""

from datetime import timedelta

import pytest
from django.db import connection

from risk.models import Decision
from strategies.models import Signal
from tests import rows
from trading.models import Fill, Order

pytestmark = pytest.mark.django_db


@pytest.fixture
def portfolio():
    by = rows.strategy(rows.portfolio(rows.user()))
    for tick in range(1, 60):
        rows.traded(by, tick)
    with connection.cursor() as cursor:
        for model in (Decision, Fill, Order, Signal):
            cursor.execute(f'ANALYZE "{model._meta.db_table}"')
        cursor.execute("SET LOCAL enable_seqscan = off")
    return by.portfolio


def test_denied_decisions_have_an_index_of_their_own(portfolio):
    denied = Decision.objects.filter(portfolio=portfolio, approved=False)[:51]
    assert "decisions_denied" in denied.explain()


@pytest.mark.parametrize(
    ("model", "field", "index"),
    [
        (Decision, "exchange_time", "decisions_by_time"),
        (Fill, "exchange_time", "fills_by_time"),
        (Order, "placed_time", "orders_by_time"),
        (Signal, "exchange_time", "signals_by_time"),
    ],
)
def test_a_moment_is_found_by_a_small_index(portfolio, model, field, index):
    """By its kind it costs a write nothing: it says of blocks of the table which times they hold."""
    begin = rows.OPEN + timedelta(minutes=5)
    found = model.objects.filter(**{f"{field}__gte": begin, f"{field}__lt": begin + timedelta(minutes=1)}).order_by()
    assert index in found.explain()
    assert found.count() == 1
