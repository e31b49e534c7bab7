"""Words that columns of several tables may hold."""

from gis.messages import label

SEVERITIES = ("low", "normal", "high", "urgent")
DISPATCH_MODES = ("assign", "order")
CHANNELS = (
    "mini_program",
    "web",
    "phone",
    "in_person",
    "patrol",
    "woodpecker",
    "open311",
    "device",
    "import",
    "api",
)
ORGANISATION_KINDS = (
    "water",
    "power",
    "gas",
    "property",
    "other",
    "party_branch",
    "volunteer_team",
    "enforcement_squad",
    "resident_unit",
)
PART_KINDS = ("external", "assist", "sign")


def channel_label(channel: str, language: str) -> str:
    """Return what a channel is called; one that is no longer known by its own word."""
    return label(f"channel.{channel}", language) if channel in CHANNELS else channel
