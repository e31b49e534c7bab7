"""What a server loads in every worker: `web.wsgi:gateway` by RSGI, or `web.wsgi:app` by WSGI."""

import os

from gis import private
from gis.ops import cluster
from gis.settings import Settings
from web.gateway import Gateway
from web.http import observability, worker_metrics
from web.shards.service import make_application

os.umask(private.UMASK)
observability.configure()
worker_metrics.share()
settings = Settings.from_env()
app = make_application(settings, settings.database_url or cluster.database_urls(settings).app)
gateway = Gateway(app)
