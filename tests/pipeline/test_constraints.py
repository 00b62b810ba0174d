"""Doing a thing twice is refused by PostgreSQL itself, whatever the code above it believes."""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction

from alphapanda.identity import derived_id
from alphapanda.models import DeadLetter
from portfolio.models import EquityPoint, Portfolio, Position
from risk.limit_models import LimitsChange
from risk.models import Decision, Limits, TradesOfDay
from risk.watch_models import ExitRules, ExitRulesChange, Triggers, TriggersChange
from strategies.models import Shard, Signal, Strategy, StrategyVersion
from tests.pipeline.driver import Replay, bars
from trading.hours import SpecialDay, TradingHours
from trading.models import ChargeRate, Fill, Gap, Instrument, LastPrice, Market, Order

UNIQUE_INDEXES = """
SELECT array_agg(a.attname::text), i.indnullsnotdistinct
FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
WHERE i.indrelid = %s::regclass AND i.indisunique AND NOT i.indisprimary
GROUP BY i.indexrelid, i.indnullsnotdistinct
"""
CAUSES = {
    Signal: lambda row: derived_id(row.version_id, f"{row.tick}:{row.n}"),
    Decision: lambda row: derived_id(row.signal_id, "decision"),
    Order: lambda row: derived_id(row.decision_id, "order"),
    Fill: lambda row: derived_id(row.order_id, str(row.n)),
}
pytestmark = pytest.mark.django_db(transaction=True)
UNIQUE = {  # by what a row is one of its kind, beside its primary key
    ChargeRate: [{"product", "exchange", "valid_from"}],
    DeadLetter: [{"fingerprint"}],
    Decision: [{"signal"}],
    EquityPoint: [{"portfolio", "minute"}],
    ExitRules: [{"portfolio", "strategy", "instrument"}],
    ExitRulesChange: [{"of", "version"}],
    Fill: [{"order", "n"}],
    Gap: [{"market", "first", "last", "reader"}],
    Instrument: [{"exchange", "symbol"}],
    LastPrice: [{"market", "instrument"}],
    Limits: [{"portfolio", "user", "strategy", "instrument"}],
    LimitsChange: [{"limits", "version"}],
    Market: [{"name"}],
    Order: [{"decision", "slice"}],
    Portfolio: [{"user", "name"}],
    Position: [{"strategy", "instrument"}],
    Shard: [{"market", "number"}],
    Signal: [{"version", "tick", "n"}],
    SpecialDay: [{"exchange", "day"}],
    Strategy: [{"portfolio", "ordinal"}, {"portfolio", "name"}],
    StrategyVersion: [{"strategy", "number"}],
    TradesOfDay: [{"strategy", "trade_date"}],
    TradingHours: [{"exchange", "valid_from"}],
    Triggers: [{"portfolio"}],
    TriggersChange: [{"of", "version"}],
}
EMPTY_IS_EMPTY = (Limits, ExitRules)
OURS = ("alphapanda", "trading", "strategies", "risk", "portfolio")
COPIED = [
    *(ChargeRate, Decision, EquityPoint, Fill, Gap, Instrument, LastPrice, Limits, Market, Order, Portfolio, Position),
    *(Shard, Signal, Strategy, StrategyVersion, TradesOfDay),
]
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


@pytest.mark.django_db
def test_postgres_itself_knows_what_is_one_of_its_kind():
    """Of every table of ours, whatever the models say."""
    ours = [model for model in apps.get_models() if model._meta.app_label in OURS]
    for model in ours:
        wanted = [(_columns(model, names), model in EMPTY_IS_EMPTY) for names in UNIQUE.get(model, [])]
        assert (model, _unique_in_postgres(model)) == (model, sorted(wanted))


def _columns(model: type[models.Model], names: set[str]) -> list[str]:
    return sorted(model._meta.get_field(name).column for name in names)


def _unique_in_postgres(model: type[models.Model]) -> list[tuple[list[str], bool]]:
    """Columns of every unique index, and whether an empty one is equal to another empty one."""
    with connection.cursor() as cursor:
        cursor.execute(UNIQUE_INDEXES, [model._meta.db_table])
        return sorted((sorted(columns), is_empty_empty) for columns, is_empty_empty in cursor.fetchall())


@pytest.mark.parametrize("model", [Signal, Decision, Order, Fill], ids=lambda m: m.__name__)
def test_id_of_a_row_says_what_caused_it(drained, model):
    """So that whoever does it again makes the same row, also where no constraint would notice."""
    for row in model.objects.all():
        assert row.pk == CAUSES[model](row)


@pytest.mark.parametrize("model", COPIED, ids=lambda m: m.__name__)
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


def test_no_instrument_goes_while_a_market_has_its_last_price(drained):
    """PostgreSQL does not look: it would lock the row of each instrument at each save."""
    instrument = Instrument.objects.create(symbol="ALONE", tick_size=Decimal("0.05"))
    _copied(LastPrice.objects.first(), instrument_id=instrument.pk).save(force_insert=True)
    with pytest.raises(models.ProtectedError):
        instrument.delete()


def _copied(row: models.Model, **values: object) -> models.Model:
    """The same row under another primary key."""
    fields = {f.attname: getattr(row, f.attname) for f in row._meta.concrete_fields if not f.primary_key}
    key = {"id": uuid4()} if isinstance(row._meta.pk, models.UUIDField) else {}
    return type(row)(**fields | key | values)
