from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_save


class RiskConfig(AppConfig):
    name = "risk"

    def ready(self) -> None:
        post_save.connect(_give_limits, sender="portfolio.Portfolio")


def _give_limits(instance: Any, created: bool, **_: object) -> None:
    """No portfolio is ever without limits: the defaults, until a person changes them."""
    from risk.limit_services import give_default_limits

    if created:
        give_default_limits(instance)
