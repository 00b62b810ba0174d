"""URLs of the web process."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.routers import SimpleRouter

from alphapanda import auth_api, event_stream, health_api
from portfolio import api as portfolio
from risk import api as risk
from risk import limits_api, usage_api, watch_api, what_if_api
from strategies import api as strategies
from trading import api as trading

rows = SimpleRouter(use_regex_path=False)
rows.register("users", auth_api.Users)
rows.register("instruments", trading.Instruments)
rows.register("orders", trading.Orders)
rows.register("fills", trading.Fills)
rows.register("strategies", strategies.Strategies)
rows.register("signals", strategies.Signals)
rows.register("decisions", risk.Decisions)
rows.register("risk/limits", limits_api.LimitsOfPortfolios)
rows.register("risk/limit-changes", limits_api.LimitsChanges)
rows.register("risk/scopes", limits_api.Scopes, "scopes")
rows.register("risk/halts", risk.Halts)
rows.register("risk/exits", watch_api.Exits, "exits")
rows.register("risk/triggers", watch_api.TriggersOfPortfolios)
rows.register("portfolios", portfolio.Portfolios)

api = [
    path("auth/token/", auth_api.Login.as_view(), name="token"),
    path("auth/token/refresh/", auth_api.Refresh.as_view(), name="token-refresh"),
    path("auth/logout/", auth_api.Logout.as_view(), name="logout"),
    path("auth/me/", auth_api.Me.as_view(), name="me"),
    path("health/live/", health_api.live, name="health-live"),
    path("health/ready/", health_api.ready, name="health-ready"),
    path("portfolios/<int:pk>/limits-usage/", usage_api.LimitsUsage.as_view(), name="limits-usage"),
    path("risk/what-if/", what_if_api.WhatIf.as_view(), name="what-if"),
    path("strategy-types/", strategies.StrategyTypes.as_view(), name="strategy-types"),
    path("events/", event_stream.Events.as_view(), name="events"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    *rows.urls,
]
urlpatterns = [
    path("", RedirectView.as_view(url="/admin/")),
    path("admin/", admin.site.urls),
    path("api/", include(api)),
    path("metrics", health_api.metrics, name="metrics"),
]
handler400 = "alphapanda.problems.bad_request"
handler404 = "alphapanda.problems.not_found"
handler500 = "alphapanda.problems.server_error"
