"""Rows of what looks after positions: exit rules and triggers in versions, and what a watch remembers."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from risk import exits
from risk.halt import STATES, HaltState


def amount(meaning: str) -> models.DecimalField[Any, Any]:
    return models.DecimalField(max_digits=18, decimal_places=6, null=True, blank=True, help_text=meaning)


class Change(models.Model):
    """One version of a row: before, after, who and when."""

    version = models.PositiveIntegerField(help_text="the version that it made")
    before = models.JSONField()
    after = models.JSONField()
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", null=True)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True
        ordering = ["-changed_at", "-id"]


class ExitRules(models.Model):
    """When positions are left without asking their strategies; an empty rule is off, of several the tightest holds."""

    portfolio = models.ForeignKey("portfolio.Portfolio", models.CASCADE, related_name="exit_rules")
    strategy = models.ForeignKey(
        "strategies.Strategy", models.CASCADE, null=True, blank=True, related_name="exit_rules", help_text="empty: all"
    )
    instrument = models.ForeignKey(
        "trading.Instrument", models.PROTECT, null=True, blank=True, related_name="+", help_text="empty: all"
    )
    version = models.PositiveIntegerField(default=0, editable=False)
    max_daily_loss = amount("rupees below the equity before the day's first tick; of the whole portfolio")
    max_drawdown = amount("fraction of the highest equity; of the whole portfolio")
    strategy_stop_loss = amount("rupees that a strategy lost since it was last flat")
    strategy_target = amount("rupees that a strategy gained since it was last flat")
    strategy_trailing_stop = amount("rupees below the best of a strategy since it was last flat")
    stop_loss = amount("fraction of a position's average price, 0.02 is 2 %")
    target = amount("fraction of a position's average price")
    trailing_stop = amount("fraction of the best price since a position's entry")
    square_off = models.TimeField(null=True, blank=True, help_text="time of day in India")
    breach_state = models.CharField(
        max_length=8,
        choices=STATES,
        default=HaltState.REDUCING,
        help_text="what the portfolio becomes when a rule about the whole of it is broken",
    )

    class Meta:
        verbose_name_plural = "exit rules"
        ordering = ["portfolio_id", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["portfolio", "strategy", "instrument"], nulls_distinct=False, name="one_row_of_exits_per_scope"
            )
        ]

    def rules(self) -> exits.ExitRules:
        return exits.ExitRules(**{name: getattr(self, name) for name in exits.EXIT_NAMES})

    def scope(self) -> exits.Scope:
        ordinal = self.strategy.ordinal if self.strategy else None
        return exits.Scope(ordinal, self.instrument.symbol if self.instrument else None)

    def clean(self) -> None:
        if self.strategy and self.strategy.portfolio_id != self.portfolio_id:
            raise ValidationError({"strategy": "the portfolio has no such strategy"})
        if wrong := dict(exits.faults(self.scope(), self.rules())):
            raise ValidationError(wrong)

    def __str__(self) -> str:
        return f"exit rules of {' '.join(str(w) for w in (self.portfolio, self.strategy, self.instrument) if w)}"


class ExitRulesChange(Change):
    of = models.ForeignKey(ExitRules, models.CASCADE, related_name="changes")

    class Meta(Change.Meta):
        constraints = [models.UniqueConstraint(fields=["of", "version"], name="one_exit_change_per_version")]

    def __str__(self) -> str:
        return f"version {self.version} of {self.of}"


class WatchMemory(models.Model):
    """What the look after each tick remembers of a portfolio at its clock (JSON)."""

    portfolio = models.OneToOneField("portfolio.Portfolio", models.CASCADE, related_name="memory", primary_key=True)
    state = models.JSONField()

    class Meta:
        verbose_name_plural = "watch memories"

    def __str__(self) -> str:
        return f"memory of {self.portfolio}"


class Triggers(models.Model):
    """What halts a portfolio of a live or mock market by itself; an empty one is off."""

    portfolio = models.OneToOneField("portfolio.Portfolio", models.CASCADE, related_name="triggers")
    version = models.PositiveIntegerField(default=0, editable=False)
    max_denials_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="signals that were denied; not those that a halt denied"
    )
    max_orders_per_minute = models.PositiveIntegerField(null=True, blank=True)
    max_feed_age_seconds = models.PositiveIntegerField(null=True, blank=True, help_text="since the market's last tick")
    max_shard_lag = models.PositiveBigIntegerField(null=True, blank=True, help_text="ticks behind the market's log")
    reconciles = models.BooleanField(default=False, help_text="cash and positions must be those of the fills")
    state = models.CharField(max_length=8, choices=STATES, default=HaltState.REDUCING)
    flattens = models.BooleanField(default=False, help_text="positions are left, then nothing is ordered")

    class Meta:
        verbose_name_plural = "triggers"

    def __str__(self) -> str:
        return f"triggers of {self.portfolio}"


class TriggersChange(Change):
    of = models.ForeignKey(Triggers, models.CASCADE, related_name="changes")

    class Meta(Change.Meta):
        constraints = [models.UniqueConstraint(fields=["of", "version"], name="one_trigger_change_per_version")]

    def __str__(self) -> str:
        return f"version {self.version} of {self.of}"
