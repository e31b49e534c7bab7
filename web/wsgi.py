"""What a server loads in every worker: `web.wsgi:gateway` by RSGI, or `web.wsgi:app` by WSGI."""

import os
from functools import partial

from gis import private
from gis.db import open_ahead
from gis.ops import cluster
from gis.settings import Settings
from web.gateway import THREADS, Gateway
from web.http import observability, worker_metrics
from web.shards.service import make_application

os.umask(private.UMASK)
observability.configure()
worker_metrics.share()
settings = Settings.from_env()
database_url = settings.database_url or cluster.database_urls(settings).app
app = make_application(settings, database_url)
gateway = Gateway(app, partial(open_ahead, database_url, THREADS))
