"""Who may change which limits, and what waits for four eyes."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from risk.limit_services import Whose, change, change_limits, scopes_of
from risk.limits import LIMIT_NAMES, NO_LIMITS
from risk.models import LimitsChange
from risk.scopes import loosens, tightest
from tests import pages, rows

CHANGES = "/api/risk/limit-changes/"


@pytest.mark.parametrize(
    ("name", "before", "after", "is_looser"),
    [
        ("max_position", 5, 6, True),
        ("max_position", 5, None, True),
        ("max_position", 5, 4, False),
        ("max_position", None, 4, False),
        ("max_trades_per_day", 1, None, True),
        ("min_seconds_between_equals", Decimal(5), Decimal(4), True),
        ("min_seconds_between_equals", Decimal(5), Decimal(6), False),
        ("may_short", False, True, True),
        ("may_short", True, False, False),
        ("allowed_instruments", ("SBIN",), ("SBIN", "TCS"), True),
        ("allowed_instruments", ("SBIN", "TCS"), ("TCS",), False),
        ("allowed_instruments", ("SBIN",), None, True),
        ("forbidden_instruments", ("SBIN", "TCS"), ("TCS",), True),
        ("forbidden_instruments", ("SBIN",), ("SBIN", "TCS"), False),
    ],
)
def test_what_loosens_is_told_from_what_tightens(name, before, after, is_looser):
    held, wanted = (replace(NO_LIMITS, **{name: value}) for value in (before, after))
    assert loosens(held, wanted) == ([name] if is_looser else [])


@pytest.fixture
def asha(db):
    return rows.user("asha")


@pytest.fixture
def portfolio(asha):
    made = rows.portfolio(asha)
    change(Whose(user=asha), {"needs_approval": True, "max_position": 500})
    return made


@pytest.fixture
def staff(db):
    return [rows.user(name, is_staff=True) for name in ("sita", "gita")]


def test_owner_tightens_at_once_and_loosening_waits(asha, portfolio):
    answer = (
        rows.api(asha)
        .patch(
            f"/api/risk/limits/{portfolio.pk}/", {"max_position": 2_000, "max_trades_per_day": 10, "may_short": False}
        )
        .json()
    )
    assert (answer["version"], answer["max_trades_per_day"], answer["may_short"]) == (2, 10, False)
    assert answer["max_position"] == 1_000
    assert [waits["after"] for waits in answer["waiting"]] == [{"max_position": 2_000}]


def test_another_member_of_staff_approves(asha, portfolio, staff):
    rows.api(asha).patch(f"/api/risk/limits/{portfolio.pk}/", {"max_price_deviation": "0.25", "max_position": None})
    (waiting,) = rows.api(asha).get(f"{CHANGES}?state=proposed").json()["results"]
    approved = rows.api(staff[0]).post(f"{CHANGES}{waiting['id']}/approve/").json()
    assert (approved["state"], approved["version"], approved["by"], approved["decided_by"]) == (
        *("applied", 2, "asha", "sita"),
    )
    assert approved["before"] == {"max_position": 1_000, "max_price_deviation": "0.100000"}
    assert (portfolio.limits.max_position, portfolio.limits.max_price_deviation) == (None, Decimal("0.25"))


def test_nobody_approves_what_they_proposed(portfolio, staff):
    change_limits(portfolio, {"max_position": 2_000}, staff[0])
    waiting = LimitsChange.objects.get(state="proposed")
    assert rows.api(staff[0]).post(f"{CHANGES}{waiting.pk}/approve/").status_code == 400
    assert portfolio.limits.max_position == 1_000
    assert rows.api(staff[1]).post(f"{CHANGES}{waiting.pk}/approve/").status_code == 200
    assert portfolio.limits.max_position == 2_000


def test_owner_who_is_not_staff_approves_nothing_and_may_take_back(asha, portfolio):
    change_limits(portfolio, {"max_position": 2_000}, asha)
    waiting = LimitsChange.objects.get(state="proposed")
    assert rows.api(asha).post(f"{CHANGES}{waiting.pk}/approve/").status_code == 403
    assert rows.api(asha).post(f"{CHANGES}{waiting.pk}/reject/").json()["state"] == "rejected"
    assert portfolio.limits.version == 1


def test_change_is_decided_once(portfolio, staff):
    change_limits(portfolio, {"max_position": 2_000}, staff[0])
    waiting = LimitsChange.objects.get(state="proposed")
    first, second = (rows.api(staff[1]).post(f"{CHANGES}{waiting.pk}/{act}/") for act in ("reject", "approve"))
    assert (first.status_code, second.status_code) == (200, 400)
    assert (portfolio.limits.max_position, portfolio.limits.version) == (1_000, 1)


def test_stranger_sees_no_change(portfolio, asha):
    change_limits(portfolio, {"max_position": 2_000}, asha)
    stranger = rows.api(rows.user("ravi"))
    assert stranger.get(CHANGES).json()["results"] == []
    assert stranger.post(f"{CHANGES}{LimitsChange.objects.latest('id').pk}/reject/").status_code == 404


def test_need_of_approval_is_itself_loosened_by_two(asha, portfolio, staff):
    change(Whose(user=asha), {"needs_approval": False}, staff[0])
    assert Whose(user=asha).needs_approval()
    answer = rows.api(staff[1]).post(f"{CHANGES}{LimitsChange.objects.latest('id').pk}/approve/")
    assert (answer.json()["state"], Whose(user=asha).needs_approval()) == ("applied", False)


def test_need_is_said_of_a_person_or_of_everybody(asha, portfolio):
    answer = rows.api(asha).patch(f"/api/risk/limits/{portfolio.pk}/", {"needs_approval": True})
    assert (answer.status_code, "needs_approval" in answer.json()["detail"]) == (400, True)


def test_need_of_everybody_holds_for_everybody(staff):
    change(Whose(), {"needs_approval": True})
    portfolio = rows.portfolio(rows.user("ravi"))
    change_limits(portfolio, {"max_position": 2_000}, portfolio.user)
    assert portfolio.limits.max_position == 1_000


def test_without_a_need_changes_are_made_at_once(asha):
    portfolio = rows.portfolio(asha)
    assert change_limits(portfolio, {"max_position": 2_000}, asha).max_position == 2_000


def test_owner_loosens_nothing_beyond_the_limits_of_the_person(asha, db):
    """Where both limit the tighter holds, so no permission is asked for what has no effect."""
    portfolio = rows.portfolio(asha)
    change(Whose(user=asha), {"max_position": 500})
    change_limits(portfolio, {"max_position": None}, asha)
    assert tightest(scopes_of(portfolio), "SBIN").limits.max_position == 500


def test_admin_approves_what_others_proposed_only(portfolio, asha):
    client = pages.admin()
    change_limits(portfolio, {"max_position": 2_000}, asha)
    url, waiting = "/admin/risk/limitschange/", LimitsChange.objects.get(state="proposed")
    done = client.post(url, {"action": "approve", "_selected_action": [waiting.pk]}, follow=True)
    assert "Applied: version 2" in " ".join(pages.messages(done))
    again = client.post(url, {"action": "reject", "_selected_action": [waiting.pk]}, follow=True)
    assert "does not wait any more" in " ".join(pages.messages(again))


def test_admin_says_that_loosening_waits(portfolio):
    client = pages.admin()
    page = f"/admin/risk/limits/{portfolio.limits.pk}/change/"
    given = {"max_position": 9_000, "max_trades_per_day": 50, "max_price_deviation": "0.1", "max_age_seconds": "5"}
    may = dict.fromkeys((name for name in LIMIT_NAMES if name.startswith("may_")), "on")
    answer = client.post(page, given | may, follow=True)
    assert "waits until another member of staff" in answer.content.decode()
    assert portfolio.limits.max_position == 1_000
