"""Puts in what a house needs to begin: reference data, the mock market, the demo user. Doing it twice is a no-op."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand
from django.db import transaction
from msgspec import structs

from alphapanda.environment import kept_secret
from alphapanda.reference import instrument_rows, load_charges, load_hours, load_limits, load_special_days
from alphapanda.settings import env
from portfolio.models import Portfolio
from portfolio.services import open_portfolio
from risk.limit_services import change_limits
from risk.models import Limits
from strategies.services import create_strategy, start
from trading.hours import SpecialDay, TradingHours
from trading.markets import open_market
from trading.models import ChargeRate, Instrument, Market

DEMO_CASH = Decimal(1_000_000)
DEMO_TRADES_PER_DAY = 20_000  # the mock never closes: the usual 50 would be used up in minutes
DEMO_STRATEGIES: dict[str, dict[str, Any]] = {
    "momentum": {"threshold": "0.0005"},  # small enough to trade on the mock
    "mean_reversion": {},
}


class Command(BaseCommand):
    help = "Load reference data, the mock market and the demo user with a portfolio. May be repeated."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--feed", choices=("mock", "none", "kite"), default="mock")

    @transaction.atomic
    def handle(self, *_: object, **options: Any) -> None:
        seed_reference()
        market = seed_market(is_active=options["feed"] == "mock")
        seed_demo(demo_user(), market)
        self.stdout.write("seeded")


def seed_reference() -> None:
    """What is there already is left as people have changed it."""
    Instrument.objects.bulk_create([Instrument(**row.model_dump()) for row in instrument_rows()], ignore_conflicts=True)
    ChargeRate.objects.bulk_create([ChargeRate(**asdict(row)) for row in load_charges()], ignore_conflicts=True)
    TradingHours.objects.bulk_create([TradingHours(**asdict(row)) for row in load_hours()], ignore_conflicts=True)
    SpecialDay.objects.bulk_create([SpecialDay(**asdict(row)) for row in load_special_days()], ignore_conflicts=True)
    Limits.objects.get_or_create(user=None, portfolio=None, instrument=None, defaults=structs.asdict(load_limits()))


def seed_market(is_active: bool) -> Market:
    market = Market.objects.filter(name="mock").first() or open_market("mock", Market.Kind.MOCK)
    Market.objects.filter(pk=market.pk).update(is_active=is_active, fault="")
    return market


def demo_user() -> User:
    """Staff, so that the admin shows it everything; its password is random, or DEMO_PASSWORD."""
    user = User.objects.filter(username="demo").first() or User(username="demo")
    password = demo_password()
    if user.pk is None or not user.check_password(password):
        user.is_staff = user.is_superuser = True
        user.set_password(password)
        user.save()
    return user


def demo_password() -> str:
    if env.demo_password is not None:
        return env.demo_password.get_secret_value()
    return kept_secret(env.alphapanda_home / "demo_password")


def seed_demo(user: User, market: Market) -> None:
    if Portfolio.objects.filter(user=user, name="demo").exists():
        return
    portfolio = open_portfolio(user, "demo", market, DEMO_CASH)
    change_limits(portfolio, {"max_trades_per_day": DEMO_TRADES_PER_DAY})
    for name, parameters in DEMO_STRATEGIES.items():
        start(create_strategy(portfolio, name, name, parameters))
