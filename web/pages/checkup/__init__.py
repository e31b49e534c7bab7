"""Check-up sheets of communities, to read, print and add visits to."""
