"""What could not be done is kept with its reason, and is really done when it is sent again."""

import json
from datetime import UTC, datetime
from io import StringIO

import pytest
from celery import current_app
from django.core.management import CommandError, call_command
from django.db import OperationalError

from alphapanda import dead_letters, letterbox
from alphapanda.letterbox import Letter, post
from alphapanda.models import DeadLetter
from alphapanda.tasks import sweep
from portfolio.models import EquityPoint, Portfolio
from portfolio.tasks import value
from tests import pages, rows
from tests.workers import is_idle, wait_for, worker
from trading.models import Market
from trading.tasks import ingest

NOBODY = 987_654
UNREADABLE = {
    "bytes that are no text": b"\xff\xfe\x00garbage",
    "text that is no JSON": b"garbage",
    "JSON that is no message": b"[1, 2]",
    "no properties": b"{}",
    "a body that is not base64": json.dumps(
        {
            "body": "x",
            "content-type": "application/json",
            "content-encoding": "utf-8",
            "headers": {},
            "properties": {
                "body_encoding": "base64",
                "delivery_tag": "1",
                "delivery_info": {"exchange": "", "routing_key": "portfolio"},
            },
        }
    ).encode(),
}


def message(body="W1tdLCB7fSwge31d", content_type="application/json", **headers):
    """As kombu writes it; the body is [[], {}, {}]."""
    properties = {
        "body_encoding": "base64",
        "delivery_tag": str(headers),
        "delivery_info": {"exchange": "", "routing_key": "portfolio"},
    }
    whole = {"body": body, "content-type": content_type, "content-encoding": "utf-8", "headers": headers}
    return json.dumps({**whole, "properties": properties}).encode()


UNUSABLE = {
    "names no task": message(),
    "a task that is no text": message(task=[], id="1"),
    "no id": message(task="portfolio.value"),
    "an unknown task": message(task="portfolio.nonsense", id="1"),
    "a body that is no JSON": message(body="////", task="portfolio.value", id="1"),
    "pickle": message(content_type="application/x-python-serialize", task="portfolio.value", id="1"),
    "a body of another shape": message(body="NQ==", task="portfolio.value", id="1"),
    "an end that is no time": message(task="portfolio.value", id="1", expires="soon"),
    "a limit that no timer takes": message(task="portfolio.value", id="1", timelimit=[1e300, 1e300]),
    "limits before the beginning": message(task="portfolio.value", id="1", timelimit=[-1, -2]),
}


@pytest.fixture
def no_letters(redis, transactional_db):
    return DeadLetter.objects


def failed(portfolio=NOBODY, **headers):
    """A valuation of a portfolio that is not there, collected."""
    value.apply((portfolio,), headers=headers)
    dead_letters.collect()
    return DeadLetter.objects.get(resolved_at=None)


@pytest.mark.django_db
class TestRows:
    @pytest.fixture(autouse=True)
    def _empty(self, redis):
        """Redis without letters."""

    def test_a_failure_is_kept_with_its_reason(self):
        cause = "6f1ed002-ab59-5d7c-9a3b-0f0e4f0f1c11"
        letter = failed(correlation_id=cause)
        assert (letter.task, letter.arguments["args"], letter.queue) == ("portfolio.value", [NOBODY], "portfolio")
        assert letter.reason.startswith("DoesNotExist: ")
        assert "portfolio/tasks.py" in letter.traceback
        assert str(letter.correlation_id) == cause

    def test_a_repeated_failure_is_counted_up(self):
        first = failed()
        again = failed()
        assert (again.pk, again.times) == (first.pk, 2)
        assert again.last_at > again.first_at

    def test_other_arguments_are_another_letter(self):
        failed()
        value.apply((NOBODY + 1,))
        dead_letters.collect()
        assert DeadLetter.objects.count() == 2

    def test_after_it_was_resolved_the_same_failure_is_a_new_letter(self):
        dead_letters.resolve(type("Request", (), {"headers": {dead_letters.HEADER: failed().pk}}))
        failed()
        assert DeadLetter.objects.count() == 2

    def test_outages_are_the_sweeps_business(self):
        arguments = {"args": [1], "kwargs": {}}
        dead_letters.post_failure("risk.decide", None, OperationalError("gone"), arguments, "")
        dead_letters.collect()
        assert not DeadLetter.objects.exists()

    def test_nul_and_odd_bytes_can_be_kept(self):
        post(Letter(reason="odd", queue="risk", task="risk.decide", arguments={"args": ["a\0b"], "kwargs": {}}))
        post(Letter(reason="odd", queue="risk", body=letterbox.readable(b"\0\xff")))
        dead_letters.collect()
        assert set(DeadLetter.objects.values_list("body", flat=True)) == {"", "\\x00\\xff"}

    def test_a_flood_is_bounded_in_the_letterbox_and_in_the_table(self, redis, settings):
        settings.DEAD_LETTERS_KEEP = 5
        for n in range(letterbox.MOST_WAITING + 10):
            post(Letter(reason="flood", queue="risk", body=str(n)))
        assert redis.llen(letterbox.PLACE) == letterbox.MOST_WAITING
        while redis.llen(letterbox.PLACE):
            dead_letters.collect()
        assert DeadLetter.objects.count() == 5

    def test_the_sweep_collects(self):
        value.apply((NOBODY,))
        sweep.apply()
        assert DeadLetter.objects.exists()

    def test_a_message_that_could_not_be_read_cannot_be_sent_again(self):
        post(Letter(reason="not a message", queue="risk", body="garbage"))
        dead_letters.collect()
        letter = DeadLetter.objects.get()
        with pytest.raises(CommandError, match="1 of 1 are still open"):
            call_command("dead_letters", replay=str(letter.pk), stdout=(said := StringIO()))
        assert "the message could not be read" in said.getvalue()

    def test_an_unknown_number_is_named(self):
        with pytest.raises(CommandError, match="--replay 77: there is no open dead letter of this number"):
            call_command("dead_letters", replay="77")

    def test_the_list_says_what_failed_and_why(self):
        failed()
        call_command("dead_letters", stdout=(said := StringIO()))
        assert f"portfolio.value {{'args': [{NOBODY}], 'kwargs': {{}}}}, 1 times" in said.getvalue()

    def test_the_admin_only_looks_and_sends_again(self, redis):
        client, letter = pages.admin(), failed()
        assert pages.is_view_only(client, "alphapanda/deadletter", letter.pk)
        chosen = {"action": "replay", "_selected_action": [letter.pk]}
        page = client.post("/admin/alphapanda/deadletter/", chosen, follow=True)
        assert pages.messages(page) == ["1 sent again; resolved when they have succeeded"]
        assert json.loads(redis.lindex("ap:portfolio", 0))["headers"][dead_letters.HEADER] == letter.pk

    def test_staff_without_the_right_cannot_send_again(self, client):
        client.force_login(rows.user("looker", is_staff=True))
        answer = client.post("/admin/alphapanda/deadletter/", {"action": "replay", "_selected_action": [failed().pk]})
        assert answer.status_code == 403

    def test_a_replayed_market_is_sequenced_although_it_had_a_fault(self, redis):
        market = Market.objects.create(name="r", kind="replay", spool="/nowhere", last_tick=1)
        ingest.apply((str(market.pk),))
        assert Market.objects.get().fault
        dead_letters.collect()
        dead_letters.replay(DeadLetter.objects.get())
        assert Market.objects.get().fault == ""
        assert redis.llen("ap:ingest") == 1


@pytest.mark.house
class TestWorker:
    """Everything through one real worker process."""

    def test_a_replay_fails_while_its_cause_is_there_and_succeeds_when_it_is_mended(self, no_letters, tmp_path):
        current_app.send_task("portfolio.value", [NOBODY], queue="portfolio")
        with worker(tmp_path, "portfolio"):
            wait_for(lambda: dead_letters.collect() or no_letters.exists())
            with pytest.raises(CommandError):
                call_command("dead_letters", replay="all", stdout=StringIO())
            assert no_letters.get().times == 2
            Portfolio.objects.create(
                pk=NOBODY, user=rows.user(), name="late", market=rows.market(), shard=0, starting_cash=1, cash=1
            )
            call_command("dead_letters", replay="all", stdout=(said := StringIO()))
        assert said.getvalue().endswith(": done\n")
        assert EquityPoint.objects.filter(portfolio=NOBODY).exists()
        assert no_letters.get().resolved_at <= datetime.now(UTC)

    @pytest.mark.parametrize("children", [0, 1])
    def test_garbage_is_kept_and_the_worker_goes_on(self, no_letters, redis, tmp_path, children):
        portfolio = rows.portfolio(rows.user())
        with worker(tmp_path, "portfolio", children=children) as process:
            for garbage in [*UNREADABLE.values(), *UNUSABLE.values()]:
                redis.lpush("ap:portfolio", garbage)
            current_app.send_task("portfolio.value", [portfolio.pk], queue="portfolio")
            wait_for(lambda: EquityPoint.objects.exists() or process.poll() is not None)
            assert process.poll() is None, (tmp_path / "logs" / "test.log").read_text()[-3_000:]
        dead_letters.collect()
        assert sum(no_letters.values_list("times", flat=True)) == len(UNREADABLE) + len(UNUSABLE)
        assert redis.llen("ap:portfolio") == 0

    @pytest.mark.parametrize(
        ("task", "reason"), [("tests.out_of_memory", "OutOfMemoryError"), ("tests.too_long", "TimeLimitExceeded")]
    )
    def test_a_task_that_ends_badly_leaves_a_letter_and_a_worker_that_goes_on(
        self, no_letters, redis, tmp_path, task, reason
    ):
        portfolio = rows.portfolio(rows.user())
        with worker(tmp_path, "portfolio", "tests.alphapanda.failing_tasks"):
            for name, arguments in ((task, []), ("portfolio.value", [portfolio.pk])):
                current_app.send_task(name, arguments, queue="portfolio")
            wait_for(EquityPoint.objects.exists)
            wait_for(is_idle)
        dead_letters.collect()
        assert no_letters.get().reason.startswith(reason)
