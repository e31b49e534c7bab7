"""People of a county in the main database: who has an account, by id and staff number alone."""

import re

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gis.db import engine
from gis.people.models import Person
from gis.settings import Settings, Shard, read_shards

PERSON_PATTERN = re.compile(r"(\d{6}):(.+)")


def bring_person(session: Session, settings: Settings, code: str) -> None:
    """Let an account of the main database name a person of a shard.

    Accounts are the main database's and people their county's. The person's id, which their posts
    go by, is copied with the code under which it was asked for; the name stays in the county.

    Parameters
    ----------
    code
        "520402:W01" is W01 of the shard of 520402; anything else is left alone.
    """
    match = PERSON_PATTERN.fullmatch(code)
    shard: Shard | None = read_shards(settings.var).get(match[1]) if match else None
    if match is None or shard is None:
        return
    with Session(engine(shard.url)) as county:
        person_id = county.scalar(select(Person.id).where(Person.code == match[2]))
    if person_id is not None:
        session.execute(
            insert(Person).values(id=person_id, code=code, name=code).on_conflict_do_nothing()
        )
