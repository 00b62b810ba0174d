from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import DataError, IntegrityError, transaction

from alphapanda import bulk
from portfolio.models import Position
from strategies.models import Signal
from tests import rows
from trading.models import Order
from trading.order import Side

pytestmark = pytest.mark.django_db
ODD = ["", "NULL", "a,b", '{"x"}', "back\\slash", 'quo"te', "it's", " space ", "line\nline\ttab", "₹ 🐼"]


@pytest.fixture
def follower():
    return rows.strategy(rows.portfolio(rows.user()))


def signal(by, **fields):
    common = {
        "id": uuid4(), "portfolio": by.portfolio, "strategy": by, "version": by.versions.get(), "tick": 7, "n": 0,
        "instrument": rows.instrument(), "correlation_id": uuid4(), "side": Side.BUY, "quantity": 10, "target": -10,
        "order_type": "MARKET", "validity": "DAY", "exchange_time": datetime(2025, 4, 1, 3, 45, 0, 123456, UTC),
        "price": Decimal("99.0500"),
    }  # fmt: skip
    return Signal(**common | fields)


def columns(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_every_kind_of_column_comes_back_as_it_was(follower):
    row = signal(follower, limit_price=Decimal("0.1"), confidence=0.1, is_decided=True, marks={}, arrival_time=None)
    bulk.insert([row])
    assert columns(Signal.objects.get()) == columns(row)


@pytest.mark.parametrize("text", ODD)
def test_text_comes_back_as_it_was(follower, text):
    bulk.insert([signal(follower, reason=text, marks={"1": text, text: None}), signal(follower, n=1, reason="x")])
    row = Signal.objects.get(n=0)
    assert (row.reason, row.marks) == (text, {"1": text, text: None})


@dataclass(frozen=True, slots=True)
class Value:
    rule: str
    limit: str | None


def test_values_become_json(follower):
    bulk.insert([signal(follower, marks={1: 5, 2: (Value("position", None),)})])
    assert Signal.objects.get().marks == {"1": 5, "2": [{"rule": "position", "limit": None}]}


def test_rows_that_are_there_are_refused_or_passed_over(follower):
    old, new = signal(follower), signal(follower, n=1)
    bulk.insert([old])
    with pytest.raises(IntegrityError), transaction.atomic():
        bulk.insert([old, new])
    assert Signal.objects.count() == 1
    bulk.insert([signal(follower, quantity=99), new], ignore_conflicts=True)  # the same version, tick and n
    assert sorted(Signal.objects.values_list("n", "quantity")) == [(0, 10), (1, 10)]


@pytest.mark.parametrize(
    ("fields", "error"),
    [({"quantity": 0}, IntegrityError), ({"side": "SIDEWAYS"}, DataError), ({"n": 2**31}, DataError)],
)
def test_what_a_column_does_not_hold_is_refused(follower, fields, error):
    with pytest.raises(error), transaction.atomic():
        bulk.insert([signal(follower, **fields)])


def test_an_update_writes_the_named_fields_of_the_rows_given(follower):
    one, two = rows.traded(follower, tick=1, status="OPEN").order, rows.traded(follower, tick=2, status="OPEN").order
    one.status, one.filled, one.closed_tick, one.quantity = "COMPLETE", 100, 9, 5
    bulk.update([one], ["status", "filled", "closed_tick"])
    found = Order.objects.order_by("placed_tick").values_list("status", "filled", "closed_tick", "quantity")
    assert list(found) == [("COMPLETE", 100, 9, 100), ("OPEN", two.filled, None, 100)]


def test_nothing_is_no_statement(django_assert_num_queries):
    with django_assert_num_queries(0):
        bulk.insert([])
        bulk.update([], ["status"])


def test_what_is_put_is_new_or_changes_what_is_there(follower):
    whose = {"portfolio": follower.portfolio, "strategy": follower}
    first, other = (rows.instrument(symbol) for symbol in ("SBIN", "TCS"))
    Position.objects.create(**whose, instrument=first, quantity=1, cost=100, mark=5)
    made = [Position(**whose, instrument=first, quantity=2, cost=7, mark=9), Position(**whose, instrument=other)]
    bulk.put(made, ("strategy_id", "instrument_id"), ("quantity", "mark"))
    found = Position.objects.order_by("pk").values_list("instrument", "quantity", "cost", "mark")
    assert list(found) == [(first.pk, 2, 100, 9), (other.pk, 0, 0, None)]
