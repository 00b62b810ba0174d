"""From the start of the house to the verdict; whatever happens, the house is stopped."""

from __future__ import annotations

import json
import traceback
from argparse import Namespace
from pathlib import Path
from random import Random
from time import monotonic

from alphapanda.management.commands import backtest
from tests.chaos import fault, faults_messages, faults_packets, faults_processes, report, subject  # noqa: F401  (they register)
from tests.chaos.experiment import Experiment, Round
from tests.chaos.house import House

BEGUN = monotonic()


def say(text: str) -> None:
    print(f"{monotonic() - BEGUN:7.1f} s  {text}", flush=True)  # noqa: T201


def run(home: Path, options: Namespace) -> int:
    """The exit code."""
    rounds: list[Round] = []
    troubles: list[str] = []
    house = House(home)
    try:
        house.start()
        conduct(house, options, rounds)
    except Exception as error:  # noqa: BLE001  (whatever it is, the house is stopped and the verdict given)
        traceback.print_exc()
        troubles.append(f"{type(error).__name__}: {error}")
    finally:
        troubles += [f"left over: {command}" for command in house.stop()]
    found = report.summary(rounds, troubles)
    print(report.table(rounds))  # noqa: T201
    print(json.dumps(found), flush=True)  # noqa: T201
    return 0 if report.is_good(found) else 1


def conduct(house: House, options: Namespace, rounds: list[Round]) -> None:
    random = Random(options.seed)
    files = options.data or subject.bars(house.home, options.seed, options.days)
    trials = subject.trials(files, house.home)
    experiment = Experiment(house, trials, options.seconds, say)
    wanted = [backtest.run(trial, None)["ledger_hash"] for trial in trials]
    undisturbed = experiment.undisturbed()
    say("undisturbed: " + "; ".join(f"{ledger.rows.total()} rows, {ledger.hash}" for ledger in undisturbed))
    if [ledger.hash for ledger in undisturbed] != wanted:
        raise AssertionError(f"the undisturbed replays differ from the backtests, {wanted}")
    planned = fault.plan(random, options.faults, chosen(options.kinds) or possible(house))
    while planned:
        experiment.round(planned, random, rounds)


def chosen(names: list[str] | None) -> list[str]:
    unknown = set(names or ()) - fault.KINDS.keys()
    if unknown:
        raise ValueError(f"no such fault: {', '.join(sorted(unknown))}; there are {', '.join(fault.KINDS)}")
    return names or []


def possible(house: House) -> list[str]:
    """Every kind, or all that this machine allows."""
    if faults_packets.are_possible(house):
        return list(fault.KINDS)
    say("left out, for the kernel does not let us swallow packets (CAP_SYS_PTRACE, Linux 5.6): black holes")
    return [name for name in fault.KINDS if name not in faults_packets.KINDS_OF_PACKETS]
