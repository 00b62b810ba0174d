"""A person at the admin with a real browser; nothing is fetched from outside."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from strategies.models import StrategyVersion
from tests import rows

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("redis"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium"),
]


@pytest.fixture
def follow():
    rows.user("boss", password=rows.PASSWORD, is_staff=True, is_superuser=True)
    strategy = rows.strategy(rows.portfolio(rows.user("asha")), lookback=20)
    rows.traded(strategy)
    return strategy


@contextmanager
def browsing(server) -> Iterator[Page]:
    """An empty profile, no rows are read meanwhile; an address outside of the server is a failure."""
    outside = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        page = browser.new_page(base_url=server.url)
        page.set_default_timeout(20_000)
        page.on("request", lambda request: request.url.startswith(server.url) or outside.append(request.url))
        yield page
        browser.close()
    assert [url for url in outside if not url.startswith("data:")] == []


@contextmanager
def logged_in(server) -> Iterator[Page]:
    with browsing(server) as page:
        page.goto("/")
        page.fill("#id_username", "boss")
        page.fill("#id_password", rows.PASSWORD)
        page.click("text=Log in")
        expect(page.locator("#site-name")).to_contain_text("Alpha Panda")
        yield page


def test_person_logs_in_and_sees_strategies_and_fills(live_server, follow):
    with logged_in(live_server) as page:
        page.click("text=Strategies >> nth=-1")
        expect(page.locator("#result_list")).to_contain_text("momentum")
        page.goto("/admin/trading/fill/")
        expect(page.locator("#result_list")).to_contain_text("500.25")
        expect(page.locator('a[href$="/fill/add/"]')).to_have_count(0)


def test_changed_parameters_are_a_new_version(live_server, follow):
    with logged_in(live_server) as page:
        page.goto(f"/admin/strategies/strategy/{follow.pk}/change/")
        page.fill("#id_parameters", '{"lookback": 7}')
        page.click("input[name=_save]")
        expect(page.locator(".messagelist .success")).to_be_visible()
    assert StrategyVersion.objects.get(number=2).parameters["lookback"] == 7


def test_wrong_parameters_are_explained(live_server, follow):
    with logged_in(live_server) as page:
        page.goto(f"/admin/strategies/strategy/{follow.pk}/change/")
        page.fill("#id_parameters", '{"lookback": 0}')
        page.click("input[name=_save]")
        expect(page.locator(".errorlist").last).to_contain_text("lookback: Input should be greater than")
    assert StrategyVersion.objects.count() == 1


def test_docs_work_without_the_outside(live_server, follow):
    with browsing(live_server) as page:
        page.goto("/api/docs/")
        expect(page.locator("#swagger-ui")).to_contain_text("/api/fills/")
