"""What a server loads: `granian --interface rsgi web.wsgi:gateway`, or any WSGI server `web.wsgi:app`. One in every worker."""

from gis import cluster
from gis.settings import Settings
from web import observe
from web.create_app import create_app
from web.gateway import Gateway

observe.configure()
settings = Settings.from_env()
app = create_app(settings, settings.database_url or cluster.addresses(settings).app)
gateway = Gateway(app)
