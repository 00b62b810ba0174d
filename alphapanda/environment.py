"""What the environment says, typed: a wrong value stops the start with its name."""

import logging
import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsError

from alphapanda import embedded
from alphapanda.errors import ConfigurationError
from trading.feed.mock import SCENARIOS

CHECKOUT = Path(__file__).resolve().parent.parent
DATABASE_SCHEMES = ("postgresql", "postgres")
REDIS_SCHEMES = ("redis", "rediss", "unix")


class Environment(BaseSettings):
    """Each field is an environment variable of the same name in capitals."""

    alphapanda_home: Path = CHECKOUT / ".alphapanda"
    database_url: str = ""
    redis_url: str = ""
    database_pool: bool = False  # for processes that answer in many threads
    secret_key: SecretStr = SecretStr("")
    debug: bool = False
    allowed_hosts: list[str] = ["127.0.0.1", "localhost", "[::1]"]
    port: int | None = Field(None, ge=1, le=65535)
    flower_port: int | None = Field(None, ge=1, le=65535)
    demo_password: SecretStr | None = None
    strategy_shards: int = Field(2, ge=1, le=256)
    ingest_concurrency: int = Field(4, ge=1, le=64)
    user_strategies: list[str] = []  # dotted paths of strategy classes
    mock_scenario: str = "volatile"
    log_level: str = "INFO"

    @field_validator("mock_scenario")
    @classmethod
    def _known_scenario(cls, name: str) -> str:
        return one_of(name, SCENARIOS)

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, name: str) -> str:
        return one_of(name.upper(), logging.getLevelNamesMapping())

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """Fills in the embedded servers and the kept key where the environment is silent."""
        self.alphapanda_home = self.alphapanda_home.expanduser().resolve()
        if not (self.database_url and self.redis_url):
            servers = embedded.addresses(self.alphapanda_home)
            self.database_url = self.database_url or servers.database_url
            self.redis_url = self.redis_url or servers.redis_url
        check_url("DATABASE_URL", self.database_url, DATABASE_SCHEMES, "postgresql://user:password@host:5432/name")
        check_url("REDIS_URL", self.redis_url, REDIS_SCHEMES, "redis://:password@host:6379/0")
        if not self.secret_key.get_secret_value():
            self.secret_key = SecretStr(kept_secret(self.alphapanda_home / "secret_key"))
        return self


def one_of(name: str, known: Iterable[str]) -> str:
    if name not in known:
        raise ValueError(f"must be one of {', '.join(known)}")
    return name


def check_url(variable: str, url: str, schemes: tuple[str, ...], example: str) -> None:
    """Errors: ConfigurationError, which does not show the URL: there is a password in it."""
    try:
        is_well_formed = urlsplit(url).scheme in schemes and urlsplit(url).port != 0
    except ValueError:  # the port is no number
        is_well_formed = False
    if not is_well_formed:
        raise ConfigurationError(f"{variable} must look like {example}")


def kept_secret(path: Path) -> str:
    """A random secret, made once and readable by its owner only."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
        if not path.read_text():
            path.write_text(secrets.token_urlsafe(48))
        return path.read_text()
    except OSError as error:
        raise ConfigurationError(f"cannot keep {path}: {error.strerror}; set ALPHAPANDA_HOME") from error


def read_environment() -> Environment:
    """Errors: ConfigurationError naming each wrong variable, never its value."""
    try:
        return Environment()
    except ValidationError as error:
        found = [(str(e["loc"][0]).upper(), e["msg"].removeprefix("Value error, ")) for e in error.errors() if e["loc"]]
        faults = "; ".join(f"{variable}: {fault}" for variable, fault in found)
        raise ConfigurationError(faults or re.sub(r"input_value=.*", "", str(error))) from None
    except SettingsError as error:  # its message names the field, in quotes
        variable = str(error).split('"')[1].upper()
        raise ConfigurationError(f'{variable}: must be a JSON list, like ["one", "two"]') from None
