"""Other limits on a past day: what they would have decided. Nothing is written."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from alphapanda.errors import InputError
from alphapanda.limits_file import GivenLimits, read_limits
from portfolio.models import Portfolio
from risk.changed_limits import assignments, changed_scopes, checked_values
from risk.limit_services import default_limits
from risk.what_if import what_if


class Command(BaseCommand):
    help = "Say what other limits would have decided on the signals of a day; the last line is JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--portfolio", required=True, metavar="NAME")
        parser.add_argument("--user", metavar="NAME", help="whose portfolio, where several have that name")
        parser.add_argument("--date", required=True, metavar="YYYY-MM-DD", help="a day in India")
        parser.add_argument("--limits", metavar="default|none|FILE.json", help="in place of the portfolio's limits")
        parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="may be repeated")

    def handle(self, *_: object, **options: Any) -> None:
        try:
            result = _answer(options)
        except InputError as error:
            raise CommandError(str(error)) from error
        then, now = result["then"], result["now"]
        self.stdout.write(
            f"{result['signals']} signals; approved {then['approved']} then, {now['approved']} now; "
            f"{result['newly_denied']} newly denied, {result['newly_approved']} newly approved"
        )
        self.stdout.write(json.dumps(result))


def _answer(options: dict[str, Any]) -> dict[str, Any]:
    portfolio = _portfolio(options["portfolio"], options["user"])
    values = checked_values(assignments(options["set"]))
    return what_if(portfolio, _day(options["date"]), changed_scopes(portfolio, _given(options["limits"]), values))


def _given(text: str | None) -> GivenLimits | None:
    if text is None:
        return None
    return read_limits(text) or GivenLimits(default_limits())


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"--date: {text!r} is no date; write it as 2026-11-24") from None


def _portfolio(name: str, user: str | None) -> Portfolio:
    whose = {"user__username": user} if user else {}
    found = Portfolio.objects.filter(name=name, **whose)
    if len(found) != 1:
        raise InputError(f"--portfolio: {len(found)} portfolios are called {name!r}")
    return found[0]
