"""Scripts show and read days and times by shared/moment.js alone: of the community's time zone."""

import re

from gis.settings import ROOT

MOMENTS = ROOT / "web/static/shared/moment.js"
# what goes by the browser's zone or language, or takes the day of UTC for that of the community
BY_THE_BROWSER = re.compile(
    r"\.toLocale(?:Date|Time)String|\.toLocaleString\((?:\)|undefined)|DateTimeFormat|dateStyle|timeStyle"
    r"|\.get(?:FullYear|Month|Date|Day|Hours|Minutes|TimezoneOffset)\(|\.toDateString\("
    r"|\bhour: '|\.toISOString\(\)\.slice|new Date\(\w+\.value\)"
)


def test_no_script_goes_by_the_zone_or_language_of_the_browser() -> None:
    scripts = [*ROOT.glob("web/pages/*/static/*.js"), *ROOT.glob("web/static/shared/*.js")]
    assert MOMENTS in scripts and len(scripts) > 80
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in scripts
        if path != MOMENTS
        for match in BY_THE_BROWSER.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_no_command_prints_a_moment_in_the_zone_of_the_database() -> None:
    """A draft in force from midnight in Beijing was said to hold from 16:00 the day before."""
    bare = re.compile(r"\{(?!.*(?:zone|now|local|end|day|month|first))[^{}]*:%[^{}]*\}")
    found = [
        f"{path.name}: {match[0]}"
        for path in (ROOT / "web/cli").glob("*.py")
        for match in bare.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []
