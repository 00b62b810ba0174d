"""Rows of limits, and of their changes with before, after, who and when."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from trading.models import Instrument

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
    needs_approval = models.BooleanField(
        default=False,
        help_text="of a person, or of new portfolios for everybody: what loosens waits for another member of staff",
    )
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
        if self.needs_approval and (self.portfolio_id or self.instrument_id):
            raise ValidationError({"needs_approval": "is said of a person, or of new portfolios for everybody"})
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
    """Who changed which limits when: each version of a row of limits, before and after; and what waits to be one."""

    class State(models.TextChoices):
        APPLIED = "applied"
        PROPOSED = "proposed"
        REJECTED = "rejected"

    limits = models.ForeignKey(Limits, models.CASCADE, related_name="changes")
    state = models.CharField(max_length=8, choices=State, default=State.APPLIED)
    version = models.PositiveIntegerField(null=True, help_text="the version that it made")
    before = models.JSONField()
    after = models.JSONField()
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", null=True)
    changed_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", null=True)
    decided_at = models.DateTimeField(null=True, help_text="when it was approved or rejected")

    class Meta:
        ordering = ["-changed_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["limits", "version"], name="one_change_per_version"),
            models.CheckConstraint(
                condition=Q(state="applied", version__isnull=False) | ~Q(state="applied") & Q(version__isnull=True),
                name="only_what_is_applied_makes_a_version",
            ),
        ]
        indexes = [models.Index(fields=["limits"], condition=Q(state="proposed"), name="changes_proposed")]

    def __str__(self) -> str:
        return f"{f'version {self.version}' if self.version else self.state} of {self.limits}"
