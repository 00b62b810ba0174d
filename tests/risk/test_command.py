"""The kill switch on the command line."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from alphapanda.connection import connection
from risk.models import Halt
from tests import rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def portfolio():
    return rows.portfolio(rows.user("asha"))


def halt(*arguments: str) -> None:
    call_command("halt", "--reason", "fire", *arguments)


def test_everything_a_portfolio_or_a_strategy_is_halted_and_lifted(portfolio, capsys):
    strategy = rows.strategy(portfolio)
    halt("--everything")
    halt("--portfolio", portfolio.name, "--reducing")
    halt("--portfolio", portfolio.name, "--strategy", strategy.name)
    found = [(h.portfolio, h.strategy, h.state) for h in Halt.objects.order_by("pk")]
    assert found == [(None, None, "HALTED"), (portfolio, None, "REDUCING"), (portfolio, strategy, "HALTED")]
    halt("--lift", str(Halt.objects.earliest("pk").pk))
    assert Halt.objects.filter(lifted_at__isnull=False).get().lift_reason == "fire"
    assert "lifted" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "--everything or --portfolio"),
        (["--everything", "--portfolio", "x"], "--everything or --portfolio"),
        (["--portfolio", "nobody"], "0 portfolios are called"),
        (["--lift", "99"], "no halt 99"),
    ],
)
def test_what_is_wrong_is_named(portfolio, arguments, named):
    with pytest.raises(CommandError, match=named):
        halt(*arguments)


def test_it_works_while_redis_is_down(portfolio, settings):
    """Only the event is lost, and that is logged."""
    connection.cache_clear()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    try:
        halt("--portfolio", portfolio.name)
    finally:
        connection.cache_clear()
    assert Halt.objects.get().portfolio == portfolio
