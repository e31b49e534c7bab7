"""What a WSGI server loads: `granian --interface wsgi web.wsgi:app`. One of these in every worker."""

from gis import cluster
from gis.settings import Settings
from web import observe
from web.create_app import create_app

observe.configure()
settings = Settings.from_env()
app = create_app(settings, settings.database_url or cluster.addresses(settings).app)
