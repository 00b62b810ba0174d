"""Says what is wrong with the house, and what to do about it."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError

from alphapanda.status import checks


class Command(BaseCommand):
    help = "Check servers, migrations, queues, beat, feeds, shards, clocks, disk, failures; exit code 1 when not well."
    requires_system_checks: list[str] = []

    def handle(self, *_: object, **__: object) -> None:
        found = checks()
        for check in found:
            self.stdout.write(f"{'ok ' if check.ok else 'BAD'} {check.name}: {check.detail}")
        bad = [check.name for check in found if not check.ok]
        if bad:
            raise CommandError(f"not well: {', '.join(bad)}")
