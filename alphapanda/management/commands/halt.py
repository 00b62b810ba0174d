"""The kill switch by hand: it needs PostgreSQL only, for the days on which Redis or Celery are down."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from alphapanda.errors import InputError
from portfolio.models import Portfolio
from risk import models, services
from risk.halt import HaltState
from strategies.models import Strategy


class Command(BaseCommand):
    help = "Halt everything, a portfolio or a strategy, or lift a halt; resting orders are cancelled with it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reason", required=True)
        parser.add_argument("--everything", action="store_true")
        parser.add_argument("--portfolio", metavar="NAME")
        parser.add_argument("--user", metavar="NAME", help="whose portfolio, where several have that name")
        parser.add_argument("--strategy", metavar="NAME", help="only this one of the portfolio")
        parser.add_argument("--reducing", action="store_true", help="exits are still allowed")
        parser.add_argument("--flatten", action="store_true", help="leave all positions, then halt")
        parser.add_argument("--lift", type=int, metavar="ID")

    def handle(self, *_: object, **options: Any) -> None:
        try:
            halt = self._lift(options) if options["lift"] else self._halt(options)
        except InputError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{'lifted' if options['lift'] else halt.state}: {halt.pk} {halt}")

    def _halt(self, options: dict[str, Any]) -> models.Halt:
        if bool(options["portfolio"]) == options["everything"]:
            raise CommandError("give --everything or --portfolio NAME")
        portfolio = _portfolio(options) if options["portfolio"] else None
        strategy = _strategy(portfolio, options["strategy"]) if portfolio and options["strategy"] else None
        state = HaltState.REDUCING if options["reducing"] else HaltState.HALTED
        return services.halt(None, portfolio, options["reason"], state, strategy, flatten=options["flatten"])

    def _lift(self, options: dict[str, Any]) -> models.Halt:
        halt = models.Halt.objects.filter(pk=options["lift"], lifted_at__isnull=True).first()
        if halt is None:
            raise CommandError(f"--lift: no halt {options['lift']} is in force")
        services.lift(halt, None, options["reason"])
        return halt


def _portfolio(options: dict[str, Any]) -> Portfolio:
    wanted = {"name": options["portfolio"], "user__username": options["user"]}
    found = Portfolio.objects.filter(**{field: value for field, value in wanted.items() if value})
    if len(found) != 1:
        raise CommandError(f"--portfolio: {len(found)} portfolios are called {options['portfolio']!r}")
    return found[0]


def _strategy(portfolio: Portfolio, name: str) -> Strategy:
    found = portfolio.strategies.filter(name=name).first()
    if found is None:
        raise CommandError(f"--strategy: portfolio {portfolio.name!r} has no strategy {name!r}")
    return found
