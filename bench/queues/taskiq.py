"""taskiq: a list in Redis, each task kicks the next, two worker processes."""

from taskiq_redis import ListQueueBroker

from bench.queues import stages

broker = ListQueueBroker(stages.REDIS)


@broker.task
async def evaluate(tick: dict) -> None:
    await decide.kiq(stages.evaluate(tick))


@broker.task
async def decide(signal: dict) -> None:
    await execute.kiq(stages.decide(signal))


@broker.task
async def execute(order: dict) -> None:
    await book.kiq(stages.execute(order))


@broker.task
async def book(fill: dict) -> None:
    stages.book(fill)


async def asubmit(numbers):
    await broker.startup()
    for number in numbers:
        await evaluate.kiq(stages.tick(number))
    await broker.shutdown()


def workers(bin_folder):
    quiet = ("--workers", "2", "--log-level", "WARNING")
    return [[bin_folder / "taskiq", "worker", "bench.queues.taskiq:broker", *quiet]]
