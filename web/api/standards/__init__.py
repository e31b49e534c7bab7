"""Standards of facilities."""
