"""Django settings. What the environment may change is in `environment.py`."""

from datetime import timedelta
from pathlib import Path

from alphapanda.database import parse_database_url
from alphapanda.environment import read_environment
from alphapanda.logs import configure_logs

BASE_DIR = Path(__file__).resolve().parent.parent
env = read_environment()

SECRET_KEY = env.secret_key.get_secret_value()
DEBUG = env.debug
ALLOWED_HOSTS = env.allowed_hosts
ALPHAPANDA_HOME = env.alphapanda_home
REDIS_URL = env.redis_url
DATABASES = {"default": parse_database_url(env.database_url, pooled=env.database_pool)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "alphapanda",
    "trading",
    "strategies",
    "risk",
    "portfolio",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "alphapanda.urls"
ASGI_APPLICATION = "alphapanda.asgi.application"
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True

USE_TZ = True
TIME_ZONE = "Asia/Kolkata"  # what people see; rows and logs are in UTC
LANGUAGE_CODE = "en"

PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]
SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework_simplejwt.authentication.JWTAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "alphapanda.pages.Pages",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "alphapanda.problems.problem",
    "DEFAULT_THROTTLE_RATES": {"login": "20/minute"},
    "NUM_PROXIES": 0,  # a header must not choose whose logins are counted
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["alphapanda.strict_json.StrictJson"],
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "CHECK_REVOKE_TOKEN": True,
    "SIGNING_KEY": SECRET_KEY + ":jwt",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Alpha Panda",
    "DESCRIPTION": "Strategies on Zerodha: signals, decisions, orders, fills, portfolios.",
    "VERSION": "1",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "HaltStateEnum": "risk.halt.STATES",
        "ChangeStateEnum": "risk.limit_models.LimitsChange.State",
    },
    "SWAGGER_UI_DIST": "SIDECAR",  # nothing is fetched from outside
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"validatorUrl": None},
}

# The pipeline's own numbers; the reasons stand beside them.
STRATEGY_SHARDS = env.strategy_shards
INGEST_CONCURRENCY = env.ingest_concurrency
USER_STRATEGIES = env.user_strategies
MOCK_SCENARIO = env.mock_scenario
LOG_BATCH_TICKS = 1_000  # ticks in one log entry at most
LOG_KEEP_TICKS = 200_000  # a live log is trimmed behind this many
REPLAY_KEEP_BYTES = 40_000_000  # of its log, at which a replay waits: a million ticks, or 200,000 with depth
REPLAY_KEEP_BYTES_CROWDED = 8_000_000  # where Redis is half as full as it may be: readers must be woken to free it
SHARD_SAVE_SECONDS = 1.0  # strategy states are saved this often, or when that costs much, less often
SHARD_SAVE_STATES = 10_000  # of an instrument each, in one commit; one takes about 10 µs
SHARD_SAVE_STATES_LIVE = 100  # where the next tick waits meanwhile
VALUED_MS = 750  # a portfolio is not valued again within; less than between two sweeps, which value it too
WAKE_SECONDS = 2  # a lost wake-up blocks its key this long, and a turn of those before it
QUEUE_CAP = 1_000  # no wake-ups while a queue is longer
REDIS_FULL = 0.7  # nor while Redis is fuller than this part of its maxmemory
EVENTS_KEEP = 10_000  # entries of the event stream
MAX_STATE_BYTES = 8_000_000  # a strategy whose state is larger is a fault
WORKER_MEMORY_MB = 1_024  # of a process that runs tasks

# How long what grows is kept. Signals, decisions, orders and fills are never pruned.
EQUITY_KEEP_DAYS = 30  # every minute; of older days the last point remains
GAPS_KEEP_DAYS = 365  # a year of evidence of what the feed missed
REPLAYS_KEEP_DAYS = 7  # files of a drained replay, which nothing reads any more; long enough to look into a fault
PRUNE_SLICE_SECONDS = 0.25  # at a stretch: trading waits in the same worker
DEAD_LETTERS_KEEP_DAYS = 30  # those that were dealt with, and messages that nobody can read
DEAD_LETTERS_KEEP = 10_000  # open ones; more are dropped and logged: the first ones tell the cause

# What doctor calls broken.
QUEUE_OLD_SECONDS = 15  # the sweep sends a lost wake-up again within 2 s, a restarted worker is there within 10 s
DISK_FREE_BYTES = 500_000_000  # an hour of logs, and the append-only file's rewrite

LOGGING_CONFIG = None
configure_logs(env.log_level)
