"""What grows is cut back, and the ledger is not touched."""

import os
from datetime import UTC, datetime, timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken

from alphapanda import retention
from alphapanda.celery import app
from alphapanda.connection import connection, key
from alphapanda.models import DeadLetter
from alphapanda.tasks import prune
from portfolio.models import EquityPoint, Position
from risk.models import Decision
from strategies.models import Signal
from tests import rows
from trading.models import Fill, Gap, LastPrice, Market, Order

pytestmark = pytest.mark.django_db
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _empty(redis):
    """Redis without keys."""


def points(portfolio, *moments):
    EquityPoint.objects.bulk_create(
        EquityPoint(portfolio=portfolio, minute=moment, tick=1, equity=1, cash=1) for moment in moments
    )


def replay(*, is_active=False, created_at=LONG_AGO, **fields):
    return Market.objects.create(
        name=f"replay {uuid4()}", kind="replay", is_active=is_active, created_at=created_at, **fields
    )


def last_price(market, symbol="SBIN"):
    return LastPrice.objects.create(
        market=market, instrument=rows.instrument(symbol), tick=1, price=500, exchange_time=LONG_AGO
    )


def letter(**fields):
    times = {"first_at": LONG_AGO, "last_at": LONG_AGO}
    return DeadLetter.objects.create(**{"task": "risk.decide", "fingerprint": uuid4().hex, **times, **fields})


def test_of_an_old_day_in_india_the_last_point_of_each_portfolio_stays():
    mine, other = rows.portfolio(rows.user()), rows.portfolio(rows.user("ravi"))
    midnight = datetime(2026, 1, 5, 18, 30, tzinfo=UTC)  # in India
    points(mine, *(midnight + timedelta(minutes=n) for n in (-2, -1, 0, 1)))
    points(other, midnight)
    assert retention.prune().removed == {"equity points": 2}
    kept = EquityPoint.objects.order_by("minute").values_list("portfolio", "minute")
    assert set(kept) == {
        (mine.pk, midnight - timedelta(minutes=1)),
        (mine.pk, midnight + timedelta(minutes=1)),
        (other.pk, midnight),
    }
    assert not retention.prune().removed


def test_recent_points_stay_each_minute(settings):
    portfolio, now = rows.portfolio(rows.user()), timezone.now().replace(second=0, microsecond=0)
    points(portfolio, *(now - timedelta(minutes=n) for n in range(10)))
    assert not retention.prune().removed


def test_more_than_a_chunk_is_removed_in_slices():
    portfolio = rows.portfolio(rows.user())
    start = datetime(2026, 1, 5, 4, tzinfo=UTC)
    points(portfolio, *(start + timedelta(seconds=n) for n in range(2 * retention.CHUNK + 2)))
    first = retention.prune(seconds=0)
    assert (first.removed.total(), first.is_unfinished) == (retention.CHUNK, True)
    assert retention.prune().removed == {"equity points": retention.CHUNK + 1}


def test_an_unfinished_prune_asks_for_another_slice(redis, settings):
    settings.PRUNE_SLICE_SECONDS = 0
    letter(resolved_at=LONG_AGO)
    prune.apply()
    assert redis.llen("ap:sweep") == 1
    prune.apply()
    assert redis.llen("ap:sweep") == 1


def test_the_ledger_stays_however_old_it_is():
    kept = rows.traded(rows.strategy(rows.portfolio(rows.user())))
    for row in (kept.signal, kept.decision, kept.order, kept.fill):
        type(row).objects.update(created_at=LONG_AGO)
    retention.prune()
    assert [model.objects.count() for model in (Signal, Decision, Order, Fill)] == [1, 1, 1, 1]


def test_old_gaps_go():
    for created_at in (LONG_AGO, timezone.now()):
        Gap.objects.create(market=rows.market(), first=created_at.year, last=3_000, created_at=created_at)
    assert retention.prune().removed == {"gaps": 1}


def test_letters_go_that_are_dealt_with_or_unreadable_and_open_ones_stay():
    letter(resolved_at=LONG_AGO)
    letter(task="", body="garbage")
    kept = [letter(), letter(resolved_at=timezone.now(), last_at=timezone.now())]
    assert retention.prune().removed == {"dead letters": 2}
    assert set(DeadLetter.objects.all()) == set(kept)


def test_last_prices_stay_where_a_position_is_valued_at_them():
    drained = replay()
    held = rows.position(rows.strategy(rows.portfolio(rows.user())))
    type(held.portfolio).objects.update(market=drained)
    kept = [last_price(drained), last_price(replay(is_active=True)), last_price(replay(created_at=timezone.now()))]
    last_price(drained, "TCS")
    assert retention.prune().removed == {"last prices": 1}
    assert set(LastPrice.objects.all()) == set(kept)
    assert Position.objects.count() == 1


def test_files_go_of_drained_replays_and_of_those_that_never_began(settings, tmp_path):
    settings.ALPHAPANDA_HOME = tmp_path
    (tmp_path / "replays").mkdir()
    files = {name: tmp_path / "replays" / name for name in ("drained", "runs", "fresh", "abandoned", "being written")}
    for path in files.values():
        path.touch()
    replay(spool=files["drained"])
    replay(spool=files["runs"], is_active=True)
    replay(spool=files["fresh"], created_at=timezone.now())
    os.utime(files["abandoned"], (0, 0))
    assert retention.prune().removed == {"replay files": 2}
    assert {name for name, path in files.items() if path.exists()} == {"runs", "fresh", "being written"}


def test_keys_of_drained_replays_go_and_those_of_others_stay(redis):
    drained, running, mock = replay(), replay(is_active=True), rows.market()
    for market in (drained, running, mock):
        connection().hset(key("seen", market.pk), "0", "1:1")
        connection().hset(key("awaited", market.pk, 0), "1", "{}")
    assert retention.prune().removed == {"keys in Redis": 2}
    assert len(redis.keys()) == 4


def test_expired_tokens_and_sessions_go():
    fresh, expired = RefreshToken.for_user(rows.user()), RefreshToken.for_user(rows.user("ravi"))
    for token in (fresh, expired):
        token.blacklist()
    OutstandingToken.objects.filter(jti=expired["jti"]).update(expires_at=LONG_AGO)
    Session.objects.create(session_key="old", session_data="", expire_date=LONG_AGO)
    assert retention.prune().removed == {"tokens": 1, "sessions": 1}
    assert BlacklistedToken.objects.get().token.jti == fresh["jti"]


def test_the_command_says_what_it_removed():
    letter(resolved_at=LONG_AGO)
    call_command("prune", stdout=(said := StringIO()))
    assert said.getvalue() == "1 dead letters\npruned\n"


def test_beat_asks_for_it_every_hour():
    entry = app.conf.beat_schedule["prune"]
    assert entry["schedule"].minute == {17}
    assert len(entry["schedule"].hour) == 24
