"""Rows of trading: instruments, charge rates, markets with their gaps and last prices, orders, fills."""

from __future__ import annotations

import uuid

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from trading.charges import Product
from trading.hours import SpecialDay, TradingHours
from trading.order import OrderStatus, OrderType, Side, Validity

__all__ = ["SpecialDay", "TradingHours"]  # rows of a file of their own


def choices(enum: type[Side | OrderType | Validity | OrderStatus | Product]) -> list[tuple[str, str]]:
    return [(member.value, member.value) for member in enum]


class Instrument(models.Model):
    """What can be traded; its id is its number in every log."""

    symbol = models.CharField(max_length=64)
    exchange = models.CharField(max_length=8, default="NSE")
    token = models.BigIntegerField(null=True, blank=True, help_text="the broker's number; it may be reused")
    name = models.CharField(max_length=128, blank=True)
    tick_size = models.DecimalField(max_digits=10, decimal_places=4)
    lot_size = models.PositiveIntegerField(default=1)
    multiplier = models.PositiveIntegerField(default=1)
    freeze_quantity = models.PositiveIntegerField(null=True, blank=True, help_text="shares of one order at most")
    lower_circuit = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    upper_circuit = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    previous_close = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["exchange", "symbol"], name="one_instrument_per_symbol"),
            models.CheckConstraint(condition=Q(tick_size__gte=0), name="tick_size_not_negative"),
            models.CheckConstraint(
                condition=Q(freeze_quantity__gt=0, lower_circuit__gt=0, upper_circuit__gt=0, previous_close__gt=0),
                name="facts_above_zero",
            ),
        ]

    def __str__(self) -> str:
        return self.symbol


class ChargeRate(models.Model):
    """Fractions of a trade's value that hold from a day on; the cap in rupees an order."""

    product = models.CharField(max_length=4, choices=choices(Product))
    exchange = models.CharField(max_length=8, default="NSE")
    valid_from = models.DateField()
    brokerage = models.DecimalField(max_digits=12, decimal_places=10)
    brokerage_cap = models.DecimalField(max_digits=10, decimal_places=2)
    stt_buy = models.DecimalField(max_digits=12, decimal_places=10)
    stt_sell = models.DecimalField(max_digits=12, decimal_places=10)
    transaction = models.DecimalField(max_digits=12, decimal_places=10)
    ipft = models.DecimalField(max_digits=12, decimal_places=10)
    sebi = models.DecimalField(max_digits=12, decimal_places=10)
    stamp_buy = models.DecimalField(max_digits=12, decimal_places=10)
    gst = models.DecimalField(max_digits=12, decimal_places=10)

    class Meta:
        ordering = ["product", "exchange", "-valid_from"]
        constraints = [
            models.UniqueConstraint(fields=["product", "exchange", "valid_from"], name="one_charge_rate_per_day")
        ]

    def __str__(self) -> str:
        return f"{self.product} {self.exchange} from {self.valid_from}"


class Market(models.Model):
    """One run of a feed with a log of its own.

    `epoch` fences its sequencers; `reserved_to` bounds the numbers that they may use (live, mock);
    `last_tick` is where a replay ends, set when it is opened; `ended` is set when it is drained.
    """

    class Kind(models.TextChoices):
        LIVE = "live"
        MOCK = "mock"
        REPLAY = "replay"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=128, unique=True)
    kind = models.CharField(max_length=8, choices=Kind)
    created_at = models.DateTimeField(default=timezone.now)
    is_active = models.BooleanField(default=True)
    epoch = models.BigIntegerField(default=0)
    reserved_to = models.BigIntegerField(default=0)
    last_tick = models.BigIntegerField(null=True, blank=True)
    spool = models.TextField(blank=True, help_text="file of a replay's ticks")
    speed = models.FloatField(default=0, help_text="0 as fast as possible, N times real time otherwise")
    is_lockstep = models.BooleanField(default=False)
    refused = models.JSONField(default=dict, help_text="ticks refused, by reason")
    conflated = models.BigIntegerField(default=0)
    fault = models.TextField(blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name


class Gap(models.Model):
    """Numbers of a log that no reader will see, or that one reader was too late for, and why."""

    market = models.ForeignKey(Market, models.CASCADE, related_name="gaps")
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    reason = models.CharField(max_length=64)
    reader = models.CharField(max_length=64, blank=True, default="", help_text="who missed them; empty: everybody")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-first"]
        constraints = [models.UniqueConstraint(fields=["market", "first", "last", "reader"], name="one_row_per_gap")]

    def __str__(self) -> str:
        return f"{self.market}: {self.first} to {self.last}"


class LastPrice(models.Model):
    """Last price of an instrument in a market, saved every few seconds: what remains when Redis is gone.

    9,000 of them at once: a look at each instrument's row, which locks it, and an index for the admin's filter alone
    took PostgreSQL half as long again. So Django alone keeps an instrument that has one.
    """

    market = models.ForeignKey(Market, models.CASCADE, related_name="last_prices", db_index=False)
    instrument = models.ForeignKey(Instrument, models.PROTECT, db_index=False, db_constraint=False)
    tick = models.BigIntegerField()
    price = models.DecimalField(max_digits=18, decimal_places=4)
    exchange_time = models.DateTimeField()

    class Meta:
        ordering = ["instrument_id"]
        constraints = [models.UniqueConstraint(fields=["market", "instrument"], name="one_last_price")]

    def __str__(self) -> str:
        return f"{self.instrument} {self.price}"


class Order(models.Model):
    """An order; what it still may do is in `status`, its life in `docs/` and `trading/order.py`."""

    id = models.UUIDField(primary_key=True, editable=False)
    decision = models.ForeignKey("risk.Decision", models.PROTECT, related_name="orders", db_index=False)
    slice = models.PositiveIntegerField(default=0, help_text="counts orders of a decision that the exchange splits")
    portfolio = models.ForeignKey("portfolio.Portfolio", models.PROTECT, related_name="orders", db_index=False)
    strategy = models.ForeignKey("strategies.Strategy", models.PROTECT, related_name="orders", db_index=False)
    instrument = models.ForeignKey(Instrument, models.PROTECT)
    correlation_id = models.UUIDField()
    side = models.CharField(max_length=4, choices=choices(Side))
    quantity = models.BigIntegerField()
    order_type = models.CharField(max_length=6, choices=choices(OrderType))
    limit_price = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    trigger_price = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    validity = models.CharField(max_length=3, choices=choices(Validity))
    validity_minutes = models.PositiveIntegerField(null=True)
    status = models.CharField(max_length=10, choices=choices(OrderStatus), default=OrderStatus.OPEN)
    filled = models.BigIntegerField(default=0)
    fill_count = models.PositiveIntegerField(default=0)
    value = models.DecimalField(max_digits=24, decimal_places=6, default=0)
    brokerage = models.DecimalField(max_digits=18, decimal_places=6, default=0)
    is_triggered = models.BooleanField(default=False)
    placed_tick = models.BigIntegerField()
    placed_n = models.PositiveIntegerField(default=0)
    placed_time = models.DateTimeField(help_text="exchange time of the signal's tick")
    closed_tick = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-placed_tick", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["decision", "slice"], name="one_order_per_decision_and_slice"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="order_quantity_positive"),
            models.CheckConstraint(
                condition=Q(filled__gte=0, filled__lte=F("quantity")), name="order_filled_within_quantity"
            ),
        ]
        indexes = [
            models.Index(fields=["portfolio", "placed_tick"], condition=Q(status="OPEN"), name="working_orders"),
            models.Index(fields=["portfolio", "-placed_tick"], name="orders_of_portfolio"),
            models.Index(fields=["strategy", "-placed_tick"], name="orders_of_strategy"),
            models.Index(fields=["portfolio"], condition=Q(slice__gt=0), name="sliced_orders"),
            BrinIndex(fields=["placed_time"], name="orders_by_time", pages_per_range=16, autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.quantity} {self.instrument}"


class Fill(models.Model):
    """The n-th part of an order that traded, with each part of its charges in rupees."""

    id = models.UUIDField(primary_key=True, editable=False)
    order = models.ForeignKey(Order, models.PROTECT, related_name="fills", db_index=False)
    n = models.PositiveIntegerField()
    portfolio = models.ForeignKey("portfolio.Portfolio", models.PROTECT, related_name="fills", db_index=False)
    strategy = models.ForeignKey("strategies.Strategy", models.PROTECT, related_name="fills", db_index=False)
    instrument = models.ForeignKey(Instrument, models.PROTECT)
    correlation_id = models.UUIDField()
    side = models.CharField(max_length=4, choices=choices(Side))
    quantity = models.BigIntegerField()
    price = models.DecimalField(max_digits=18, decimal_places=4)
    tick = models.BigIntegerField()
    exchange_time = models.DateTimeField()
    brokerage = models.DecimalField(max_digits=18, decimal_places=6)
    stt = models.DecimalField(max_digits=18, decimal_places=6)
    exchange_charge = models.DecimalField(max_digits=18, decimal_places=6)
    sebi = models.DecimalField(max_digits=18, decimal_places=6)
    stamp = models.DecimalField(max_digits=18, decimal_places=6)
    gst = models.DecimalField(max_digits=18, decimal_places=6)
    charges = models.DecimalField(max_digits=18, decimal_places=6, help_text="sum of the parts")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-tick", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["order", "n"], name="one_fill_per_order_and_n"),
            models.CheckConstraint(condition=Q(quantity__gt=0, price__gt=0), name="fill_positive"),
        ]
        indexes = [
            models.Index(fields=["portfolio", "-tick"], name="fills_of_portfolio"),
            models.Index(fields=["strategy", "-tick"], name="fills_of_strategy"),
            BrinIndex(fields=["exchange_time"], name="fills_by_time", pages_per_range=16, autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.quantity} {self.instrument} at {self.price}"
