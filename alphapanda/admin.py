"""Pages of the admin that all apps build on, and those of people.

Nothing that has a history is deleted, money and history are for looking at, and no page counts a big table.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from alphapanda import dead_letters
from alphapanda.models import DeadLetter

MOST_LISTED = 10_000
if TYPE_CHECKING:
    _Paginator = Paginator[Any]
    _ModelAdmin = admin.ModelAdmin[Any]
    _UserAdmin = UserAdmin[User]
else:
    _Paginator = Paginator
    _ModelAdmin = admin.ModelAdmin
    _UserAdmin = UserAdmin


class BoundedPaginator(_Paginator):
    """Counts no further than it lists; what lies behind that is found with the filters."""

    @cached_property
    def count(self) -> int:
        rows = cast("QuerySet[Any]", self.object_list)
        return rows.order_by()[:MOST_LISTED].count()


class Kept(_ModelAdmin):
    """Rows that are never deleted."""

    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 200

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class Shown(Kept):
    """Rows that are only looked at."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def person(request: HttpRequest) -> User:
    """Who is logged in."""
    assert isinstance(request.user, User)
    return request.user


class People(_UserAdmin):
    """A person who left is not active; their history stays."""

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(DeadLetter)
class DeadLetterPage(Shown):
    list_display = ["last_at", "task", "arguments", "queue", "reason", "times", "first_at", "resolved_at"]
    list_filter = [("resolved_at", admin.EmptyFieldListFilter), "queue", "task"]
    search_fields = ["task", "reason"]
    actions = ["replay"]

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("alphapanda.change_deadletter"))

    @admin.action(description="Send again, after the cause was mended", permissions=["replay"])
    def replay(self, request: HttpRequest, chosen: QuerySet[DeadLetter]) -> None:
        letters = list(chosen.filter(resolved_at=None))
        hindered = dead_letters.replay_all(letters)
        for reason in hindered.values():
            self.message_user(request, reason, messages.ERROR)
        sent = len(letters) - len(hindered)
        self.message_user(request, f"{sent} sent again; resolved when they have succeeded", messages.SUCCESS)


admin.site.unregister(User)
admin.site.register(User, People)
admin.site.unregister([OutstandingToken, BlacklistedToken])
admin.site.site_header = admin.site.site_title = "Alpha Panda"
admin.site.index_title = "House"
