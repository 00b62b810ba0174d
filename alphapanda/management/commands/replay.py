"""Replays recorded files through Celery, in a market of its own, and prints what came of it."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from time import monotonic
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from alphapanda.borrowed_house import borrowed_house
from alphapanda.errors import AlphaPandaError
from alphapanda.replaying import Wish, prepare, summary, wait
from alphapanda.settings import env
from alphapanda.trial import Trial, add_trial_options, amount, read_trial, warn
from trading.feed.replay import Refusals


class Command(BaseCommand):
    help = "Replay recorded files through the pipeline; the last line is JSON."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE")
        parser.add_argument("--portfolio", required=True, metavar="NAME")
        parser.add_argument("--user", default="demo")
        add_trial_options(parser)
        parser.add_argument("--speed", default="0", help="0 as fast as possible, N times real time otherwise")
        parser.add_argument("--lockstep", action="store_true", help="wait until all stages are idle after each batch")

    def handle(self, *_: object, **options: Any) -> None:
        try:
            trial = read_trial(options["files"], options)
            speed = float(amount("--speed", options["speed"]))
            wish = Wish(options["user"], options["portfolio"], speed, options["lockstep"])
            with borrowed_house(env.alphapanda_home):
                result = replay(trial, wish)
        except AlphaPandaError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(result))


def replay(trial: Trial, wish: Wish) -> dict[str, Any]:
    refusals, begun = Refusals(), monotonic()
    portfolio = prepare(trial, wish, refusals)
    warn(refusals)
    wait(portfolio.market_id, show)
    return summary(portfolio, refusals, seconds=monotonic() - begun)


def show(place: int, last: int | None) -> None:
    """Progress, for whoever watches."""
    print(f"tick {place} of {last}", file=sys.stderr)
