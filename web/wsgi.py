"""What a server loads: `granian --interface rsgi web.wsgi:gateway`, or any WSGI server `web.wsgi:app`. One in every worker."""

import os

from gis import cluster, private
from gis.settings import Settings
from web import figures, observe
from web.create_app import create_app
from web.gateway import Gateway

os.umask(private.UMASK)
observe.configure()
figures.share()
settings = Settings.from_env()
app = create_app(settings, settings.database_url or cluster.addresses(settings).app)
gateway = Gateway(app)
