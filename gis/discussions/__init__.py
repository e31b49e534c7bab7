"""Discussions (议事): proposals put to the homes of an area, their votes and results."""
