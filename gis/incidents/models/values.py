"""Words that columns of several tables may hold."""

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
ORGANISATION_KINDS = ("water", "power", "gas", "property", "other")
PART_KINDS = ("external", "assist", "sign")
