"""What Redis is told goes together; nothing of it is lost silently."""

import pytest
from redis import ResponseError
from structlog.testing import capture_logs

from alphapanda.connection import answer, answers, gathered, tell


def test_what_is_told_goes_with_the_next_question(redis):
    with gathered():
        tell(lambda r: r.set("ap:one", 1))
        assert not redis.exists("ap:one")
        assert answer(lambda r: r.get("ap:one")) == b"1"
        tell(lambda r: r.set("ap:two", 2))
        assert answers(lambda r: r.get("ap:one"), lambda r: r.get("ap:two")) == [b"1", b"2"]


def test_what_is_told_last_goes_at_the_end_also_after_an_error(redis):
    with pytest.raises(ZeroDivisionError), gathered(), gathered():
        tell_and_fail()
    assert redis.get("ap:one") == b"1"


def tell_and_fail() -> None:
    tell(lambda r: r.set("ap:one", 1))
    raise ZeroDivisionError


def test_without_a_gathering_each_goes_by_itself(redis):
    tell(lambda r: r.set("ap:one", 1))
    assert answer(lambda r: r.get("ap:one")) == b"1"
    assert answers(lambda r: r.get("ap:one"), lambda r: r.exists("ap:two")) == [b"1", 0]


def test_events_that_are_lost_are_counted_and_the_rest_is_carried_out(redis):
    redis.set("ap:text", 1)
    with capture_logs() as logs, pytest.raises(ResponseError):
        tell_a_text()
    assert [(entry["event"], entry["count"]) for entry in logs] == [("events_lost", 3)]
    assert redis.exists("ap:one")


def tell_a_text() -> None:
    with gathered():
        tell(lambda r: r.hset("ap:text", "a", 1), events=3)
        tell(lambda r: r.set("ap:one", 1))
