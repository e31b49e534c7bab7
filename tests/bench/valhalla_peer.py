"""Valhalla's side of a bench row; runs in an environment of its own, without our packages.

`python valhalla_peer.py TILES FILE.osm.pbf` builds tiles, prints `ready`, then answers each line
`lon lat minutes speed_km_h` of its input with one line of JSON: seconds of CPU and the GeoJSON
text of the time contour.
"""

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path

import valhalla  # type: ignore[import-not-found]  # only where it is installed


def build(folder: Path, extract: Path) -> Path:
    """Build the tiles of an extract and return the path of their settings."""
    tiles = folder / "tiles"
    tiles.mkdir()
    settings = valhalla.get_config(tile_extract="", tile_dir=str(tiles))
    settings["mjolnir"]["concurrency"] = 1
    settings["mjolnir"].pop("tile_extract", None)
    path = folder / "valhalla.json"
    path.write_text(json.dumps(settings))
    tool = Path(valhalla.__file__).parent / "bin" / "valhalla_build_tiles"
    subprocess.run(
        [str(tool), "-c", str(path), str(extract)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return path


def main() -> None:
    """Answer until the input ends."""
    folder, extract = map(Path, sys.argv[1:])
    answers = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        actor = valhalla.Actor(str(build(folder, extract)))
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        lon, lat, minutes, speed = map(float, line.split())
        query = json.dumps(
            {
                "locations": [{"lon": lon, "lat": lat}],
                "costing": "pedestrian",
                "costing_options": {"pedestrian": {"walking_speed": speed}},
                "contours": [{"time": minutes}],
                "polygons": True,
            }
        )
        begin = time.process_time()
        text = actor.isochrone(query)
        spent = time.process_time() - begin
        print(json.dumps([spent, text]), file=answers, flush=True)


if __name__ == "__main__":
    main()
