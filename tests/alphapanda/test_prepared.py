from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.db.models import QuerySet

from alphapanda.prepared import prepared
from alphapanda.statements import fetch
from portfolio.models import Portfolio
from strategies.models import Signal, Strategy
from tests import rows
from trading.models import Order

pytestmark = pytest.mark.django_db


def found(portfolio: int, after: int, until: int) -> QuerySet[Signal]:
    """Arguments of another order in the query than in the call, one of them twice, and constants."""
    between = Signal.objects.filter(is_decided=True, tick__lte=until, tick__gt=after, portfolio=portfolio, side="BUY")
    return between.exclude(tick=until).order_by("-tick")[:2]


def numbers(portfolio: int) -> QuerySet[Order, tuple[int, int]]:
    return Order.objects.filter(portfolio=portfolio).order_by("placed_tick").values_list("placed_tick", "quantity")


@pytest.fixture
def portfolio():
    by = rows.strategy(rows.portfolio(rows.user()))
    for tick in range(1, 7):
        rows.traded(by, tick)
    return by.portfolio.pk


@pytest.mark.parametrize("arguments", [(0, 9), (1, 4), (2, 3), (3, 1)])
def test_rows_are_those_of_the_query_whatever_the_arguments(portfolio, arguments):
    first, again = prepared(found), found(portfolio, *arguments)
    assert prepared(found)(portfolio, 2, 5)[0].tick == 4
    assert [signal.pk for signal in first(portfolio, *arguments)] == [signal.pk for signal in again]
    assert first(portfolio + 1, *arguments) == []


def test_columns_are_converted_as_ever(portfolio):
    (row, *_) = prepared(found)(portfolio, 0, 9)
    same = Signal.objects.get(pk=row.pk)
    fields = [field.attname for field in Signal._meta.concrete_fields]
    assert [getattr(row, name) for name in fields] == [getattr(same, name) for name in fields]


@pytest.mark.parametrize(
    "text",
    [
        '{"1": 5, "a": [1.10, null, true, "\\u20b9"]}',
        "null",
        '"x"',
        "123456789012345678901234567890",
        "1e400",
        "1" + 400 * "0" + ".5",
    ],
)
def test_json_is_read_as_its_field_does(portfolio, text):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE strategies_signal SET marks = %s::jsonb", [text])
    (row, *_) = prepared(found)(portfolio, 0, 9)
    assert repr(row.marks) == repr(Signal.objects.get(pk=row.pk).marks)


def test_values_come_as_tuples(portfolio):
    assert prepared(numbers)(portfolio) == list(numbers(portfolio))


def test_an_argument_may_be_the_id_of_a_market(portfolio):
    market = Portfolio.objects.get(pk=portfolio).market_id

    def strategies(market: UUID, ordinal: int) -> QuerySet[Strategy, tuple[int]]:
        return Strategy.objects.filter(ordinal=ordinal, portfolio__market=market).values_list("portfolio")

    ordinal = Strategy.objects.get().ordinal
    assert prepared(strategies)(market, ordinal) == [(portfolio,)]
    assert prepared(strategies)(uuid4(), ordinal) == prepared(strategies)(market, ordinal + 1) == []


def test_it_is_compiled_once(portfolio):
    calls = []

    def counted(portfolio: int) -> QuerySet[Order]:
        calls.append(portfolio)
        return Order.objects.filter(portfolio=portfolio)

    query = prepared(counted)
    assert [len(query(portfolio)), len(query(portfolio + 1)), len(query(portfolio))] == [6, 0, 6]
    assert len(calls) == 1


def named(portfolio: int) -> QuerySet[Strategy]:
    return Strategy.objects.filter(portfolio=portfolio, name="50% off 'all'")


def test_constants_are_in_the_text_where_indexes_with_a_condition_need_them(portfolio):
    wanted = rows.strategy(Portfolio.objects.get(pk=portfolio), "50% off 'all'")
    assert prepared(named)(portfolio) == [wanted]
    texts = fetch("SELECT statement FROM pg_prepared_statements WHERE statement LIKE %s", ["%strategies_strategy%"])
    assert [("50% off ''all''" in text, "$2" in text) for (text,) in texts] == [(True, False)]


def test_an_argument_by_its_name_is_refused():
    with pytest.raises(TypeError, match="by their place: portfolio"):
        prepared(named)(portfolio=1)
