"""Rows of the exchanges' calendar."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q


class TradingHours(models.Model):
    """Monday to Friday from a day on, times in India."""

    exchange = models.CharField(max_length=8, blank=True, help_text="empty: every exchange")
    valid_from = models.DateField()
    opens = models.TimeField()
    closes = models.TimeField()

    class Meta:
        ordering = ["exchange", "-valid_from"]
        verbose_name_plural = "trading hours"
        constraints = [
            models.UniqueConstraint(fields=["exchange", "valid_from"], name="one_row_of_hours_per_day"),
            models.CheckConstraint(condition=Q(opens__lt=F("closes")), name="opens_before_it_closes"),
        ]

    def __str__(self) -> str:
        return f"{self.exchange or 'every exchange'} from {self.valid_from}: {self.opens} to {self.closes}"


class SpecialDay(models.Model):
    """A holiday, or a day with other hours than the week's: muhurat, a Saturday session."""

    exchange = models.CharField(max_length=8, blank=True, help_text="empty: every exchange")
    day = models.DateField()
    name = models.CharField(max_length=64)
    opens = models.TimeField(null=True, blank=True, help_text="empty: a holiday")
    closes = models.TimeField(null=True, blank=True)

    class Meta:
        ordering = ["-day", "exchange"]
        constraints = [
            models.UniqueConstraint(fields=["exchange", "day"], name="one_special_day"),
            models.CheckConstraint(
                condition=Q(opens__isnull=True, closes__isnull=True) | Q(opens__lt=F("closes")),
                name="special_day_has_both_times_or_none",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.name}"
