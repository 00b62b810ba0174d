"""What replay and backtest have in common: the same options, with the same meaning."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from alphapanda.errors import InputError
from alphapanda.exits_file import EXITS_HELP, read_exits
from alphapanda.limits_file import GivenLimits, read_limits
from risk.exits import Exits
from trading.feed.replay import Refusals

MOST = Decimal("1e12")


@dataclass(frozen=True, slots=True)
class Trial:
    """Files, strategies as (type, parameters) in the order given, and the terms of the portfolio."""

    files: list[Path]
    strategies: list[tuple[str, dict[str, Any]]]
    limits: GivenLimits | None
    exits: Exits
    cash: Decimal
    slippage_bps: Decimal
    latency_ms: int
    tick_size: Decimal


def add_trial_options(parser: ArgumentParser) -> None:
    parser.add_argument("--strategy", action="append", metavar="TYPE", help="may be repeated")
    parser.add_argument("--param", action="append", default=[], metavar="TYPE.k=v")
    parser.add_argument("--limits", default="default", metavar="default|none|FILE.json")
    parser.add_argument("--exits", metavar="FILE.json", help=EXITS_HELP)
    parser.add_argument("--cash", default="1000000", help="rupees to start with")
    parser.add_argument("--slippage-bps", default="5")
    parser.add_argument("--latency-ms", default="0")
    parser.add_argument("--tick-size", default="0.05", help="of symbols that are not known")


def read_trial(files: list[str], options: dict[str, Any]) -> Trial:
    """Errors: InputError naming the option."""
    types = options["strategy"] or ["momentum"]
    return Trial(
        files=[Path(file) for file in files],
        strategies=[(name, given) for name, given in _with_parameters(types, options["param"])],
        limits=read_limits(options["limits"]),
        exits=read_exits(options["exits"], len(types)) if options.get("exits") else Exits(),
        cash=amount("--cash", options["cash"], least=Decimal("0.01")),
        slippage_bps=amount("--slippage-bps", options["slippage_bps"], most=Decimal(9_999)),
        latency_ms=int(amount("--latency-ms", options["latency_ms"], whole=True)),
        tick_size=amount("--tick-size", options["tick_size"], least=Decimal("0.0001")),
    )


def _with_parameters(types: list[str], given: list[str]) -> list[tuple[str, dict[str, Any]]]:
    parameters: dict[str, dict[str, Any]] = {name: {} for name in types}
    for text in given:
        name, dot, rest = text.partition(".")
        field, equals, value = rest.partition("=")
        if not (dot and equals and field):
            raise InputError(f"--param {text}: write it as TYPE.name=value")
        if name not in parameters:
            raise InputError(f"--param {text}: there is no --strategy {name}")
        parameters[name][field] = value
    return [(name, parameters[name]) for name in types]


def amount(option: str, text: str, least: Decimal = Decimal(0), most: Decimal = MOST, whole: bool = False) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise InputError(f"{option}: {text!r} is not a number") from None
    if not (amount.is_finite() and least <= amount <= most):
        raise InputError(f"{option}: must lie between {least} and {most}, got {text}")
    if whole and amount != int(amount):
        raise InputError(f"{option}: must be a whole number, got {text}")
    return amount


def warn(refusals: Refusals) -> None:
    """Says on standard error which lines were refused: the first of each reason, and how many."""
    for reason, count in refusals.counts.items():
        for refusal in refusals.first[reason]:
            print(refusal, file=sys.stderr)  # noqa: T201  (a command speaks)
        print(f"{reason}: {count} refused", file=sys.stderr)  # noqa: T201
