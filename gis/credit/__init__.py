"""Points of who takes orders and stars of communities, by published formulas over facts."""
