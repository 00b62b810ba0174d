"""Other limits on a past day: what they would have decided, without touching the ledger."""

import json

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection

from risk.changed_limits import changed_scopes
from risk.limit_services import Whose, change, change_limits
from risk.what_if import what_if
from strategies.models import Signal
from tests import pages, rows
from tests.pipeline.driver import Replay, bars
from trading.models import Order
from trading.session import INDIA

pytestmark = pytest.mark.django_db(transaction=True)
TRADES = {
    "strategy": ["momentum", "mean_reversion"],
    "param": ["momentum.lookback=3", "momentum.threshold=0.001", "mean_reversion.lookback=6"],
}


@pytest.fixture
def replay(tmp_path, redis):
    """Two days, with limits that deny some."""
    files = [
        bars(tmp_path / "one" / "HDFCBANK.csv", 1, 30, "2025-04-01 15:00:00"),
        bars(tmp_path / "two" / "HDFCBANK.csv", 2, 30, "2025-04-02 09:15:00"),
    ]
    made = Replay.of(files, **TRADES)
    change_limits(made.portfolio, {"max_position": 100, "max_trades_per_day": 8})
    made.drain()
    made.portfolio.refresh_from_db()
    return made


@pytest.fixture(autouse=True)
def folders(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()


def days(replay) -> list:
    return sorted({s.exchange_time.astimezone(INDIA).date() for s in replay.portfolio.signals.all()})


def ask(replay, day=-1, **values):
    return what_if(replay.portfolio, days(replay)[day], changed_scopes(replay.portfolio, None, values))


@pytest.mark.parametrize("day", [0, 1])
def test_same_limits_decide_the_same(replay, day):
    """On the second day the book is that of its beginning, with what was held and working overnight."""
    found = ask(replay, day)
    assert [line for line in found["decisions"] if line["differs"]] == []
    assert found["then"] == found["now"]
    assert found["then"]["denied"] > 0 < found["then"]["approved"]
    assert found["signals"] == len(found["decisions"]) > 10


def test_tighter_limit_denies_and_says_by_which_rule(replay):
    found = ask(replay, max_order_quantity=0)
    different = [line for line in found["decisions"] if line["differs"]]
    assert found["newly_denied"] > 0
    assert any(line["rules"] == ["order_quantity"] for line in different)
    assert found["now"]["by_rule"]["order_quantity"] > 0


def test_wider_limit_lets_more_through_and_fills_it_at_later_prices(replay):
    """What was never sent is filled as stated: the next signal finds it in its strategy's position."""
    found = ask(replay, max_position=None, max_trades_per_day=None)
    assert found["newly_approved"] > 0 == found["now"]["by_rule"].get("position", 0)
    assert found["now"]["approved"] == found["then"]["approved"] + found["newly_approved"] - found["newly_denied"]


def test_nothing_is_written(replay):
    before = replay.hash, Order.objects.count()
    ask(replay, max_position=None)
    assert (replay.hash, Order.objects.count()) == before
    replay.portfolio.refresh_from_db()
    assert replay.portfolio.clock == replay.portfolio.market.last_tick


def test_database_itself_refuses_a_write_while_it_is_asked(replay):
    class Writing(list):
        """Scopes that write when they are looked at."""

        def __iter__(self):
            Signal.objects.update(reason="written")
            return super().__iter__()

    with pytest.raises(DatabaseError, match="read-only"):
        what_if(replay.portfolio, days(replay)[0], Writing(changed_scopes(replay.portfolio, None, {})))
    assert not Signal.objects.filter(reason="written").exists()
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only")
        assert cursor.fetchone() == ("off",)


def test_command_answers_with_json(replay, tmp_path, capsys):
    limits = tmp_path / "limits.json"
    limits.write_text(json.dumps({"strategies": {"momentum": {"max_trades_per_day": 0}}}))
    where = ["--portfolio", replay.portfolio.name, "--date", str(days(replay)[0])]
    call_command("what_if", *where, "--limits", str(limits), "--set", "max_position=off")
    told, answer = capsys.readouterr().out.splitlines()[-2:]
    found = json.loads(answer)
    assert found["now"]["by_rule"]["trades_per_day"] > 0
    assert f"{found['newly_denied']} newly denied" in told
    assert any("next signal" in text for text in found["assumptions"])


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--portfolio", "nobody's", "--date", "2025-04-01"], "0 portfolios are called"),
        (["--date", "yesterday"], "'yesterday' is no date"),
        (["--date", "2020-01-01"], "decided no signal on 2020-01-01"),
        (["--date", "2025-04-01", "--set", "max_position"], "write it as name=value"),
        (["--date", "2025-04-01", "--set", "typo=1"], "unknown limit 'typo'"),
        (["--date", "2025-04-01", "--set", "max_order_value=NaN"], "max_order_value"),
    ],
)
def test_what_is_wrong_is_named(arguments, named):
    portfolio = rows.portfolio(rows.user("asha"), "mine")
    where = [] if "--portfolio" in arguments else ["--portfolio", portfolio.name]
    with pytest.raises(CommandError, match=named):
        call_command("what_if", *where, *arguments)


def test_owner_asks_by_the_api_and_nobody_else(replay):
    day = str(days(replay)[0])
    given = {"portfolio": replay.portfolio.pk, "date": day, "limits": {"max_trades_per_day": 0}}
    answer = rows.api(User.objects.get(username="demo")).post("/api/risk/what-if/", given)
    assert (answer.status_code, answer.json()["date"]) == (200, day)
    assert answer.json()["newly_denied"] > 0
    assert rows.api(rows.user("ravi")).post("/api/risk/what-if/", given).status_code == 400
    wrong = rows.api(User.objects.get(username="demo")).post("/api/risk/what-if/", given | {"limits": {"typo": 1}})
    assert (wrong.status_code, list(wrong.json()["errors"])) == (400, ["limits.typo"])


def test_admin_asks_on_a_page(replay):
    client = pages.admin()
    given = {"portfolio": replay.portfolio.pk, "day": str(days(replay)[0]), "changes": "max_trades_per_day=0"}
    shown = client.post("/admin/risk/limits/what-if/", given).content.decode()
    assert "newly denied" in shown
    assert "trades_per_day" in shown
    wrong = client.post("/admin/risk/limits/what-if/", given | {"changes": "max_positon=1"}).content.decode()
    assert "unknown limit" in wrong


def test_limits_of_the_person_go_on_holding(replay):
    change(Whose(user=replay.portfolio.user), {"max_order_quantity": 0})
    found = ask(replay, max_position=None)
    assert found["now"]["by_rule"]["order_quantity"] > 0
