"""How to reach who reported, as it is stored."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gis.incidents.models import Reporter
from gis.rights.visibility import hide_contacts, reveal_contacts


def find_contact(session: Session, county: str, incident_id: UUID) -> dict[str, str]:
    """Return name, phone and email of who reported an incident; empty if nothing was left.

    For callers that have checked the right to it (`get_reporter_contact`), or show it to nobody.
    """
    reveal_contacts(session)
    query = select(Reporter.name, Reporter.phone, Reporter.email).where(
        Reporter.county == county, Reporter.incident_id == incident_id
    )
    contact = session.execute(query).mappings().one_or_none()
    hide_contacts(session)
    return {**contact} if contact else {}
