"""Dumps the reference data of this database for backtests elsewhere."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Model
from django.forms.models import model_to_dict
from pydantic import BaseModel

from alphapanda.reference import ChargeRow, HoursRow, InstrumentRow, LimitsRow, SpecialDayRow
from risk.limit_services import default_limits
from trading.hours import SpecialDay, TradingHours
from trading.models import ChargeRate, Instrument


class Command(BaseCommand):
    help = "Write instruments, charge rates, calendar and default limits as JSON files for `backtest --reference DIR`."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--out", type=Path, default=Path("reference"), help="folder (default ./reference)")

    def handle(self, *_: object, **options: Any) -> None:
        folder: Path = options["out"]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, rows in dump().items():
                (folder / f"{name}.json").write_text(json.dumps(rows, indent=2, default=str) + "\n")
        except OSError as error:
            raise CommandError(f"--out {folder}: {error.strerror}") from error
        self.stdout.write(str(folder))


def dump() -> dict[str, list[dict[str, Any]]]:
    """Rows as `alphapanda.reference` reads them."""
    return {
        "instruments": [_fields(row, InstrumentRow) for row in Instrument.objects.order_by("pk")],
        "charges": [_fields(row, ChargeRow) for row in ChargeRate.objects.all()],
        "trading_hours": [_fields(row, HoursRow) for row in TradingHours.objects.all()],
        "special_days": [_fields(row, SpecialDayRow) for row in SpecialDay.objects.all()],
        "limits": [{name: getattr(default_limits(), name) for name in LimitsRow.model_fields}],
    }


def _fields(row: Model, shape: type[BaseModel]) -> dict[str, Any]:
    return model_to_dict(row, fields=list(shape.model_fields))
