"""Settings that would break a guarantee are refused, each with its reason."""

from dataclasses import replace

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from kombu import Queue

from alphapanda.checks import RULES, current_setup, problems
from alphapanda.management.commands import up


def with_conf(**changed):
    setup = current_setup()
    return replace(setup, conf={**setup.conf, **changed})


def with_transport(**changed):
    setup = current_setup()
    return with_conf(broker_transport_options={**setup.transport, **changed})


def with_limits(task, soft, hard):
    setup = current_setup()
    return replace(setup, limits={**setup.limits, task: (soft, hard)})


BROKEN = {
    "E001": lambda: with_transport(ack_emulation=True),
    "E002": lambda: with_limits("risk.decide", 8, 8),
    "E003": lambda: replace(current_setup(), lock_life=8),
    "E004": lambda: replace(current_setup(), windows={"trading.ingest": 3, "risk.decide": 4}),
    "E005": lambda: with_conf(worker_soft_shutdown_timeout=3),
    "E006": lambda: with_conf(task_reject_on_worker_lost=False),
    "E007": lambda: with_conf(accept_content=["json", "pickle"]),
    "E008": lambda: with_conf(result_backend="redis://"),
    "E009": lambda: replace(current_setup(), queues={"risk.decide": "riks"}),
    "E010": lambda: with_conf(worker_prefetch_multiplier=4),
    "E011": lambda: with_conf(worker_cancel_long_running_tasks_on_connection_loss=True),
    "E012": lambda: with_transport(socket_timeout=None),
    "E013": lambda: with_transport(retry_on_timeout=True),
    "E014": lambda: replace(current_setup(), wake_life=6),
    "E015": lambda: replace(current_setup(), keep_ticks=9_999),
    "E016": lambda: replace(current_setup(), redis_full=1.0),
    "E017": lambda: with_conf(worker_consumer="celery.worker.consumer:Consumer"),
    "E018": lambda: replace(current_setup(), windows={"strategies.evaluate": 2}),
}


def test_our_own_settings_break_nothing():
    assert problems(current_setup()) == []


@pytest.mark.parametrize("number", BROKEN)
def test_a_combination_that_breaks_a_guarantee_is_refused_with_its_reason(number):
    (found,) = problems(BROKEN[number]())
    assert found.id == f"ap.{number}"
    assert found.hint == RULES[int(number[1:]) - 1][1]


def test_every_rule_is_broken_here():
    assert len(BROKEN) == len(RULES)


@pytest.mark.parametrize(
    ("setup", "words"),
    [
        (lambda: with_conf(broker_transport_options={}), "ack_emulation is on"),
        (lambda: with_limits("risk.decide", None, 8), "risk.decide: has no soft and hard time limit of its own"),
        (lambda: with_conf(task_acks_late=False), "task_acks_late is off"),
        (lambda: with_conf(task_serializer="pickle"), "task_serializer is pickle"),
        (lambda: with_conf(task_ignore_result=False), "results are kept"),
        (lambda: with_conf(task_create_missing_queues=True), "task_create_missing_queues is on"),
        (lambda: with_conf(task_queues=[Queue("sweep")]), "strategies.evaluate of shard 1 is sent to queue"),
        (lambda: with_conf(worker_prefetch_multiplier=0), "worker_prefetch_multiplier is 0"),
        (lambda: replace(current_setup(), wake_life=0.5), "WAKE_SECONDS is 0.5"),
    ],
)
def test_the_message_names_what_is_wrong(setup, words):
    assert any(words in found.msg for found in problems(setup()))


def test_check_and_up_run_them(settings):
    settings.WAKE_SECONDS = 60
    with pytest.raises(SystemCheckError, match=r"ap\.E014"):
        call_command("check")
    with pytest.raises(SystemCheckError, match=r"ap\.E014"):
        call_command(up.Command(), skip_checks=False)
