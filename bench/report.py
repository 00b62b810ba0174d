"""Rows of the table: what was measured, against what, and how many times better ours is."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

RESULTS = Path(__file__).parent / "results.json"


@dataclass(frozen=True, slots=True)
class Row:
    """`ratio` is above 1 when ours is better, whether more or less of the unit is good."""

    name: str
    ours: float
    unit: str
    against: str
    other: float
    ratio: float
    conditions: str


def more_is_better(name: str, ours: float, unit: str, against: str, other: float, conditions: str) -> Row:
    """Of things done a second."""
    return Row(name, ours, unit, against, other, ours / other, conditions)


def less_is_better(name: str, ours: float, unit: str, against: str, other: float, conditions: str) -> Row:
    """Of time, memory or loss; none at all is as good as it gets."""
    ratio = other / ours if ours else float(other > 0) * 1e9 or 1.0
    return Row(name, ours, unit, against, other, ratio, conditions)


def middle(values: Iterable[float]) -> float:
    return float(median(values))


def percentile(values: Sequence[float], part: float) -> float:
    """The value that this part (0 to 1) of them does not exceed. Errors: ValueError when there is none."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("nothing was measured")
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def table(rows: Iterable[Row]) -> str:
    head = ("name", "ours", "unit", "against", "other", "ratio")
    lines = [head, *((r.name, _short(r.ours), r.unit, r.against, _short(r.other), _short(r.ratio)) for r in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def markdown(rows: Iterable[Row]) -> str:
    """The same for docs/performance.md."""
    cells = [(r.name, _short(r.ours), r.unit, r.against, _short(r.other), _short(r.ratio)) for r in rows]
    lines = [("name", "ours", "unit", "against", "other", "ratio"), ("---",) * 6, *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def read(path: Path = RESULTS) -> list[Row]:
    return [Row(**row) for row in json.loads(path.read_text())]


def write(rows: Iterable[Row], path: Path = RESULTS) -> None:
    path.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


def _short(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.4g}"
