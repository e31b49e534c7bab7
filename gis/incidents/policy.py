"""The numbers that a community may want otherwise: one place for each."""

from dataclasses import asdict, dataclass, replace
from datetime import timedelta

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gis.areas.hierarchy import is_county
from gis.errors import invalid_field
from gis.incidents.models import CountyPolicy

MAX_CALL_LATER = timedelta(days=30)
MAX_SUSPENSION = timedelta(days=366)
MAX_POLICY_VALUE = 60


@dataclass(frozen=True)
class Policy:
    """What a county sets.

    supervised_reopening: The reopening from which on a matter is supervised at once. max_calls:
    Follow-up calls after which nobody is called any more. suspension_notice_days: So long before a
    suspension ends, holder and desk are reminded; 0: never.
    """

    supervised_reopening: int = 3
    max_calls: int = 3
    suspension_notice_days: int = 3


def policy_of(session: Session, county: str) -> Policy:
    """Return the policy of a county (code): as it set it, else the defaults."""
    row = session.get(CountyPolicy, county)
    if row is None:
        return Policy()
    return Policy(row.supervised_reopening, row.max_calls, row.suspension_notice_days)


def require_county(session: Session, code: str) -> None:
    """Raise InvalidInput unless there is a county with a code.

    Raises
    ------
    InvalidInput
        `field.area_unknown`.
    """
    if not is_county(session, code):
        raise invalid_field("county", "field.area_unknown", code=code[:40])


def set_policy(session: Session, county: str, **values: int | None) -> Policy:
    """Set what a county (code) wants otherwise, by the names of Policy; None leaves it as it is.

    Raises
    ------
    InvalidInput
        There is no such county, or a value is out of range.
    """
    require_county(session, county)
    changed = {name: value for name, value in values.items() if value is not None}
    for name, value in changed.items():
        least = 0 if name == "suspension_notice_days" else 1
        if not least <= value <= MAX_POLICY_VALUE:
            raise invalid_field(name, "policy.out_of_range", low=least, high=MAX_POLICY_VALUE)
    policy = replace(policy_of(session, county), **changed)
    row = insert(CountyPolicy).values(county=county, **asdict(policy))
    session.execute(row.on_conflict_do_update(index_elements=["county"], set_=asdict(policy)))
    session.expire_all()
    return policy
