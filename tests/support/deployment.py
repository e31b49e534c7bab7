"""Deployment folders to throw away, and the folder of development data."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gis.ops import cluster
from gis.settings import ROOT, Settings

SHARED = ROOT.parent / "shared" / "data"


@contextmanager
def deployment_folder() -> Iterator[Path]:
    """An empty deployment folder for tests that start servers of their own.

    Stopped and removed after.
    """
    folder = Path(tempfile.mkdtemp(prefix="wangge-own-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        cluster.stop(Settings(var=folder))
        base = cluster.cluster_location(Settings(var=folder)).base
        shutil.rmtree(folder, ignore_errors=True)
        if os.geteuid() == 0 and base.parent == Path("/var/lib/wangge"):
            shutil.rmtree(base, ignore_errors=True)
