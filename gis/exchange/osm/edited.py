"""OSM files as an editor saves them: negative ids, and objects marked deleted or invisible.

libosmium finds no node with a negative id again and knows nothing of `action="delete"`; such a file
is rewritten once, before it is read, without what is deleted and with ids of its own for what is
new.
"""

import mmap
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.parsers import expat

import osmium
from osmium.osm.mutable import Node, Relation, Way

from gis.exchange.osm.file import damaged_file_error

FIRST_NEW_ID = 1 << 40  # larger than all ids of the OSM database
EDIT_MARKS = tuple(
    f"{key}={quote}{value}".encode()
    for quote in "\"'"
    for key, value in (("action", "delete"), ("visible", "false"), ("id", "-"), ("ref", "-"))
)


def new_id(number: int) -> int:
    """Return the id that stands for one of the file, positive for a negative one."""
    return number if number >= 0 else FIRST_NEW_ID - number


def file_id(number: int) -> int:
    """Return the id in the file for one of ours; inverse of `new_id`."""
    return FIRST_NEW_ID - number if number > FIRST_NEW_ID else number


def is_xml(path: Path) -> bool:
    """Return whether a file is .osm text; a .pbf begins with a length of four bytes."""
    with path.open("rb") as file:
        return file.read(1) != b"\0"


def needs_settling(path: Path) -> bool:
    """Return whether an .osm file holds negative ids or marks of deletion."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return any(data.find(mark) >= 0 for mark in EDIT_MARKS)


def settle(path: Path, source: osmium.io.File, target: Path) -> int:
    """Write a file without its deleted and invisible objects and without negative ids.

    Returns
    -------
    int
        How many objects were left out.

    Raises
    ------
    InvalidInput
        The file is cut off or damaged.
    """
    deleted = _deleted_ids(path)
    left_out = 0
    try:
        with osmium.SimpleWriter(str(target)) as writer:
            write: dict[str, Callable[[Any], None]] = {
                "n": lambda item: writer.add_node(Node(item, id=new_id(item.id))),
                "w": lambda item: writer.add_way(
                    Way(item, id=new_id(item.id), nodes=[new_id(node.ref) for node in item.nodes])
                ),
                "r": lambda item: writer.add_relation(
                    Relation(
                        item,
                        id=new_id(item.id),
                        members=[(m.type, new_id(m.ref), m.role) for m in item.members],
                    )
                ),
            }
            for item in osmium.FileProcessor(source):
                kind = item.type_str()
                if kind in write and (
                    getattr(item, "deleted", False) or (kind, item.id) in deleted
                ):
                    left_out += 1
                elif kind in write:
                    write[kind](item)
    except RuntimeError as error:
        raise damaged_file_error(path, error) from None
    return left_out


def _deleted_ids(path: Path) -> set[tuple[str, int]]:
    """Return (n, w or r, id) of every object with action="delete".

    Raises
    ------
    InvalidInput
        The file is not well-formed XML, or declares entities.
    """
    deleted: set[tuple[str, int]] = set()
    parser = expat.ParserCreate()

    def start(name: str, attributes: dict[str, str]) -> None:
        if name in ("node", "way", "relation") and attributes.get("action") == "delete":
            deleted.add((name[0], int(attributes.get("id", "0"))))

    def refuse(*_: object) -> None:
        raise ValueError("it declares XML entities")

    parser.StartElementHandler, parser.EntityDeclHandler = start, refuse
    try:
        with path.open("rb") as file:
            parser.ParseFile(file)
    except (expat.ExpatError, ValueError) as error:
        raise damaged_file_error(path, error) from None
    return deleted
