"""The tracking secret of a report: derived from the id, so that it need not be stored."""

import hmac
from uuid import UUID


def derive_tracking_secret(signing_key: str, incident_id: UUID) -> str:
    """Return the tracking secret of an incident that was filed through the API.

    Parameters
    ----------
    signing_key
        Of the deployment: `gis.accounts.credentials.signing_key`.
    """
    key = signing_key.encode()
    return hmac.new(key, b"tracking " + incident_id.bytes, "sha256").hexdigest()[:43]
