"""Runs strategies over recorded files in this process, without any server."""

from __future__ import annotations

import csv
import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from alphapanda.errors import InputError
from alphapanda.exits_file import check_symbols
from alphapanda.identity import root_id
from alphapanda.limits_file import GivenLimits
from alphapanda.reference import load_charges, load_exchange, load_instruments, load_limits, reference_hash
from alphapanda.trial import Trial, add_trial_options, read_trial, warn
from risk.decide import Decider
from risk.memory import Memory
from risk.scopes import Limited
from risk.watch import Watch
from strategies.backtest import BATCH, Backtest
from strategies.configuration import known_types
from strategies.registry import plain
from strategies.report import results
from strategies.runner import Runner
from trading.book import Book
from trading.catalogue import Catalogue
from trading.charges import Rates, RatesTable
from trading.feed.replay import Refusals, accepted_ticks
from trading.paper import PaperTerms
from trading.roster import Roster
from trading.ticks import batches

LISTS = ("signals", "decisions", "fills")


class Command(BaseCommand):
    help = "Backtest strategies on recorded files: one process, no servers."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--data", nargs="+", required=True, metavar="FILE")
        add_trial_options(parser)
        parser.add_argument("--reference", type=Path, metavar="DIR", help="a dump of export_reference")
        parser.add_argument("--json", action="store_true", help="print everything as one JSON object")
        parser.add_argument("--report", type=Path, metavar="DIR", help="write report.json and CSV files")

    def handle(self, *_: object, **options: Any) -> None:
        try:
            report = run(read_trial(options["data"], options), options["reference"])
            if options["report"]:
                write_report(options["report"], report)
        except InputError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            json.dump(report, sys.stdout)
            sys.stdout.write("\n")
        else:
            self.stdout.write(json.dumps(brief(report), indent=2))


def run(trial: Trial, reference: Path | None) -> dict[str, Any]:
    """Errors: InputError naming what is wrong with files, parameters or reference data."""
    types, rates, refusals = known_types(), load_charges(reference), Refusals()
    catalogue = Catalogue(load_instruments(reference))
    strategies = [(name, types.parameters(name, given)) for name, given in trial.strategies]
    roster = Roster()
    runners = [
        Runner(root_id(str(ordinal)), ordinal, types.find(name), parameters, roster=roster)
        for ordinal, (name, parameters) in enumerate(strategies)
    ]
    limits = trial.limits or GivenLimits(load_limits(reference))
    decider = Decider(_book(trial, rates), Limited(limits.scopes([name for name, _ in trial.strategies])))
    decider.exchange = load_exchange(reference)
    decider.watch = _watch(trial, decider.book, runners)
    backtest = Backtest(runners, decider)
    backtest.run(batches(accepted_ticks(trial.files, catalogue, trial.tick_size, refusals), BATCH))
    limits.check_symbols(catalogue)
    check_symbols(trial.exits, catalogue)
    warn(refusals)
    for fault in backtest.lane.slowed:
        print(f"strategy {fault.strategy} is asked tick by tick: {fault.reason}", file=sys.stderr)
    described = [(name, plain(parameters)) for name, parameters in strategies]
    used = [catalogue.by_id[number] for number in backtest.prices.marks()]
    return {
        "data": [str(file) for file in trial.files],
        "parameters": [{"type": name, "parameters": given} for name, given in described],
        "ticks": backtest.ticks,
        "refused": dict(refusals.counts),
        "faults": {str(ordinal): fault for ordinal, fault in backtest.faults.items()},
        **results(backtest, described),
        "reference_hash": reference_hash(used, rates, load_limits(reference), decider.exchange),
    }


def _book(trial: Trial, rates: list[Rates]) -> Book:
    return Book(
        starting_cash=trial.cash,
        cash=trial.cash,
        rates_on=RatesTable(rates),
        terms=PaperTerms(trial.slippage_bps, trial.latency_ms),
        is_watched=trial.exits.is_on,
    )


def _watch(trial: Trial, book: Book, runners: list[Runner]) -> Watch | None:
    ids = {runner.ordinal: runner.id for runner in runners}
    return Watch(book, trial.exits, ids, Memory.of(book)) if trial.exits.is_on else None


def brief(report: dict[str, Any]) -> dict[str, Any]:
    """Counts in place of lists."""
    return {name: len(part) if name in LISTS else part for name, part in report.items()}


def write_report(directory: Path, report: dict[str, Any]) -> None:
    """Errors: InputError when the folder cannot be written."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "report.json").write_text(json.dumps(report, indent=2))
        for name in LISTS:
            _write_csv(directory / f"{name}.csv", report[name])
    except OSError as error:
        raise InputError(f"--report {directory}: {error.strerror}") from error


def _write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(rows)
