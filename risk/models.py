"""Rows of risk: limits of a portfolio, halts, decisions with their verdicts."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from risk.halt import STATES, HaltState
from risk.limit_models import Limits, LimitsChange
from risk.watch_models import ExitRules, ExitRulesChange, Triggers, TriggersChange, WatchMemory

__all__ = [
    "Decision",
    "ExitRules",
    "ExitRulesChange",
    "Halt",
    "Limits",
    "LimitsChange",
    "Triggers",
    "TriggersChange",
    "WatchMemory",
]


class Halt(models.Model):
    """While it is in force nothing is ordered, or exits only: by one strategy, in one portfolio, or everywhere."""

    portfolio = models.ForeignKey("portfolio.Portfolio", models.PROTECT, null=True, blank=True, related_name="halts")
    strategy = models.ForeignKey("strategies.Strategy", models.PROTECT, null=True, blank=True, related_name="halts")
    state = models.CharField(
        max_length=8,
        choices=STATES,
        default=HaltState.HALTED,
    )
    reason = models.TextField()
    rule = models.CharField(max_length=32, blank=True, editable=False, help_text="what set it; empty: a person")
    limit = models.CharField(max_length=64, blank=True, editable=False)
    observed = models.TextField(blank=True, editable=False)
    tick = models.BigIntegerField(null=True, editable=False, help_text="where an exit rule was broken")
    flatten = models.BooleanField(default=False, help_text="positions are left first, then nothing is ordered")
    flat_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", null=True)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", null=True, blank=True)
    lift_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["portfolio"], condition=Q(lifted_at__isnull=True), name="halts_in_force")]
        constraints = [
            models.CheckConstraint(
                condition=Q(strategy__isnull=True) | Q(portfolio__isnull=False), name="halt_of_strategy_names_portfolio"
            )
        ]

    def clean(self) -> None:
        if self.strategy and self.strategy.portfolio_id != self.portfolio_id:
            raise ValidationError({"strategy": "name its portfolio too"})

    def __str__(self) -> str:
        return f"halt of {self.strategy or self.portfolio or 'everything'}: {self.reason}"


class Decision(models.Model):
    """What risk made of a signal: every verdict with rule, limit and observed value."""

    id = models.UUIDField(primary_key=True, editable=False)
    signal = models.OneToOneField("strategies.Signal", models.PROTECT, related_name="decision")
    portfolio = models.ForeignKey("portfolio.Portfolio", models.PROTECT, related_name="decisions", db_index=False)
    strategy = models.ForeignKey("strategies.Strategy", models.PROTECT, related_name="decisions")
    instrument = models.ForeignKey("trading.Instrument", models.PROTECT)
    correlation_id = models.UUIDField()
    tick = models.BigIntegerField()
    n = models.PositiveIntegerField()
    trade_date = models.DateField(help_text="day in India of the signal's exchange time")
    exchange_time = models.DateTimeField()
    approved = models.BooleanField()
    quantity = models.BigIntegerField()
    denied_by = models.JSONField(default=list)
    verdicts = models.JSONField(default=list)
    limits_version = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-tick", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(approved=True, quantity__gt=0) | Q(approved=False, quantity=0),
                name="approved_has_quantity",
            )
        ]
        indexes = [
            models.Index(fields=["portfolio", "-tick"], name="decisions_of_portfolio"),
            models.Index(fields=["portfolio", "-tick"], condition=Q(approved=False), name="decisions_denied"),
            BrinIndex(fields=["exchange_time"], name="decisions_by_time", pages_per_range=16, autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{'approved' if self.approved else 'denied'} at tick {self.tick}"


class TradesOfDay(models.Model):
    """How many decisions of a strategy were approved on a day in India, and how many orders beyond their first those
    that were sliced made: counted as they are decided, because counting them again would cost more with every trade.
    """

    strategy = models.ForeignKey("strategies.Strategy", models.PROTECT, related_name="trades_of_days", db_index=False)
    trade_date = models.DateField()
    trades = models.PositiveIntegerField()
    more_orders = models.PositiveIntegerField()

    class Meta:
        ordering = ["strategy_id", "-trade_date"]
        constraints = [models.UniqueConstraint(fields=["strategy", "trade_date"], name="one_count_of_trades_per_day")]

    def __str__(self) -> str:
        return f"{self.trades} on {self.trade_date}"
