"""Rows of portfolios: money, clock, positions, points of the equity curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from trading.charges import Product
from trading.models import choices

if TYPE_CHECKING:
    from risk.models import Limits


class Portfolio(models.Model):
    """One person's account in one market, for life. `clock` is the last finished tick; `book_version` another one after
    each change of a position.
    """

    class Mode(models.TextChoices):
        PAPER = "paper"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="portfolios")
    name = models.CharField(max_length=128)
    market = models.ForeignKey("trading.Market", models.PROTECT, related_name="portfolios")
    shard = models.PositiveIntegerField(editable=False)
    mode = models.CharField(max_length=8, choices=Mode, default=Mode.PAPER)
    product = models.CharField(max_length=4, choices=choices(Product), default=Product.MIS)
    currency = models.CharField(max_length=3, default="INR", editable=False)
    starting_cash = models.DecimalField(max_digits=24, decimal_places=6)
    cash = models.DecimalField(max_digits=24, decimal_places=6)
    peak_equity = models.DecimalField(max_digits=24, decimal_places=6, default=0)
    clock = models.BigIntegerField(default=0)
    book_version = models.BigIntegerField(default=0, editable=False)
    is_watched = models.BooleanField(default=False, editable=False, help_text="exit rules look at what it holds")
    slippage_bps = models.DecimalField(max_digits=9, decimal_places=4, default="5")
    latency_ms = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="one_portfolio_per_name"),
            models.CheckConstraint(condition=Q(starting_cash__gt=0), name="starting_cash_positive"),
            models.CheckConstraint(condition=Q(slippage_bps__gte=0), name="slippage_not_negative"),
        ]
        indexes = [models.Index(fields=["market", "shard"], name="portfolios_of_shard")]

    @property
    def limits(self) -> Limits:
        """Those of the whole portfolio."""
        return self.all_limits.get(strategy=None, instrument=None)

    def __str__(self) -> str:
        return self.name


class Position(models.Model):
    """Shares of one strategy in one instrument at total cost; `mark` is a last price to fall back on."""

    portfolio = models.ForeignKey(Portfolio, models.PROTECT, related_name="positions")
    strategy = models.ForeignKey("strategies.Strategy", models.PROTECT, related_name="positions")
    instrument = models.ForeignKey("trading.Instrument", models.PROTECT)
    quantity = models.BigIntegerField(default=0)
    cost = models.DecimalField(max_digits=24, decimal_places=6, default=0)
    realised = models.DecimalField(max_digits=24, decimal_places=6, default=0)
    charges = models.DecimalField(max_digits=24, decimal_places=6, default=0)
    mark = models.DecimalField(max_digits=18, decimal_places=4, null=True)

    class Meta:
        ordering = ["portfolio_id", "strategy_id", "instrument_id"]
        constraints = [
            models.UniqueConstraint(fields=["strategy", "instrument"], name="one_position"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} {self.instrument}"


class EquityPoint(models.Model):
    """What a portfolio was worth, about once a minute of wall time while it is valued."""

    portfolio = models.ForeignKey(Portfolio, models.CASCADE, related_name="equity_points")
    minute = models.DateTimeField()
    tick = models.BigIntegerField()
    equity = models.DecimalField(max_digits=24, decimal_places=6)
    cash = models.DecimalField(max_digits=24, decimal_places=6)

    class Meta:
        ordering = ["-minute"]
        constraints = [models.UniqueConstraint(fields=["portfolio", "minute"], name="one_equity_point")]

    def __str__(self) -> str:
        return f"{self.equity} at {self.minute}"
