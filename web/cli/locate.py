"""`./wangge locate`: who answers for a place, or for a file of places."""

import sys
from datetime import datetime
from pathlib import Path

import click
import orjson

from gis.areas.locate_result import LocateResult
from gis.areas.models import Level
from gis.areas.resolver import locate
from web.cli.common import DASK, EXISTING_FILE, MOMENT, dask_scope, local_now, reading_scope


@click.command(context_settings={"ignore_unknown_options": True})  # a longitude may be negative
@click.argument("places", nargs=2, metavar="LON LAT | IN.csv OUT.csv")
@click.option("--crs", help="wgs84, cgcs2000, gcj02 or bd09; there is no default.")
@click.option("--address", help="As people write it: 西兴社区3号楼2单元501室.")
@click.option("--at", type=MOMENT, help="A past moment, ISO 8601; local where it names no zone.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option(
    "--batch", is_flag=True, help="Read IN.csv (id,lon,lat,crs[,address][,at]) and write OUT.csv."
)
@DASK
def command(
    places: tuple[str, str],
    crs: str | None,
    address: str | None,
    at: datetime | None,
    as_json: bool,
    batch: bool,
    dask: str | None,
) -> None:
    """Say who answers for a place.

    LON and LAT are degrees in the system named by --crs.

    Raises
    ------
    UsageError
        --crs is missing or does not go with --batch, --dask goes without it, IN.csv does not exist,
        or LON and LAT are no numbers.
    """
    moment = at or local_now()
    if batch:
        if crs or address:
            raise click.UsageError("with --batch every row of IN.csv has its own crs and address")
        many(
            Path(EXISTING_FILE.convert(places[0], None, None)),
            Path(places[1]),
            moment,
            as_json,
            dask,
        )
        return
    if dask:
        raise click.UsageError("--dask goes with --batch")
    if crs is None:
        raise click.UsageError("--crs is missing: wgs84, cgcs2000, gcj02 or bd09")
    try:
        lon, lat = (float(part) for part in places)
    except ValueError:
        raise click.UsageError(
            f"{' '.join(places)} is not a longitude and a latitude in degrees"
        ) from None
    with reading_scope() as session:
        result = locate(session, lon, lat, crs, address=address, at=moment)
    click.echo(orjson.dumps(result).decode() if as_json else in_words(result))


def many(source: Path, target: Path, at: datetime, as_json: bool, dask: str | None = None) -> None:
    """Locate a file of places, by workers of Dask where an address is given."""
    from tqdm import tqdm

    from gis.areas.batch import locate_file

    with (
        reading_scope() as session,
        dask_scope(session, dask) as state,
        tqdm(file=sys.stderr, unit=" points", unit_scale=True, leave=False, disable=None) as bar,
    ):

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        counts = locate_file(state, source, target, at, progress)
    summary = {
        "rows": counts.rows,
        "located": counts.located,
        "errors": counts.rows - counts.located,
        "file": str(target),
    }
    if as_json:
        click.echo(orjson.dumps(summary).decode())
    else:
        click.echo(f"{target}: {counts.located:,} of {counts.rows:,} points located")


def in_words(result: LocateResult) -> str:
    """Return the answer for a person to read."""
    lines = [" › ".join(area.name for area in result.areas) + f"  ({result.areas[-1].code})"]
    if result.building:
        away = f"，相距{result.building.distance_m}米" if result.building.distance_m else ""
        lines.append(
            f"楼栋　　{result.building.estate}{result.building.name} ({result.building.code}){away}"
        )
    if result.unit:
        lines.append(f"{Level.UNIT.zh}　{result.unit.name} ({result.unit.code})")
    for candidate in result.unit_candidates:
        which = [f"{name}单元" for name in candidate.stairwells] + [
            f"{low}–{high}层" for low, high in candidate.floors
        ]
        lines.append(f"{Level.UNIT.zh}？ {candidate.name} ({candidate.code}) {'、'.join(which)}")
    lines.append("责任人")
    for entry in result.people:
        mark = "→" if entry is result.answerable else " "
        reason = f"（{entry.why_zh}）" if entry.why_zh else ""
        lines.append(f" {mark} {entry.role_zh}：{entry.name or '——'}{reason}")
    if not result.people:
        lines.append("   （没有登记岗位）")
    lines.append("依据")
    lines += [f"   {step.zh}" for step in result.how]
    lines.append(f"   时间 {result.at}，边界修订 {result.revision}")
    return "\n".join(lines)
