"""Points and stars."""
