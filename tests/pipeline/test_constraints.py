"""Doing a thing twice is refused by PostgreSQL itself, whatever the code above it believes."""

from uuid import uuid4

import pytest
from django.db import IntegrityError, models, transaction

from portfolio.models import EquityPoint, Portfolio, Position
from risk.models import Decision, Limits
from strategies.models import Shard, Signal, Strategy, StrategyVersion
from tests.pipeline.driver import Replay, bars
from trading.models import ChargeRate, Fill, Gap, Instrument, LastPrice, Market, Order

pytestmark = pytest.mark.django_db(transaction=True)
UNIQUE = {  # by what a row is one of its kind
    ChargeRate: {"product", "exchange", "valid_from"},
    Decision: {"signal"},
    EquityPoint: {"portfolio", "minute"},
    Fill: {"order", "n"},
    Gap: {"market", "first", "last", "reader"},
    Instrument: {"exchange", "symbol"},
    LastPrice: {"market", "instrument"},
    Limits: {"portfolio"},
    Market: {"name"},
    Order: {"decision"},
    Portfolio: {"user", "name"},
    Position: {"strategy", "instrument"},
    Shard: {"market", "number"},
    Signal: {"version", "tick", "n"},
    Strategy: {"portfolio", "ordinal"},
    StrategyVersion: {"strategy", "number"},
}
EXAMPLES = {  # values for what is told apart by more than one set of fields
    Strategy: {"name": "another"},
    Limits: {},
}


@pytest.fixture
def drained(tmp_path, redis) -> Replay:
    replay = Replay.of([bars(tmp_path / "HDFCBANK.csv", 4, 60)])
    replay.drain()
    EquityPoint.objects.create(portfolio=replay.portfolio, minute="2025-04-01T09:15Z", tick=1, equity=1_000, cash=1_000)
    Gap.objects.create(market=replay.portfolio.market, first=1, last=2, reason="test")
    return replay


@pytest.mark.parametrize("model", UNIQUE, ids=lambda m: m.__name__)
def test_second_row_of_the_same_thing_is_refused(drained, model):
    again = _copied(model.objects.order_by("pk").first(), **EXAMPLES.get(model, {}))
    with pytest.raises(IntegrityError), transaction.atomic():
        again.save(force_insert=True)


@pytest.mark.parametrize("model", [Signal, Decision, Order, Fill], ids=lambda m: m.__name__)
def test_row_of_the_ledger_has_the_id_of_what_caused_it(drained, model):
    again = model.objects.order_by("pk").first()
    with pytest.raises(IntegrityError), transaction.atomic():
        again.save(force_insert=True)


def test_strategies_of_a_portfolio_are_told_apart_by_name_too(drained):
    again = _copied(Strategy.objects.first(), ordinal=77)
    with pytest.raises(IntegrityError), transaction.atomic():
        again.save(force_insert=True)


def test_there_is_one_row_of_limits_for_new_portfolios(drained):
    with pytest.raises(IntegrityError), transaction.atomic():
        Limits.objects.bulk_create([Limits(portfolio=None), Limits(portfolio=None)])


def test_no_row_of_the_ledger_goes_while_another_rests_on_it(drained):
    for model in (Signal, Decision, Order, Portfolio, Strategy, StrategyVersion):
        with pytest.raises(models.ProtectedError):
            model.objects.all().delete()


def _copied(row: models.Model, **values: object) -> models.Model:
    """The same row under another primary key."""
    fields = {f.attname: getattr(row, f.attname) for f in row._meta.concrete_fields if not f.primary_key}
    key = {"id": uuid4()} if isinstance(row._meta.pk, models.UUIDField) else {}
    return type(row)(**fields | key | values)
