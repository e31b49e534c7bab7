"""Settings: one frozen value, read from the environment once and passed in."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Settings:
    """What a deployment may choose.

    var: Folder for everything written at run time.
    database_url: The server to use; None means the private cluster under `var`.
    database_owner_url: Who migrates, when that is not the application's own role.
    database_read_url: A replica for reads; None means the main server.
    timezone: Where the clocks of the deployment stand; naive times are read in it.
    """

    var: Path
    database_url: str | None = None
    database_owner_url: str | None = None
    database_read_url: str | None = None
    timezone: ZoneInfo = SHANGHAI
    map_approval: str | None = None  # 审图号, printed on every map where set

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings; unset ones keep their defaults."""
        return cls(
            var=Path(env.get("WANGGE_VAR") or ROOT / "var").expanduser().absolute(),
            database_url=env.get("DATABASE_URL") or None,
            database_owner_url=env.get("DATABASE_OWNER_URL") or None,
            database_read_url=env.get("DATABASE_READ_URL") or None,
            timezone=ZoneInfo(env.get("WANGGE_TIMEZONE") or "Asia/Shanghai"),
            map_approval=env.get("WANGGE_MAP_APPROVAL") or None,
        )
