"""The class of our tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery.contrib.django.task import DjangoTask

if TYPE_CHECKING:
    _Task = DjangoTask[Any, Any]
else:
    _Task = DjangoTask


class OutOfMemoryError(Exception):
    """A task came to the limit of its process."""


class Stage(_Task):
    """One that returns False ends its chain."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Celery 5.7 never acknowledges what ended with a MemoryError: with one child its worker takes nothing more."""
        try:
            goes_on = self.run(*args, **kwargs)
        except MemoryError as error:
            raise OutOfMemoryError(str(error)) from error
        if goes_on is False:
            self.request.chain = None
        return goes_on
