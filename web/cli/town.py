"""`./wangge town`: a made-up town of any size, for trying and for measuring."""

import click

from gis.demo.households import PILOT_HOUSEHOLDS
from web.cli.common import progress_bar, session_scope


@click.command()
@click.option(
    "--seed", default=2026, show_default=True, help="The same seed and size give the same town."
)
@click.option(
    "--households", default=PILOT_HOUSEHOLDS, show_default=True, help="Size, 100 to 2,000,000."
)
@click.option("--commit", is_flag=True, help="Write it; without, it is made and thrown away.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def command(seed: int, households: int, commit: bool, as_json: bool) -> None:
    """Make a made-up town: streets, compounds, towers, households, posts, facilities."""
    from gis.demo.generate import generate_town
    from web.cli.load_text import print_report

    with session_scope("a made-up town") as session:
        report = generate_town(
            session, seed=seed, households=households, progress=progress_bar("grids")
        )
        if commit:
            session.commit()
            report.committed = True
    print_report(report, as_json)
