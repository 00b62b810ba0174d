"""At most one wake-up waits for a key; none is sent where nobody could take it."""

from dataclasses import dataclass

from alphapanda.connection import PREFIX, key
from alphapanda.wake import awake, wake


@dataclass
class Post:
    """Stands for a message."""

    sent: int = 0

    def apply_async(self) -> None:
        self.sent += 1


def test_one_message_waits_at_a_time(redis):
    post = Post()
    assert [wake("stage:1", "risk", lambda: post) for _ in range(3)] == [True, False, False]
    assert wake("stage:2", "risk", lambda: post)
    awake("stage:1")
    assert wake("stage:1", "risk", lambda: post)
    assert post.sent == 3


def test_mark_of_a_message_that_was_lost_ends_by_itself(redis, settings):
    wake("stage:1", "risk", Post)
    assert 0 < redis.pttl(key("wake", "stage:1")) <= settings.WAKE_SECONDS * 1_000


def test_long_queue_holds_wake_ups_back_and_counts_them(redis, settings):
    settings.QUEUE_CAP, post = 2, Post()
    redis.rpush(PREFIX + "risk", "a", "b", "c")
    assert not wake("stage:1", "risk", lambda: post)
    assert (post.sent, redis.get(key("held_back", "risk"))) == (0, b"1")
    redis.delete(PREFIX + "risk")
    assert wake("stage:1", "risk", lambda: post)
