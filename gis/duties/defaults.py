"""The kinds of duties that a deployment begins with; administrators change them on `/kinds`."""

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from gis.kinds import Kind
from gis.messages import label

# key, role whose holders have it, visits and problems solved asked a year
DUTIES = (
    ("duty_contact", "contact_leader", 3, 2),
    ("duty_sponsor", "building_sponsor", None, None),
    ("duty_street_team", "street_team", None, None),
)


def fill(connection: Connection) -> None:
    """Enter the kinds that are not there; those that are keep what people made of them."""
    rows = [
        {
            "subject": "duty",
            "key": key,
            "parent": role,
            "zh": label(f"duty_kind.{key}", "zh"),
            "en": label(f"duty_kind.{key}", "en"),
            "visits_target": visits,
            "solved_target": solved,
        }
        for key, role, visits, solved in DUTIES
    ]
    connection.execute(insert(Kind).values(rows).on_conflict_do_nothing())
