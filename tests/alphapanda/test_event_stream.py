"""Server-sent events: my portfolios only, from where I left off."""

from contextlib import aclosing
from decimal import Decimal
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient

from alphapanda import event_stream
from alphapanda.events import FeedGap, HaltChanged, PortfolioValued, envelope, publish
from alphapanda.money import money
from tests import rows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture
def asha():
    return rows.user("asha")


def say(event):
    publish([envelope(event, "test", "key")])


def valued(portfolio):
    return PortfolioValued(portfolio_id=portfolio.pk, equity=money(Decimal(1)), cash="1.000000", net_pnl="0.000000")


def listen(person, count, last="0-0"):
    """The first parts of the stream as text, the greeting left out."""
    return async_to_sync(_listen)(person, count, last)


async def _listen(person, count, last):
    client = AsyncClient()
    await client.aforce_login(person)
    answer = await client.get("/api/events/", headers={"Last-Event-ID": last, "Accept": "text/event-stream"})
    assert answer.status_code == 200, answer.content
    parts = []
    async with aclosing(answer.streaming_content) as stream:
        async for part in stream:
            parts.append(part.decode())
            if len(parts) > count:
                break
    return parts[1:]


def test_event_comes_with_id_type_and_envelope(asha):
    say(valued(rows.portfolio(asha)))
    (part,) = listen(asha, 1)
    head, kind, data = part.strip().split("\n")
    assert head.startswith("id: ")
    assert kind == "event: portfolio.valued"
    assert '"equity":"1.000000"' in data


def test_only_my_portfolios_are_heard(asha):
    others, mine = rows.portfolio(rows.user("ravi")), rows.portfolio(asha)
    say(valued(others)), say(valued(mine))
    (part,) = listen(asha, 1)
    assert f'"portfolio_id":{mine.pk}' in part


def test_halt_of_everything_is_heard_by_all_and_a_market_by_staff(asha):
    say(FeedGap(market_id=uuid4(), first=1, last=2, reason="restart"))
    say(HaltChanged(portfolio_id=None, state="HALTED", in_force=True, reason="news"))
    assert "halt.changed" in listen(asha, 1)[0]
    assert "feed.gap" in listen(rows.user("sita", is_staff=True), 1)[0]


def test_listener_goes_on_behind_the_last_id(asha):
    portfolio = rows.portfolio(asha)
    say(valued(portfolio)), say(HaltChanged(portfolio_id=portfolio.pk, state="HALTED", in_force=True, reason="news"))
    first = listen(asha, 1)[0].split("\n")[0].removeprefix("id: ")
    assert "halt.changed" in listen(asha, 1, last=first)[0]


def test_listener_is_counted_while_it_listens_only(asha):
    say(valued(rows.portfolio(asha)))
    listen(asha, 1)
    assert event_stream._listeners["count"] == 0


def test_wrong_last_id_is_a_400_that_names_it(asha):
    answer = rows.api(asha).get("/api/events/", HTTP_LAST_EVENT_ID="$", HTTP_ACCEPT="text/event-stream")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["Last-Event-ID"])


def test_stranger_is_a_401_in_json():
    answer = rows.api().get("/api/events/", HTTP_ACCEPT="text/event-stream")
    assert (answer.status_code, answer.json()["type"]) == (401, "not_authenticated")
