"""Rows of risk: limits of a portfolio, halts, decisions with their verdicts."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from risk.halt import HaltState
from risk.watch_models import ExitRules, ExitRulesChange, Triggers, TriggersChange, WatchMemory
from trading.models import Instrument

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

DECIMALS = (
    *("max_order_value", "max_position_value", "max_gross_exposure", "max_net_exposure"),
    *("max_concentration", "max_leverage", "min_seconds_between_equals"),
    *("max_volume_fraction", "max_close_deviation"),
)


def rupees() -> models.DecimalField[Any, Any]:
    return models.DecimalField(max_digits=20, decimal_places=6, null=True, blank=True, help_text="rupees")


def fraction(meaning: str) -> models.DecimalField[Any, Any]:
    return models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True, help_text=meaning)


class Limits(models.Model):
    """Limits of a person, a portfolio, a strategy, an instrument or an instrument of one of these; an empty one is off.

    Of all rows that concern an order the tightest limit holds. The row that names nothing is what new portfolios
    start with.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", null=True, blank=True, help_text="all portfolios"
    )
    portfolio = models.ForeignKey(
        "portfolio.Portfolio", models.CASCADE, related_name="all_limits", null=True, blank=True
    )
    strategy = models.ForeignKey(
        "strategies.Strategy", models.CASCADE, related_name="+", null=True, blank=True, help_text="of the portfolio"
    )
    instrument = models.ForeignKey(
        "trading.Instrument", models.PROTECT, related_name="+", null=True, blank=True, help_text="only orders in it"
    )
    version = models.PositiveIntegerField(default=1, editable=False)
    max_position = models.PositiveBigIntegerField(null=True, blank=True, default=1_000)
    max_trades_per_day = models.PositiveIntegerField(null=True, blank=True, default=50)
    max_price_deviation = models.DecimalField(
        max_digits=9,
        decimal_places=6,
        null=True,
        blank=True,
        default="0.10",
        help_text="fraction, 0.10 is 10 %",
    )
    max_age_seconds = models.DecimalField(max_digits=9, decimal_places=3, null=True, blank=True, default="5")
    max_order_quantity = models.PositiveBigIntegerField(null=True, blank=True)
    max_order_value = rupees()
    max_position_value = rupees()
    max_gross_exposure = rupees()
    max_net_exposure = rupees()
    max_concentration = fraction("position value / equity")
    max_leverage = fraction("gross exposure / equity")
    max_open_orders = models.PositiveIntegerField(null=True, blank=True)
    max_orders_per_day = models.PositiveIntegerField(null=True, blank=True)
    max_orders_per_second = models.PositiveIntegerField(null=True, blank=True, help_text="of market time")
    min_seconds_between_equals = models.DecimalField(
        max_digits=9,
        decimal_places=3,
        null=True,
        blank=True,
        help_text="between orders of a strategy with the same instrument, side and quantity",
    )
    max_volume_fraction = fraction("order quantity / shares traded in the instrument in the last minutes")
    max_close_deviation = fraction("from the previous close, where it is known")
    allowed_instruments = models.JSONField(null=True, blank=True, help_text='symbols, ["SBIN", "TCS"]; empty: all')
    forbidden_instruments = models.JSONField(null=True, blank=True, help_text='symbols, ["SBIN", "TCS"]')
    may_short = models.BooleanField(default=True)
    may_overdraw = models.BooleanField(default=True, help_text="cash below zero when all working buys fill")
    may_cross_itself = models.BooleanField(default=True, help_text="trade with an order of its own")
    may_trade_after_hours = models.BooleanField(default=True, help_text="outside the trading hours")
    may_leave_grid = models.BooleanField(default=True, help_text="prices off the tick size, quantities off the lot")
    may_leave_circuit = models.BooleanField(default=True, help_text="prices beyond an instrument's circuit limits")
    may_slice = models.BooleanField(default=True, help_text="more than the freeze quantity, in several orders")

    class Meta:
        verbose_name_plural = "limits"
        constraints = [
            models.UniqueConstraint(
                fields=["portfolio", "user", "strategy", "instrument"], nulls_distinct=False, name="one_row_of_limits"
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=True) | Q(portfolio__isnull=True), name="limits_of_user_or_portfolio"
            ),
            models.CheckConstraint(
                condition=Q(strategy__isnull=True) | Q(portfolio__isnull=False), name="limits_of_strategy_in_portfolio"
            ),
            models.CheckConstraint(condition=Q(max_price_deviation__gte=0), name="deviation_not_negative"),
            models.CheckConstraint(condition=Q(max_age_seconds__gte=0), name="age_not_negative"),
            *(
                models.CheckConstraint(condition=Q(**{f"{name}__gte": 0}), name=f"{name}_not_negative")
                for name in DECIMALS
            ),
        ]

    def clean(self) -> None:
        for name in ("allowed_instruments", "forbidden_instruments"):
            _check_symbols(name, getattr(self, name))

    @property
    def kind(self) -> str:
        """Whose they are, in a word or two."""
        owner = "strategy" if self.strategy_id else "portfolio" if self.portfolio_id else "user"
        named = [owner] if self.portfolio_id or self.user_id else []
        return "+".join([*named, "instrument"] if self.instrument_id else named) or "new portfolios"

    def __str__(self) -> str:
        named = [self.user, self.portfolio, self.strategy, self.instrument]
        return f"limits of {', '.join(str(row) for row in named if row) or 'new portfolios'}"


def _check_symbols(name: str, symbols: Any) -> None:
    """A symbol that is mistyped would forbid nothing. Errors: ValidationError."""
    if symbols is None:
        return
    if not isinstance(symbols, list | tuple) or not all(isinstance(symbol, str) for symbol in symbols):
        raise ValidationError({name: 'give a list of symbols, ["SBIN", "TCS"]'})
    known = set(Instrument.objects.filter(symbol__in=symbols).values_list("symbol", flat=True))
    unknown = sorted(set(symbols) - known)
    if unknown:
        raise ValidationError({name: f"there is no instrument {unknown[0]!r}"})


class LimitsChange(models.Model):
    """Who changed which limits when: each version of a row of limits, before and after."""

    limits = models.ForeignKey(Limits, models.CASCADE, related_name="changes")
    version = models.PositiveIntegerField(help_text="the version that it made")
    before = models.JSONField()
    after = models.JSONField()
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", null=True)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-changed_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["limits", "version"], name="one_change_per_version")]

    def __str__(self) -> str:
        return f"version {self.version} of {self.limits}"


class Halt(models.Model):
    """While it is in force nothing is ordered, or exits only: by one strategy, in one portfolio, or everywhere."""

    portfolio = models.ForeignKey("portfolio.Portfolio", models.PROTECT, null=True, blank=True, related_name="halts")
    strategy = models.ForeignKey("strategies.Strategy", models.PROTECT, null=True, blank=True, related_name="halts")
    state = models.CharField(
        max_length=8,
        choices=[(HaltState.HALTED, "halted: nothing is ordered"), (HaltState.REDUCING, "reducing: exits only")],
        default=HaltState.HALTED,
    )
    reason = models.TextField()
    rule = models.CharField(max_length=32, blank=True, editable=False, help_text="what set it; empty: a person")
    limit = models.CharField(max_length=64, blank=True, editable=False)
    observed = models.CharField(max_length=128, blank=True, editable=False)
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
