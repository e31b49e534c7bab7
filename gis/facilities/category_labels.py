"""Labels of all buildings for one category, with the ids of facilities: as they are stored."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from gis.facilities.access_labels import AccessLabels
from gis.facilities.accessibility import DemandPoints, FacilityEntrances
from gis.network.snapping import Bools, Floats


@dataclass(frozen=True)
class CategoryLabels:
    """Labels of all buildings for one category.

    Attributes
    ----------
    building
        Ids, ascending; all other arrays have their order.
    minutes
        To the nearest facility; infinite: none within an hour, or off the network.
    facility
        Its id, -1 for none.
    within
        How many facilities are within 5, 10 and 15 minutes, shape (buildings, 3).
    edge_minutes
        To where the data end, or at a stated moment to a nearer facility whose hours do not tell;
        infinite: not within an hour.
    off_network
        No street is near, or only those of an island.
    computed_at
        When.
    """

    building: NDArray[np.int64]
    minutes: Floats
    facility: NDArray[np.int64]
    within: NDArray[np.int64]
    edge_minutes: Floats
    off_network: Bools
    computed_at: datetime

    def joined(self, other: "CategoryLabels") -> "CategoryLabels":
        """Return the labels of both sets of facilities together."""
        return replace(
            self,
            minutes=np.minimum(self.minutes, other.minutes),
            facility=np.where(other.minutes < self.minutes, other.facility, self.facility),
            within=self.within + other.within,
        )

    def patched(self, which: NDArray[np.int64], labels: "CategoryLabels") -> "CategoryLabels":
        """Return the labels with those of some buildings, by their places, put in."""
        columns = {}
        for name in ("minutes", "facility", "within", "edge_minutes", "off_network"):
            columns[name] = getattr(self, name).copy()
            columns[name][which] = getattr(labels, name)
        return replace(self, **columns, computed_at=labels.computed_at)


def by_category(
    labels: AccessLabels, demand: DemandPoints, entrances: FacilityEntrances
) -> dict[str, CategoryLabels]:
    """Return labels by category, with ids."""
    ids = np.append(entrances.id, -1)  # -1 is the last
    now = datetime.now(UTC)
    return {
        key: CategoryLabels(
            demand.building,
            labels.minutes[:, column],
            ids[labels.facility[:, column]],
            labels.within[:, column],
            labels.edge_minutes,
            labels.off_network,
            now,
        )
        for column, key in enumerate(labels.categories)
    }
