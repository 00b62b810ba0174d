"""A wrong variable stops the start with its name; no message shows a secret."""

import multiprocessing
import os

import pytest

from alphapanda.account import server_account
from alphapanda.environment import read_environment
from alphapanda.errors import ConfigurationError

LIST = 'must be a JSON list, like \\["one", "two"\\]'


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("STRATEGY_SHARDS", "abc", "STRATEGY_SHARDS: Input should be a valid integer"),
        ("STRATEGY_SHARDS", "0", "STRATEGY_SHARDS: Input should be greater than or equal to 1"),
        ("PORT", "99999", "PORT: Input should be less than or equal to 65535"),
        ("DEBUG", "perhaps", "DEBUG: Input should be a valid boolean"),
        ("USER_STRATEGIES", "mine.Own", f"^USER_STRATEGIES: {LIST}$"),
        ("ALLOWED_HOSTS", "example.com", f"^ALLOWED_HOSTS: {LIST}$"),
        ("MOCK_SCENARIO", "boring", "^MOCK_SCENARIO: must be one of calm, trending, volatile, crash, gap$"),
        ("LOG_LEVEL", "loud", "^LOG_LEVEL: must be one of CRITICAL, "),
        ("DATABASE_URL", "mysql://me:s3cret@host/name", "^DATABASE_URL must look like postgresql://user:"),
        ("DATABASE_URL", "postgresql://me:s3cret@host:port/name", "^DATABASE_URL must look like"),
        ("REDIS_URL", "http://:s3cret@host/0", "^REDIS_URL must look like redis://:password@host:6379/0$"),
        ("REDIS_URL", "redis://:s3cret@host:port/0", "^REDIS_URL must look like"),
    ],
)
def test_a_wrong_value_is_refused_with_the_name_of_its_variable(monkeypatch, variable, value, message):
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=message) as caught:
        read_environment()
    assert "s3cret" not in str(caught.value)


def test_every_wrong_variable_is_named_at_once(monkeypatch):
    monkeypatch.setenv("PORT", "http")
    monkeypatch.setenv("STRATEGY_SHARDS", "many")
    with pytest.raises(ConfigurationError, match=r"PORT: .*; STRATEGY_SHARDS: "):
        read_environment()


def test_names_of_levels_are_read_in_any_case(monkeypatch):
    monkeypatch.setenv("LOG_LEVEL", "warning")
    assert read_environment().log_level == "WARNING"


def test_a_home_without_permission_is_named(home):
    home.chmod(0o555)
    # Forked, because root may write everywhere and asks as nobody.
    child = multiprocessing.get_context("fork").Process(target=refuses, args=(home / "data",))
    child.start()
    child.join(30)
    assert child.exitcode == 0


def refuses(place):
    account = server_account()
    if account.uid is not None:
        os.setgroups([])
        os.setgid(account.gid)
        os.setuid(account.uid)
    os.environ["ALPHAPANDA_HOME"] = str(place)
    del os.environ["DATABASE_URL"]
    message = f"cannot use {place} as the data directory: Permission denied; set ALPHAPANDA_HOME"
    with pytest.raises(ConfigurationError, match=message):
        read_environment()
