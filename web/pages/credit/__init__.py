"""Points of who takes orders, stars of communities, and their formulas."""
