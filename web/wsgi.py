"""What a WSGI server loads: `granian --interface wsgi web.wsgi:app`. One of these in every worker."""

import os

from gis import cluster, private
from gis.settings import Settings
from web import figures, observe
from web.create_app import create_app

os.umask(private.UMASK)
observe.configure()
figures.share()
settings = Settings.from_env()
app = create_app(settings, settings.database_url or cluster.addresses(settings).app)
