"""At most one wake-up waits for a key; none is sent where nobody could take it."""

from uuid import uuid4

from alphapanda import pipeline
from alphapanda.connection import PREFIX, key
from alphapanda.wake import MOST_MS, TURN_MS, awake, wake

QUEUE = PREFIX + "risk"


def test_one_message_waits_at_a_time(redis):
    for _ in range(3):
        wake("stage:1", "risk", "first")
    wake("stage:2", "risk", "second")
    awake("stage:1")
    wake("stage:1", "risk", "third")
    assert redis.lrange(QUEUE, 0, -1) == [b"third", b"second", b"first"]


def test_nothing_is_sent_where_another_message_does_it_too(redis):
    wake("stage:2", "risk", "more")
    wake("stage:1", "risk", "less", unless="stage:2")
    assert redis.llen(QUEUE) == 1
    awake("stage:2")
    wake("stage:1", "risk", "less", unless="stage:2")
    assert redis.llen(QUEUE) == 2


def test_mark_of_a_message_that_was_lost_ends_by_itself(redis, settings):
    wake("stage:1", "risk", "lost")
    assert 0 < redis.pttl(key("wake", "stage:1")) <= settings.WAKE_SECONDS * 1_000


def test_mark_outlives_those_that_wait_before_its_message(redis, settings):
    redis.rpush(QUEUE, *"abcdefgh")
    wake("stage:1", "risk", "the ninth")
    assert redis.pttl(key("wake", "stage:1")) > settings.WAKE_SECONDS * 1_000 + 7 * TURN_MS


def test_no_mark_of_a_lost_message_lives_for_long(redis):
    redis.rpush(QUEUE, *range(500))
    wake("stage:1", "risk", "lost")
    assert redis.pttl(key("wake", "stage:1")) <= MOST_MS


def test_long_queue_holds_wake_ups_back_and_counts_them(redis, settings):
    settings.QUEUE_CAP = 2
    redis.rpush(QUEUE, "a", "b", "c")
    wake("stage:1", "risk", "one more")
    assert (redis.llen(QUEUE), redis.get(key("held_back", "risk"))) == (3, b"1")
    redis.delete(QUEUE)
    wake("stage:1", "risk", "one more")
    assert redis.llen(QUEUE) == 1


def test_a_nearly_full_redis_holds_them_back_too(redis, settings):
    settings.REDIS_FULL = -1.0
    wake("stage:1", "risk", "one more")
    assert not redis.exists(QUEUE)
    assert redis.get(key("held_back", "risk")) == b"1"


def test_of_shards_only_those_are_woken_that_are_not(redis, monkeypatch):
    market = uuid4()
    pipeline.wake_shards(market, [0, 1])
    awake(f"evaluate:{market}:1")
    pipeline.wake_shards(market, [0, 1])
    assert [redis.llen(f"{PREFIX}strategies.{shard}") for shard in (0, 1)] == [1, 2]
    monkeypatch.setattr(pipeline, "wake_shard", None)  # would be called for nothing
    pipeline.wake_shards(market, [0, 1])
