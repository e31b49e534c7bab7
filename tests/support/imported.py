"""What the process that forks commands and servers has imported (see `tests.support.forked`)."""

import gc
import importlib

from web.app import BLUEPRINTS
from web.cli import COMMANDS, GC_THRESHOLDS

gc.set_threshold(*GC_THRESHOLDS)
for _name in (*BLUEPRINTS, *(f"web.cli.{name.replace('-', '_')}" for name in COMMANDS)):
    importlib.import_module(_name)
importlib.import_module("granian")
gc.freeze()  # a collection would write to the shared pages, and so copy them
