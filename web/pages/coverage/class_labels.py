"""The classes of minutes in words."""

from collections.abc import Sequence

from flask_babel import gettext as _

from gis.facilities.access_classes import UNREACHABLE
from gis.facilities.building_coverage import Standing


def class_labels(limits: Sequence[int]) -> dict[str, str]:
    """Return what each class is called, by the limits between the classes of minutes."""
    return {
        "0": _("to %(n)s min", n=limits[0]),
        **{
            str(i): _("%(from)s–%(to)s min", **{"from": limits[i - 1], "to": limits[i]})
            for i in range(1, len(limits))
        },
        str(len(limits)): _("over %(n)s min", n=limits[-1]),
        UNREACHABLE: _("not within 60 min"),
        Standing.CANNOT_SAY.value: _("Cannot say"),
        Standing.OFF_NETWORK.value: _("Off the network"),
    }
