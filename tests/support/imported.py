"""What the process that forks commands and servers has imported (see `tests.support.forked`)."""

import gc
import importlib

from gis.files.editions import parse_default
from gis.incidents.catalogue import classifier, danger, edition_file
from gis.incidents.danger import table
from web.cli import COMMANDS, GC_THRESHOLDS, load_command
from web.cli.serve import import_application

gc.set_threshold(*GC_THRESHOLDS)
for _name in COMMANDS:
    load_command(_name)
importlib.import_module("granian")
import_application()
classifier.load_dictionary()
danger.prepared(
    parse_default(table.parse, table.DANGER_CSV),
    danger.everyday_of(parse_default(edition_file.parse, edition_file.CATALOGUE_CSV)),
)
