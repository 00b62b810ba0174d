"""What came of it: a table for people, a line of JSON for programs."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from statistics import median

from tests.chaos.experiment import Round, Struck

SLOWEST_SECONDS = 60.0


def table(rounds: Sequence[Round]) -> str:
    """Lost and doubled rows count for the round that they are found in, so each of its faults shows them."""
    width = max((len(kind) for kind in _by_kind(rounds)), default=0)
    head = f"{'fault':{width}}  times  lost  doubled  recovery p50   max"
    return "\n".join([head, *(_line(kind, rounds, width) for kind in sorted(_by_kind(rounds)))])


def _line(kind: str, rounds: Sequence[Round], width: int) -> str:
    with_it = [done for done in rounds if any(struck.kind == kind for struck in done.faults)]
    recoveries = [struck.recovery for struck in _struck(rounds) if struck.kind == kind]
    lost, doubled = sum(r.lost for r in with_it), sum(r.doubled for r in with_it)
    times = f"{median(recoveries):10.1f} s {max(recoveries):5.1f} s"
    return f"{kind:{width}}  {len(recoveries):5}  {lost:4}  {doubled:7}  {times}"


def _struck(rounds: Sequence[Round]) -> list[Struck]:
    return [struck for done in rounds for struck in done.faults]


def _by_kind(rounds: Sequence[Round]) -> Counter[str]:
    return Counter(struck.kind for struck in _struck(rounds))


def summary(rounds: Sequence[Round], troubles: Sequence[str]) -> dict[str, object]:
    """`troubles`: whatever else went wrong; pending work of rounds belongs to it."""
    recoveries = [struck.recovery for struck in _struck(rounds)]
    return {
        "faults": len(recoveries),
        "by_kind": dict(sorted(_by_kind(rounds).items())),
        "lost": sum(done.lost for done in rounds),
        "doubled": sum(done.doubled for done in rounds),
        "hash_equal": bool(rounds) and all(done.is_equal for done in rounds),
        "recovery_p50_s": round(median(recoveries), 2) if recoveries else None,
        "recovery_max_s": round(max(recoveries), 2) if recoveries else None,
        "rounds": len(rounds),
        "load": [round(load, 1) for load in os.getloadavg()],
        "troubles": [*troubles, *(text for done in rounds for text in done.pending)],
    }


def is_good(found: dict[str, object]) -> bool:
    slowest = found["recovery_max_s"]
    return (
        found["hash_equal"] is True
        and (found["lost"], found["doubled"], found["troubles"]) == (0, 0, [])
        and isinstance(slowest, float)
        and slowest <= SLOWEST_SECONDS
    )
