from django.apps import AppConfig


class AlphapandaConfig(AppConfig):
    name = "alphapanda"
    verbose_name = "House"

    def ready(self) -> None:
        from alphapanda import celery, checks, memory, timestamps  # noqa: F401  (each connects itself)

        memory.keep_freed_memory()
