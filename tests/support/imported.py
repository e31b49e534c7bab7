"""What the process that forks commands and servers has imported (see `tests.support.forked`)."""

import gc
import importlib

from web.cli import COMMANDS, GC_THRESHOLDS, load_command
from web.cli.serve import import_application

gc.set_threshold(*GC_THRESHOLDS)
for _name in COMMANDS:
    load_command(_name)
importlib.import_module("granian")
import_application()
