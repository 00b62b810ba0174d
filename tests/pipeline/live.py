"""A live market fed by hand, and its stages run as their queues say."""

from decimal import Decimal, getcontext
from time import time

from alphapanda.connection import PREFIX
from alphapanda.management.commands.seed import seed_reference
from alphapanda.pipeline import shard_queue, wake_shard
from portfolio.services import open_portfolio
from risk.tasks import decide
from strategies import evaluation
from strategies.base import Strategy
from strategies.models import Control
from strategies.moved import Behind
from strategies.services import create_strategy, start
from strategies.tasks import evaluate
from tests import rows
from tests.builders import OPEN, tick
from trading.log import MarketLog
from trading.markets import open_market
from trading.models import Instrument, Market
from trading.reference import INSTRUMENTS
from trading.session import SECOND
from trading.tasks import execute
from trading.ticks import Ticks


class WantsTen(Strategy):
    def on_tick(self, _tick):
        return None if self.target else 10


class Reckless(Strategy):
    """Changes how its process reckons."""

    def on_tick(self, _tick):
        getcontext().prec = 5
        return None if self.target else 10


def soon() -> int:
    """When a tick came that has not waited, however slow the machine."""
    return int((time() + 60) * SECOND)


class House:
    """A live portfolio with a strategy that trades one of two instruments."""

    def __init__(self, redis, strategy="wants_ten") -> None:
        seed_reference()
        self.market = open_market("live", Market.Kind.LIVE)
        self.portfolio = open_portfolio(rows.user(), "p", self.market, Decimal(1_000_000))
        self.traded, self.other = (INSTRUMENTS[pk] for pk in Instrument.objects.values_list("pk", flat=True)[:2])
        self.add(strategy, self.traded)
        self.log = MarketLog(redis, self.market.pk)
        self.log.acquire("me")
        self.redis = redis

    def add(self, strategy, *instruments, portfolio=None) -> None:
        chosen = Instrument.objects.filter(pk__in=[instrument.id for instrument in instruments])
        start(create_strategy(portfolio or self.portfolio, strategy, strategy, {}, chosen))
        Control.objects.update(from_tick=1)

    def append(self, instrument, price=100, **more) -> None:
        number, controls = self.log.tail() + 1, Control.objects.filter(from_tick__isnull=False).count()
        assert self.log.append("me", number - 1, controls, Ticks.of([tick(number, price, instrument, **more)]))

    def append_now(self, instrument, price=100) -> None:
        """A tick that has not waited."""
        now = soon()
        self.append(instrument, price, seconds=(now - OPEN) / SECOND, arrival=now)

    def tick(self, instrument) -> None:
        self.append(instrument)
        self.see(self.portfolio.shard)

    def see(self, shard, seconds=0.5) -> None:
        """A shard evaluates what there is; nothing is handed on."""
        evaluation.evaluate(self.market.pk, shard, seconds, Behind(lambda _: None))

    def run(self) -> None:
        """Everything that is woken, until nobody is; no sweep comes."""
        wake_shard(self.market.pk, self.portfolio.shard)
        while True:
            if self._is_sent(shard_queue(self.portfolio.shard)):
                evaluate.run(str(self.market.pk), self.portfolio.shard)
            elif self._is_sent("risk"):
                if self.goes_on():
                    execute.run(self.portfolio.pk)
            elif self._is_sent("execution"):
                execute.run(self.portfolio.pk)
            else:
                return

    def _is_sent(self, queue) -> bool:
        return bool(self.redis.delete(PREFIX + queue))

    def goes_on(self) -> bool:
        return decide.run(self.portfolio.pk)
