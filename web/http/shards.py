"""What the dispatcher over the counties tells the application that answers."""

from flask import Flask, current_app, request

from gis.settings import read_shards

SHARD_ERROR = "wangge.shard_error"  # in the environment: why a request is for no county
ABOUT_CITY = "wangge.city"  # in the environment: it is about the whole city


def init_app(app: Flask) -> None:
    """Refuse what the dispatcher refuses, as any other error is."""

    @app.before_request
    def refuse() -> None:
        if (error := request.environ.get(SHARD_ERROR)) is not None:
            raise error


def is_about_city() -> bool:
    """Return whether a request is about all counties of the city at once."""
    return bool(request.environ.get(ABOUT_CITY))


def has_counties() -> bool:
    """Return whether this is the main database of counties that have databases of their own."""
    return bool(read_shards(current_app.config["SETTINGS"].var))


def tile_version(version: str) -> str:
    """Return the version in the address of tiles, with the county whose data it is of.

    Browsers keep tiles by their address; another tab may have chosen another county since.
    """
    county = current_app.config["SETTINGS"].county
    return f"{version}&county={county}" if county else version
