"""Classes of minutes: limits in order around the one asked for, every building in exactly one."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import numpy as np
import pytest

from gis.facilities.access_classes import UNREACHABLE, class_limits, class_of
from gis.facilities.building_coverage import BuildingCoverage
from gis.palette import ACCESS_CLASS_COLOURS, ACCESS_PLACE_COLOURS


@dataclass
class Buildings:
    """What `class_of` reads of buildings."""

    minutes: Any
    edge_minutes: Any
    off_network: Any

    standing = BuildingCoverage.standing


@pytest.mark.parametrize("minutes", range(2, 61))
def test_the_limits_are_in_order_and_the_third_is_the_one_asked_for(minutes: int) -> None:
    limits = class_limits(minutes)
    assert limits[2] == minutes
    assert list(limits) == sorted(limits)


def test_each_building_is_in_the_class_of_its_walk() -> None:
    inf = np.inf
    rows = [
        (0.0, inf, False, "0"),
        (5.0, inf, False, "0"),
        (5.01, inf, False, "1"),
        (15.0, 3.0, False, "2"),  # served is certain, however near the data end
        (15.01, inf, False, "3"),
        (20.5, inf, False, "4"),
        (59.0, 16.0, False, "5"),
        (inf, inf, False, UNREACHABLE),
        (inf, 15.0, False, "cannot_say"),
        (17.0, 2.0, False, "cannot_say"),
        (inf, inf, True, "off_network"),
    ]
    walk, edge, off, expected = (np.array(column) for column in zip(*rows, strict=True))
    buildings = cast(BuildingCoverage, Buildings(walk, edge, off))
    assert class_of(buildings, 15).tolist() == expected.tolist()


def lightness(colour: str) -> float:
    """Return CIE L* of an sRGB colour."""
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return 116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y


def test_lightness_alone_orders_each_arm() -> None:
    light = [lightness(colour) for colour in ACCESS_CLASS_COLOURS]
    for arm in (light[:3], [*light[3:], lightness(ACCESS_PLACE_COLOURS[UNREACHABLE])]):
        assert all(a - b > 8 for a, b in pairwise(arm))
