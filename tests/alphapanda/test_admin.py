"""The admin as a whole: every model has a page, nothing is deleted, no page counts a big table."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User

from alphapanda.admin import MOST_LISTED
from tests import pages, rows

pytestmark = pytest.mark.django_db
APPS = ("trading", "strategies", "risk", "portfolio")
OURS = [model for app in APPS for model in apps.get_app_config(app).get_models()]


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)
def test_every_model_has_a_page(model, client):
    assert admin.site.is_registered(model)
    assert pages.admin().get(f"/admin/{model._meta.app_label}/{model._meta.model_name}/").status_code == 200


@pytest.mark.parametrize("model", [*OURS, User], ids=lambda model: model._meta.label)
def test_nothing_is_deleted(model, rf):
    request = rf.get("/")
    request.user = User(is_superuser=True, is_staff=True)
    assert not admin.site.get_model_admin(model).has_delete_permission(request)


@pytest.mark.parametrize("path", ["trading/fill", "trading/order", "strategies/signal", "risk/decision"])
def test_no_page_counts_all_rows_or_queries_per_row(path, django_assert_max_num_queries):
    client, by = pages.admin(), rows.strategy(rows.portfolio(rows.user()))
    for tick in range(10):
        rows.traded(by, tick)
    with django_assert_max_num_queries(9) as seen:
        client.get(f"/admin/{path}/")
    counts = [query["sql"] for query in seen.captured_queries if "COUNT(" in query["sql"]]
    assert all(f"LIMIT {MOST_LISTED}" in sql for sql in counts)


def test_tokens_have_no_page():
    assert "token" not in pages.admin().get("/admin/").content.decode().replace("csrfmiddlewaretoken", "").lower()


def test_admin_needs_staff(client):
    client.force_login(rows.user())
    assert client.get("/admin/trading/fill/").status_code == 302
