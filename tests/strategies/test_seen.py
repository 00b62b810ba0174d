"""How far a shard is: what is published is a lower bound that no older holder can move."""

from uuid import uuid4

import pytest

from strategies.models import Shard
from strategies.seen import forget_seen, publish_seen, seen_again, seen_by, seen_for
from tests import rows

pytestmark = pytest.mark.django_db


def test_only_the_newest_holder_moves_it_and_only_forward(redis):
    market, seen = uuid4(), []
    for epoch, tick in ((2, 10), (2, 7), (1, 99), (2, 11), (3, 5), (3, 12), (2, 13)):
        publish_seen(market, 0, epoch, tick)
        seen.append(seen_by(market, 0))
    assert seen == [10, 10, 10, 11, 11, 12, 12]


def test_shards_and_markets_are_apart(redis):
    market, other = uuid4(), uuid4()
    publish_seen(market, 0, 1, 10)
    publish_seen(market, 1, 1, 20)
    publish_seen(other, 0, 1, 30)
    forget_seen(other)
    assert (seen_by(market, 0), seen_by(market, 1), seen_by(other, 0)) == (10, 20, 0)


def test_what_redis_has_lost_is_told_it_again_by_the_sweep(redis):
    """An older Redis came back: nobody else would tell it before the next tick, which a replay may not have."""
    portfolio = rows.portfolio(rows.user(), "p")
    place = (portfolio.market_id, portfolio.shard)
    Shard.objects.update_or_create(market_id=place[0], number=place[1], defaults={"epoch": 2, "seen": 50})
    assert seen_for(portfolio.pk) == 50
    forget_seen(place[0])
    publish_seen(*place, 1, 20)
    assert (seen_by(*place), seen_for(portfolio.pk)) == (50, 20)
    assert (seen_again(place[0]), seen_for(portfolio.pk)) == ({place[1]: 50}, 50)
