"""What is served: one application, or with shards one for each county, and the dispatcher."""

from wsgiref.types import WSGIApplication

from gis.network.loading import keep_maps
from gis.ops.shards.finder import make_finder
from gis.settings import Settings, read_shards
from web.app import create_app
from web.shards.dispatcher import Dispatcher


def make_application(settings: Settings, database_url: str) -> WSGIApplication:
    """Return the application of a deployment.

    Parameters
    ----------
    database_url
        The main database, for the application.
    """
    main = create_app(settings, database_url)
    shards = read_shards(settings.var)
    if not shards:
        return main
    counties = {
        county: create_app(settings.of_shard(shard), shard.url) for county, shard in shards.items()
    }
    keep_maps(1 + len(counties))
    direct = settings.database_listen_url or database_url
    return Dispatcher(main, counties, make_finder(direct, shards))
