"""Check-up sheets of communities."""
