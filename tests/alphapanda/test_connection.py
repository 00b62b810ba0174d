"""What Redis is told goes together; nothing of it is lost silently."""

from itertools import count

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from redis import ResponseError
from redis.connection import Connection
from structlog.testing import capture_logs

from alphapanda.connection import gathered, replies, reply, tell


def test_what_is_told_goes_with_the_next_question(redis):
    with gathered():
        tell(lambda r: r.set("ap:one", 1))
        assert not redis.exists("ap:one")
        assert reply(lambda r: r.get("ap:one")) == b"1"
        tell(lambda r: r.set("ap:two", 2))
        assert replies(lambda r: r.get("ap:one"), lambda r: r.get("ap:two")) == [b"1", b"2"]


def test_who_asks_nothing_has_no_answers_of_others(redis):
    with gathered():
        tell(lambda r: r.set("ap:one", 1))
        assert replies() == []


def test_what_is_told_last_goes_at_the_end_also_after_an_error(redis):
    with pytest.raises(ZeroDivisionError), gathered(), gathered():
        tell_and_fail()
    assert redis.get("ap:one") == b"1"


def tell_and_fail() -> None:
    tell(lambda r: r.set("ap:one", 1))
    raise ZeroDivisionError


def test_without_a_gathering_each_goes_by_itself(redis):
    tell(lambda r: r.set("ap:one", 1))
    assert reply(lambda r: r.get("ap:one")) == b"1"
    assert replies(lambda r: r.get("ap:one"), lambda r: r.exists("ap:two")) == [b"1", 0]


def test_events_that_are_lost_are_counted_and_everything_else_is_carried_out(redis):
    """Losing one loses nothing."""
    redis.set("ap:text", 1)
    with capture_logs() as logs, gathered():
        tell(lambda r: r.xadd("ap:text", {"a": 1}), events=3)
        tell(lambda r: r.xadd("ap:events", {"a": 1}), events=4)
        assert reply(lambda r: r.get("ap:text")) == b"1"
        tell(lambda r: r.set("ap:one", 1))
    assert [(entry["event"], entry["count"]) for entry in logs] == [("events_lost", 3)]
    assert redis.exists("ap:one")


def test_what_fails_beside_events_is_an_error_and_loses_none(redis):
    redis.set("ap:text", 1)
    with capture_logs() as logs, pytest.raises(ResponseError):
        tell_what_fails()
    assert (logs, redis.xlen("ap:events"), redis.exists("ap:one")) == ([], 1, 1)


def tell_what_fails() -> None:
    with gathered():
        tell(lambda r: r.xadd("ap:events", {"a": 1}), events=3)
        tell(lambda r: r.hset("ap:text", "a", 1))
        tell(lambda r: r.set("ap:one", 1))


def test_who_is_interrupted_leaves_neither_a_gathering_nor_replies_behind(redis, monkeypatch):
    redis.set("ap:one", 1)
    redis.set("ap:two", 2)
    monkeypatch.setattr(Connection, "read_response", interrupting(Connection.read_response))
    with capture_logs() as logs, pytest.raises(SoftTimeLimitExceeded):
        tell_and_ask()
    monkeypatch.undo()
    assert [(entry["event"], entry["count"]) for entry in logs] == [("events_lost", 3)]
    assert [reply(lambda r: r.get("ap:two")) for _ in range(3)] == [b"2"] * 3
    tell(lambda r: r.set("ap:three", 3))
    assert redis.exists("ap:three")


def interrupting(real):
    """Between two replies, as a signal may."""
    calls = count()

    def read_response(*given, **named):
        if next(calls) == 1:
            raise SoftTimeLimitExceeded
        return real(*given, **named)

    return read_response


def tell_and_ask() -> None:
    with gathered():
        tell(lambda r: r.xadd("ap:events", {"a": 1}), events=3)
        replies(lambda r: r.get("ap:one"), lambda r: r.get("ap:one"))
