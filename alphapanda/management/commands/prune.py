"""Removes what is too old now, instead of in the hourly slices."""

from __future__ import annotations

from django.core.management.base import BaseCommand

from alphapanda.retention import prune


class Command(BaseCommand):
    help = "Remove old equity points, gaps, dead letters, replay files and expired tokens; never the ledger."

    def handle(self, *_: object, **__: object) -> None:
        removed = prune().removed
        for name, count in removed.items():
            self.stdout.write(f"{count} {name}")
        self.stdout.write("pruned" if removed else "nothing to prune")
