"""Prints the hash of the ledger, of one portfolio or of each."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from alphapanda.audit import ledger_hash
from portfolio.models import Portfolio


class Command(BaseCommand):
    help = "Print SHA-256 over signals, decisions, orders, fills and positions: equal runs have equal hashes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--portfolio", metavar="NAME")
        parser.add_argument("--user", metavar="NAME", help="where several users have a portfolio of that name")

    def handle(self, *_: object, **options: Any) -> None:
        wanted = {"name": options["portfolio"], "user__username": options["user"]}
        portfolios = Portfolio.objects.filter(**{field: value for field, value in wanted.items() if value})
        if options["portfolio"] and not portfolios:
            raise CommandError(f"--portfolio: there is no portfolio {options['portfolio']!r}")
        for portfolio in portfolios.select_related("user"):
            self.stdout.write(f"{ledger_hash(portfolio)}  {portfolio.user.username}/{portfolio.name}")
