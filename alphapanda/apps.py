from django.apps import AppConfig


class AlphapandaConfig(AppConfig):
    name = "alphapanda"
    verbose_name = "House"

    def ready(self) -> None:
        from alphapanda import celery  # noqa: F401  (tasks bind to this app)
