"""The admin as a test sees it."""

import re

from django.test import Client

from tests import rows


def admin():
    """Logged in as the one who may do everything."""
    client = Client()
    client.force_login(rows.user("boss", is_staff=True, is_superuser=True))
    return client


def messages(answer):
    """What the page says above its content, and at its fields."""
    text = answer.content.decode()
    return re.findall(r'<li class="(?:success|error|info)">(.*?)</li>', text, re.S) + re.findall(
        r'<ul class="errorlist[^>]*>(.*?)</ul>', text, re.S
    )


def is_view_only(client, path, pk):
    """Neither added, nor changed, nor deleted."""
    change = client.post(f"/admin/{path}/{pk}/change/", {"quantity": 1})
    tried = [change, client.get(f"/admin/{path}/add/"), client.post(f"/admin/{path}/{pk}/delete/", {"post": "yes"})]
    shown = client.get(f"/admin/{path}/{pk}/change/")
    return [answer.status_code for answer in tried] == [403] * 3 and shown.status_code == 200
