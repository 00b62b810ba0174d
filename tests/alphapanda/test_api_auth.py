"""Tokens, their rotation and end; users, who only staff may see."""

import pytest
from django.core.cache import cache
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from tests import rows

pytestmark = pytest.mark.django_db
PAIR, REFRESH, LOGOUT, ME = (f"/api/auth/{name}/" for name in ("token", "token/refresh", "logout", "me"))


@pytest.fixture(autouse=True)
def _nobody_was_counted():
    cache.clear()


@pytest.fixture
def asha():
    return rows.user("asha", password=rows.PASSWORD)


@pytest.fixture
def client():
    return rows.api()


@pytest.fixture
def pair(asha, client):
    return client.post(PAIR, {"username": "asha", "password": rows.PASSWORD}).json()


def bearer(client, token):
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def test_token_opens_the_api(client, pair):
    answer = bearer(client, pair["access"]).get(ME)
    assert answer.json()["username"] == "asha"
    assert "password" not in answer.json()


def test_wrong_password_is_a_401(asha, client):
    answer = client.post(PAIR, {"username": "asha", "password": "wrong"})
    assert answer.status_code == 401
    assert answer.json()["type"] == "no_active_account"


def test_deactivated_person_is_out_at_once(asha, client, pair):
    type(asha).objects.update(is_active=False)
    assert bearer(client, pair["access"]).get(ME).status_code == 401
    assert client.post(REFRESH, {"refresh": pair["refresh"]}).status_code == 401


def test_changed_password_ends_the_tokens(asha, client, pair):
    asha.set_password("another horse battery")
    asha.save()
    assert bearer(client, pair["access"]).get(ME).status_code == 401


def test_refresh_gives_a_new_pair(client, pair):
    new = client.post(REFRESH, {"refresh": pair["refresh"]}).json()
    assert bearer(client, new["access"]).get(ME).status_code == 200
    assert new["refresh"] != pair["refresh"]


def test_reused_refresh_token_is_a_401(client, pair):
    client.post(REFRESH, {"refresh": pair["refresh"]})
    answer = client.post(REFRESH, {"refresh": pair["refresh"]})
    assert answer.status_code == 401
    assert answer.json()["title"] == "Unauthorized"


def test_logout_ends_the_refresh_token(client, pair):
    assert client.post(LOGOUT, {"refresh": pair["refresh"]}).status_code == 200
    assert client.post(REFRESH, {"refresh": pair["refresh"]}).status_code == 401


def test_no_token_is_kept_in_the_database(pair):
    assert list(OutstandingToken.objects.values_list("token", flat=True)) == [""]


def test_logins_are_limited_whatever_the_forwarded_address_says(client):
    answers = [client.post(PAIR, {}, HTTP_X_FORWARDED_FOR=f"10.0.0.{n}") for n in range(21)]
    assert [answer.status_code for answer in answers] == [400] * 20 + [429]
    assert answers[-1].json()["type"] == "throttled"
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_users_are_for_staff(asha):
    assert rows.api(asha).get("/api/users/").status_code == 403


def test_staff_makes_a_user_whose_password_is_never_shown():
    staff = rows.api(rows.user("sita", is_staff=True))
    answer = staff.post("/api/users/", {"username": "ravi", "password": rows.PASSWORD})
    assert answer.status_code == 201
    assert "password" not in answer.json()
    pair = rows.api().post(PAIR, {"username": "ravi", "password": rows.PASSWORD})
    assert pair.status_code == 200


@pytest.mark.parametrize("password", ["short", "password123", "1234567890123"])
def test_weak_password_is_refused_by_name(password):
    staff = rows.api(rows.user("sita", is_staff=True))
    answer = staff.post("/api/users/", {"username": "ravi", "password": password})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["password"]


def test_delete_of_a_user_deactivates(asha):
    staff = rows.api(rows.user("sita", is_staff=True))
    assert staff.delete(f"/api/users/{asha.pk}/").status_code == 204
    asha.refresh_from_db()
    assert not asha.is_active


def test_staff_changes_a_password(asha):
    staff = rows.api(rows.user("sita", is_staff=True))
    staff.patch(f"/api/users/{asha.pk}/", {"password": "another horse battery"})
    asha.refresh_from_db()
    assert asha.check_password("another horse battery")


def test_staff_neither_makes_staff_nor_touches_a_superuser(asha):
    staff = rows.api(rows.user("sita", is_staff=True))
    boss = rows.user("boss", is_staff=True, is_superuser=True)
    assert staff.patch(f"/api/users/{asha.pk}/", {"is_staff": True}).status_code == 400
    assert staff.patch(f"/api/users/{boss.pk}/", {"password": rows.PASSWORD}).status_code == 404


def test_superuser_makes_staff(asha):
    boss = rows.api(rows.user("boss", is_staff=True, is_superuser=True))
    assert boss.patch(f"/api/users/{asha.pk}/", {"is_staff": True}).json()["is_staff"] is True
