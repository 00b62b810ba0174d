"""Rows of the house itself: what could not be done."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class DeadLetter(models.Model):
    """A task that failed, or a message that could not be read (then without a task), until it has been dealt with."""

    task = models.CharField(max_length=128, blank=True)
    arguments = models.JSONField(null=True, blank=True)
    queue = models.CharField(max_length=64)
    reason = models.TextField()
    traceback = models.TextField(blank=True)
    body = models.TextField(blank=True, help_text="the beginning of a message that could not be read")
    correlation_id = models.UUIDField(null=True, blank=True)
    fingerprint = models.CharField(max_length=64, editable=False)
    times = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField(db_index=True)
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["fingerprint"], condition=Q(resolved_at__isnull=True), name="one_open_dead_letter"
            )
        ]

    def __str__(self) -> str:
        return f"{self.task or 'unreadable message'} in {self.queue}: {self.reason}"
