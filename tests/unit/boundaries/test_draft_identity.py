"""What goes on of a grid over the steps of a draft."""

import pytest

from gis.boundaries.draft_identity import lasting_lineage

STEPS = {
    "three codes": (["recoded 6 a", "recoded a b", "recoded b 9"], ["recoded 6 9"]),
    "a code, then merged": (["recoded 6 a", "merged a 5"], ["merged 6 5"]),
    "merged, then a code": (["merged 6 5", "recoded 5 9"], ["recoded 5 9", "merged 6 5"]),
    "split off, then a code": (["split 6 a", "recoded a 9"], ["split 6 9"]),
    "split off, then merged": (["split 6 a", "merged a 5"], ["split 6 5"]),
    "its own code again": (["recoded 6 a", "recoded a 6"], []),
    "in a circle": (["recoded 6 a", "recoded a b", "recoded b a", "merged a 5"], ["merged 6 5"]),
}


@pytest.mark.parametrize("name", STEPS)
def test_steps_through_grids_of_the_draft_are_drawn_together(name: str) -> None:
    steps, expected = ([tuple(step.split()) for step in side] for side in STEPS[name])
    assert lasting_lineage(steps, {"5", "6", "9"}) == expected
