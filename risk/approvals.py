"""Four eyes: a change that loosens waits until a member of staff other than its proposer has looked at it."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from alphapanda.errors import InputError
from risk import models
from risk.limit_services import Whose, store, with_values

State = models.LimitsChange.State


def approve(change: models.LimitsChange, by: User) -> models.LimitsChange:
    """Makes it a version; decisions from now on use it. Errors: InputError saying why it cannot be approved."""
    if not by.is_staff or by.pk == change.changed_by_id:
        raise InputError("a change is approved by a member of staff who did not propose it")
    with transaction.atomic():
        Whose.of(change.limits).lock()
        row = models.Limits.objects.get(pk=change.limits_id)
        record = store(row, with_values(row, change.after), change.after)
        return _decide(change, by, State.APPLIED, **record)


def reject(change: models.LimitsChange, by: User) -> models.LimitsChange:
    """Whoever proposed it may take it back. Errors: InputError."""
    if not by.is_staff and by.pk != change.changed_by_id:
        raise InputError("a change is rejected by a member of staff, or taken back by who proposed it")
    with transaction.atomic():
        return _decide(change, by, State.REJECTED)


def _decide(change: models.LimitsChange, by: User, state: State, **record: object) -> models.LimitsChange:
    """Once only: the precondition is in the filter."""
    waiting = models.LimitsChange.objects.filter(pk=change.pk, state=State.PROPOSED)
    if not waiting.update(state=state, decided_by=by, decided_at=Now(), **record):
        raise InputError("the change does not wait any more")
    change.refresh_from_db()
    return change
