"""Settings: one frozen value, read from the environment once and passed on."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from gis.errors import InvalidInput

DEFAULT_ZONE = "Asia/Shanghai"
SHANGHAI = ZoneInfo(DEFAULT_ZONE)
ROOT = Path(__file__).resolve().parent.parent
SHARD_FILE, COUNTY_FOLDERS = "shards.json", "counties"  # in the folder of the deployment
SHARD_ID_BITS = 40
# what `./wangge db shard` finds addresses in: their passwords must not stand on a command line
SHARD_URL_VARIABLES = {
    "url": "WANGGE_SHARD_URL",
    "owner_url": "WANGGE_SHARD_OWNER_URL",
    "admin_url": "WANGGE_SHARD_ADMIN_URL",
    "main_admin_url": "WANGGE_MAIN_ADMIN_URL",
    "main_url": "WANGGE_MAIN_URL",
}


@dataclass(frozen=True)
class Oidc:
    """An OpenID Connect provider: address, our id and secret there, label of its button."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    label: str = "OpenID Connect"


@dataclass(frozen=True)
class Smtp:
    """A mail server and the sender of our mails; without a user there is no authentication."""

    host: str
    sender: str
    port: int = 25
    user: str = ""
    password: str = field(default="", repr=False)
    starttls: bool = False


@dataclass(frozen=True)
class Hotline:
    """A hotline that orders are exchanged with: its name, address and our key there."""

    name: str
    url: str
    key: str = field(repr=False)


@dataclass(frozen=True)
class Shard:
    """A county whose rows lie in a database of their own.

    Attributes
    ----------
    number
        From 1 on; the ids of its rows are from `number << SHARD_ID_BITS` on.
    url, owner_url
        Its database for the application, and for the role that owns the tables.
    has_old_ids
        Whether it has rows from a time in the main database, which keep their ids.
    """

    county: str
    number: int
    url: str = field(repr=False)
    owner_url: str = field(repr=False)
    has_old_ids: bool = False


@dataclass(frozen=True)
class Settings:
    """The options of a deployment.

    Attributes
    ----------
    var
        Folder for everything written at run time.
    database_url
        The server to use; None means the private cluster under `var`.
    database_listen_url
        The server itself, where DATABASE_URL is a pooler in transaction mode: for what listens and
        for the jobs. None means DATABASE_URL.
    database_owner_url
        The role that migrates, if it is not the application's own.
    database_read_url
        A replica for reads; None means the main server.
    timezone
        Time zone of the deployment; naive moments are read in it.
    map_approval
        审图号, printed on every map where set.
    address
        Public address of the service, as https://grid.example.cn; decides whether cookies need TLS.
    idle_minutes
        Minutes without use after which a session ends.
    proxies
        Number of trusted reverse proxies, whose X-Forwarded-For and -Proto are believed.
    reports_per_minute
        Reports without a key or session that one address may file in a minute.
    anonymous_units_per_minute
        Work that one address may request without a key or session, see
        web/security/anonymous_budget.py.
    oidc
        The identity provider that users may sign in at; None means passwords only.
    smtp
        The server that sends notices by mail; None means that none are sent.
    min_free_mb
        Free disk space in megabytes below which the service is not ready.
    private_webhooks
        Whether notices may go to addresses of the own network, such as a gateway beside the
        service.
    questionnaire_days
        Days after closing when a reporter who has not rated is asked again by mail; 0 means never.
    hotline
        The hotline that orders are exchanged with, such as 12345; None means none.
    two_persons
        Whether a boundary draft must be published by another person than those who drew it.
    publication_approval
        Whether a boundary draft must be approved by another person before it is published.
    county
        The county whose shard is used; None means the main database.
    """

    var: Path
    database_url: str | None = None
    database_listen_url: str | None = None
    database_owner_url: str | None = None
    database_read_url: str | None = None
    timezone: ZoneInfo = SHANGHAI
    map_approval: str | None = None  # 审图号, printed on every map where set
    address: str | None = None
    idle_minutes: int = 30
    proxies: int = 0
    reports_per_minute: int = 60
    anonymous_units_per_minute: int = 3000
    oidc: Oidc | None = None
    smtp: Smtp | None = None
    min_free_mb: int = 500
    private_webhooks: bool = False
    questionnaire_days: int = 28
    hotline: Hotline | None = None
    two_persons: bool = False
    publication_approval: bool = False
    county: str | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings from the environment; unset ones have their defaults.

        Raises
        ------
        InvalidInput
            A value is wrong, or WANGGE_COUNTY names no shard.
        """
        settings = cls(
            var=Path(env.get("WANGGE_VAR") or ROOT / "var").expanduser().absolute(),
            database_url=env.get("DATABASE_URL") or None,
            database_listen_url=env.get("DATABASE_LISTEN_URL") or None,
            database_owner_url=env.get("DATABASE_OWNER_URL") or None,
            database_read_url=env.get("DATABASE_READ_URL") or None,
            timezone=_zone(env),
            map_approval=env.get("WANGGE_MAP_APPROVAL") or None,
            address=(env.get("WANGGE_ADDRESS") or "").rstrip("/") or None,
            idle_minutes=_number(env, "WANGGE_IDLE_MINUTES", 30, 720),
            proxies=_number(env, "WANGGE_PROXIES", 0, 9),
            reports_per_minute=_number(env, "WANGGE_REPORTS_PER_MINUTE", 60, 1_000_000),
            anonymous_units_per_minute=_number(
                env, "WANGGE_ANONYMOUS_UNITS_PER_MINUTE", 3000, 100_000_000
            ),
            oidc=_oidc(env),
            smtp=_smtp(env),
            min_free_mb=_number(env, "WANGGE_MIN_FREE_MB", 500, 100_000_000, least=0),
            private_webhooks=_yes(env, "WANGGE_PRIVATE_WEBHOOKS"),
            questionnaire_days=_number(env, "WANGGE_QUESTIONNAIRE_DAYS", 28, 366, least=0),
            hotline=_hotline(env),
            two_persons=_yes(env, "WANGGE_TWO_PERSONS"),
            publication_approval=_yes(env, "WANGGE_PUBLICATION_APPROVAL"),
        )
        if not (county := env.get("WANGGE_COUNTY")):
            return settings
        shards = read_shards(settings.var)
        if county not in shards:
            raise InvalidInput("setting.county_unknown", county=repr(county), known=[*shards])
        return settings.of_shard(shards[county])

    def of_shard(self, shard: Shard) -> "Settings":
        """Return the settings of a county: its database and folder, all else as in the others."""
        return replace(
            self,
            var=self.var / COUNTY_FOLDERS / shard.county,
            database_url=shard.url,
            database_owner_url=shard.owner_url,
            database_listen_url=None,
            database_read_url=None,
            hotline=None,  # its orders are not of a county before they are placed
            county=shard.county,
        )


def read_shards(var: Path) -> dict[str, Shard]:
    """Return the shards of a deployment by county; empty where everything is in one database."""
    try:
        rows = json.loads((var / SHARD_FILE).read_text())
    except FileNotFoundError:
        return {}
    return {row["county"]: Shard(**row) for row in rows}


def _zone(env: Mapping[str, str]) -> ZoneInfo:
    name = env.get("WANGGE_TIMEZONE") or DEFAULT_ZONE
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # unknown, no name at all, a folder
        raise InvalidInput("setting.zone_unknown", value=repr(name)) from error


def _zone_of_process() -> ZoneInfo:
    try:
        return _zone(os.environ)
    except InvalidInput:  # refused in words where the settings are read
        return SHANGHAI


# The zone of working time: of SQL that is put together once, and of what has no settings at hand.
ZONE = _zone_of_process()


def _number(
    env: Mapping[str, str], name: str, default: int, most: int, least: int | None = None
) -> int:
    value = env.get(name) or str(default)
    least = min(default, 1) if least is None else least
    if not value.isdigit() or not least <= int(value) <= most:
        raise InvalidInput("setting.not_number", name=name, value=repr(value), low=least, high=most)
    return int(value)


def _oidc(env: Mapping[str, str]) -> Oidc | None:
    issuer = (env.get("WANGGE_OIDC_ISSUER") or "").rstrip("/")
    if not issuer:
        return None
    missing = [
        name for name in ("WANGGE_OIDC_CLIENT_ID", "WANGGE_OIDC_CLIENT_SECRET") if not env.get(name)
    ]
    if missing:
        raise InvalidInput("setting.oidc_incomplete", names=" and ".join(missing))
    label = env.get("WANGGE_OIDC_LABEL") or "OpenID Connect"
    return Oidc(issuer, env["WANGGE_OIDC_CLIENT_ID"], env["WANGGE_OIDC_CLIENT_SECRET"], label)


def _smtp(env: Mapping[str, str]) -> Smtp | None:
    host, sender, port = (env.get(f"WANGGE_SMTP_{name}") or "" for name in ("HOST", "FROM", "PORT"))
    if not host:
        return None
    if "@" not in sender:
        raise InvalidInput("setting.smtp_sender_missing")
    if port and not (port.isdigit() and 0 < int(port) < 65536):
        raise InvalidInput("setting.smtp_port_invalid", value=repr(port))
    starttls = _yes(env, "WANGGE_SMTP_STARTTLS")
    return Smtp(
        host,
        sender,
        int(port or (587 if starttls else 25)),
        env.get("WANGGE_SMTP_USER") or "",
        env.get("WANGGE_SMTP_PASSWORD") or "",
        starttls,
    )


def _hotline(env: Mapping[str, str]) -> Hotline | None:
    url, key = env.get("WANGGE_HOTLINE_URL") or "", env.get("WANGGE_HOTLINE_KEY") or ""
    if not url:
        return None
    if not url.startswith(("https://", "http://")) or not key:
        raise InvalidInput("setting.hotline_incomplete")
    return Hotline(env.get("WANGGE_HOTLINE_NAME") or "12345", url.rstrip("/"), key)


def _yes(env: Mapping[str, str], name: str) -> bool:
    value = (env.get(name) or "").lower()
    if value not in ("", "0", "no", "false", "1", "yes", "true"):
        raise InvalidInput("setting.not_yes_no", name=name, value=repr(value))
    return value in ("1", "yes", "true")
