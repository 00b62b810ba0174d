"""Rows of strategies: configuration in versions, controls, shards with their place, states, signals."""

from __future__ import annotations

import uuid

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils import timezone

from strategies.signal import Source
from trading.models import choices
from trading.order import OrderType, Side, Validity


class Strategy(models.Model):
    """A strategy of a portfolio; `ordinal` is its number there and decides who goes first at a tick."""

    class Status(models.TextChoices):
        NEW = "NEW"
        RUNNING = "RUNNING"
        STOPPED = "STOPPED"
        QUARANTINED = "QUARANTINED"

    portfolio = models.ForeignKey("portfolio.Portfolio", models.PROTECT, related_name="strategies")
    ordinal = models.PositiveIntegerField()
    name = models.CharField(max_length=128)
    instruments = models.ManyToManyField(
        "trading.Instrument", blank=True, help_text="empty: every instrument of the market"
    )
    status = models.CharField(max_length=12, choices=Status, default=Status.NEW)
    status_reason = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["portfolio_id", "ordinal"]
        verbose_name_plural = "strategies"
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "ordinal"], name="one_strategy_per_ordinal"),
            models.UniqueConstraint(fields=["portfolio", "name"], name="one_strategy_per_name"),
        ]

    def __str__(self) -> str:
        return self.name


class StrategyVersion(models.Model):
    """What a strategy was told to do; a change makes a new version, history keeps the old ones."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    strategy = models.ForeignKey(Strategy, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    type = models.CharField(max_length=64)
    parameters = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["strategy_id", "-number"]
        constraints = [models.UniqueConstraint(fields=["strategy", "number"], name="one_version_per_number")]

    def __str__(self) -> str:
        return f"{self.strategy} v{self.number}"


class Control(models.Model):
    """Start, stop, new version, quarantine: takes effect at one tick, which the sequencer gives."""

    class Kind(models.TextChoices):
        START = "START"
        VERSION = "VERSION"
        STOP = "STOP"
        QUARANTINE = "QUARANTINE"

    market = models.ForeignKey("trading.Market", models.CASCADE, related_name="controls")
    strategy = models.ForeignKey(Strategy, models.PROTECT, related_name="controls")
    version = models.ForeignKey(StrategyVersion, models.PROTECT, null=True, blank=True)
    kind = models.CharField(max_length=10, choices=Kind)
    from_tick = models.BigIntegerField(null=True, blank=True)
    is_settled = models.BooleanField(default=False, help_text="the portfolio has cancelled what was resting")
    reason = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["market"], condition=Q(from_tick__isnull=True), name="controls_waiting"),
            models.Index(fields=["strategy", "from_tick"], name="controls_of_strategy"),
            models.Index(
                fields=["strategy"],
                condition=Q(is_settled=False, kind__in=["STOP", "QUARANTINE"]),
                name="controls_unsettled",
            ),
        ]

    @property
    def runs(self) -> bool:
        """Whether the strategy runs after it."""
        return self.kind in (self.Kind.START, self.Kind.VERSION)

    def __str__(self) -> str:
        return f"{self.kind} {self.strategy} from tick {self.from_tick}"


class Shard(models.Model):
    """A part of a market's strategies. `epoch` fences its workers; `seen` is the last tick evaluated by all.

    `saved` is the tick that `prices` (`Prices.dump`) belongs to: a worker that loads starts reading the log behind it.
    """

    market = models.ForeignKey("trading.Market", models.CASCADE, related_name="shards")
    number = models.PositiveIntegerField()
    epoch = models.BigIntegerField(default=0)
    seen = models.BigIntegerField(default=0)
    saved = models.BigIntegerField(default=0)
    prices = models.TextField(default="{}")

    class Meta:
        ordering = ["market_id", "number"]
        constraints = [models.UniqueConstraint(fields=["market", "number"], name="one_row_per_shard")]

    def __str__(self) -> str:
        return f"{self.market} shard {self.number}"


class StrategyState(models.Model):
    """State of a strategy (JSON) that contains every tick up to `place`, made by `version`."""

    strategy = models.OneToOneField(Strategy, models.CASCADE, related_name="state", primary_key=True)
    version = models.ForeignKey(StrategyVersion, models.CASCADE)
    place = models.BigIntegerField(default=0)
    state = models.TextField(default="{}")

    def __str__(self) -> str:
        return f"{self.strategy} at tick {self.place}"


class Signal(models.Model):
    """An edge of a strategy's target, with the prices it was seen at."""

    id = models.UUIDField(primary_key=True, editable=False)
    portfolio = models.ForeignKey("portfolio.Portfolio", models.PROTECT, related_name="signals", db_index=False)
    strategy = models.ForeignKey(Strategy, models.PROTECT, related_name="signals", db_index=False)
    version = models.ForeignKey(StrategyVersion, models.PROTECT, db_index=False)
    instrument = models.ForeignKey("trading.Instrument", models.PROTECT)
    correlation_id = models.UUIDField(db_index=True)
    tick = models.BigIntegerField()
    n = models.PositiveIntegerField()
    side = models.CharField(max_length=4, choices=choices(Side))
    quantity = models.BigIntegerField()
    target = models.BigIntegerField()
    order_type = models.CharField(max_length=6, choices=choices(OrderType))
    limit_price = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    trigger_price = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    validity = models.CharField(max_length=3, choices=choices(Validity))
    validity_minutes = models.PositiveIntegerField(null=True)
    exchange_time = models.DateTimeField()
    arrival_time = models.DateTimeField(null=True)
    price = models.DecimalField(max_digits=18, decimal_places=4)
    previous_price = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    marks = models.JSONField(default=dict, help_text="last prices by instrument id, in 1/10,000 rupee")
    reason = models.TextField(blank=True)
    confidence = models.FloatField(default=1.0)
    volume = models.BigIntegerField(null=True, help_text="shares traded in the instrument lately")
    source = models.CharField(
        max_length=8,
        choices=[(Source.STRATEGY, "the strategy itself"), (Source.RULE, "an exit rule or a flattening halt")],
        default=Source.STRATEGY,
    )
    is_decided = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-tick", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["version", "tick", "n"], name="one_signal_per_version_tick_n"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="signal_quantity_positive"),
        ]
        indexes = [
            models.Index(fields=["portfolio", "tick"], condition=Q(is_decided=False), name="signals_undecided"),
            models.Index(fields=["portfolio", "-tick"], name="signals_of_portfolio"),
            models.Index(fields=["strategy", "-tick"], name="signals_of_strategy"),
            BrinIndex(fields=["exchange_time"], name="signals_by_time", pages_per_range=16, autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.quantity} at tick {self.tick}"
