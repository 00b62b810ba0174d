"""Shows what could not be done and sends it again."""

from __future__ import annotations

from argparse import ArgumentParser
from time import monotonic, sleep
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet

from alphapanda.dead_letters import collect, replay_all
from alphapanda.models import DeadLetter

WAIT_SECONDS = 15.0
LOOK_SECONDS = 0.1


class Command(BaseCommand):
    help = "List the open dead letters, or send them again (after their cause was mended) and say what came of it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--list", action="store_true", help="the open ones, newest first (the default)")
        what.add_argument("--replay", metavar="ID|all", help="send one or all again and wait for it")

    def handle(self, *_: object, **options: Any) -> None:
        collect()
        if options["replay"] is None:
            self._list()
        else:
            self._replay(_chosen(options["replay"]))

    def _list(self) -> None:
        for letter in DeadLetter.objects.filter(resolved_at=None):
            what = f"{letter.task} {letter.arguments}" if letter.task else f"unreadable message in {letter.queue}"
            self.stdout.write(
                f"{letter.pk}: {what}, {letter.times} times, last {letter.last_at:%F %T}: {letter.reason}"
            )

    def _replay(self, letters: QuerySet[DeadLetter]) -> None:
        before = {letter.pk: letter.times for letter in letters}
        hindered = replay_all(letters)
        outcomes = {**_outcomes({pk: times for pk, times in before.items() if pk not in hindered}), **hindered}
        for pk, outcome in outcomes.items():
            self.stdout.write(f"{pk}: {outcome}")
        if failed := [pk for pk, outcome in outcomes.items() if outcome != "done"]:
            raise CommandError(f"{len(failed)} of {len(outcomes)} are still open")


def _chosen(wanted: str) -> QuerySet[DeadLetter]:
    letters = DeadLetter.objects.filter(resolved_at=None)
    if wanted == "all":
        return letters.exclude(task="")
    if not wanted.isdigit() or not letters.filter(pk=wanted).exists():
        raise CommandError(f"--replay {wanted}: there is no open dead letter of this number; see --list")
    return letters.filter(pk=wanted)


def _outcomes(sent: dict[int, int]) -> dict[int, str]:
    """What became of letters (with how often they had failed before they were sent)."""
    outcomes: dict[int, str] = {}
    deadline = monotonic() + WAIT_SECONDS
    while len(outcomes) < len(sent) and monotonic() < deadline:
        collect()
        for letter in DeadLetter.objects.filter(pk__in=sent.keys() - outcomes.keys()):
            if letter.resolved_at:
                outcomes[letter.pk] = "done"
            elif letter.times > sent[letter.pk]:
                outcomes[letter.pk] = f"failed again: {letter.reason}"
        sleep(LOOK_SECONDS)
    return {pk: outcomes.get(pk, f"not done after {WAIT_SECONDS:.0f} s; are the workers running?") for pk in sent}
