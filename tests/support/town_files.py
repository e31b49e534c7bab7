"""A made-up town as files: commands on deployments, and its streets as an extract of OSM."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import osmium
import pytest
from osmium.osm import mutable
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis import db
from tests.support.served import Deployment, forget_editions
from tests.support.sharded import urls_of


def run(deployment: Deployment, *words: object) -> str:
    """Run a command that must end well; what it prints."""
    done = deployment.run_inside(*words)
    assert done.returncode == 0, (words, done.stdout[-500:], done.stderr[-2000:])
    return done.stdout


@contextmanager
def session_of(deployment: Deployment) -> Iterator[Session]:
    """A session on the database of a deployment."""
    with pytest.MonkeyPatch.context() as patch:
        forget_editions(patch)
        with Session(db.engine(urls_of(deployment.var).app)) as session:
            yield session


def write_streets(session: Session, path: Path) -> None:
    """Write the made-up streets as the extract of OSM that they would come in."""
    with osmium.SimpleWriter(str(path), overwrite=True) as file:
        nodes = "SELECT id, ST_X(geom) AS x, ST_Y(geom) AS y FROM walk_node ORDER BY id"
        for node in session.execute(text(nodes)):
            file.add_node(mutable.Node(id=node.id, version=1, location=(node.x, node.y)))
        edges = "SELECT id, u, v, kind, name, structure FROM walk_edge ORDER BY id"
        for edge in session.execute(text(edges)):
            tags = {"highway": edge.kind, "name": edge.name, edge.structure: "yes"}
            kept = {key: value for key, value in tags.items() if key and value}
            file.add_way(mutable.Way(id=edge.id, version=1, nodes=[edge.u, edge.v], tags=kept))
