"""What a measurement is, and how docs/BENCHMARKS.md is written from it."""

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
PACKAGES = (
    "numpy",
    "scipy",
    "shapely",
    "geopandas",
    "networkx",
    "psycopg",
    "Flask",
    "granian",
    "pyarrow",
)


@dataclass(frozen=True)
class Figure:
    """One contestant's median, or what the row says.

    value: In the row's unit. runs: How many it is the median of. more: Other figures, as "F1
    0.996".
    """

    who: str
    value: float
    runs: int
    more: str = ""


@dataclass(frozen=True)
class Reach:
    """A line of DESIGN section 5, and whether this run met it; None: not measured here."""

    words: str
    met: bool | None


@dataclass(frozen=True)
class Row:
    """One job.

    more_is_better: Rates; times otherwise. statistic: What the figures are of their runs.
    absent: Peers not measured in this run, with the reason.
    """

    name: str
    job: str
    size: str
    unit: str
    ours: Figure
    peers: list[Figure]
    reaches: list[Reach]
    more_is_better: bool = False
    notes: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    statistic: str = "median"

    def ratio(self, peer: Figure) -> float:
        """How many times better we are than a peer; below 1 the peer is better."""
        return self.ours.value / peer.value if self.more_is_better else peer.value / self.ours.value


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def cpu_seconds(work: Callable[[], T]) -> tuple[float, T]:
    """Seconds of CPU of this process that one call takes, and what it returns."""
    begin = time.process_time()
    result = work()
    return time.process_time() - begin, result


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def machine() -> list[str]:
    """Lines that say where it was measured."""
    info = Path("/proc/cpuinfo")
    models = (
        [line for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    model = (
        models[0].split(":", 1)[1].strip() if models else platform.processor() or platform.machine()
    )
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        (
            f"{date.today().isoformat()}; {os.cpu_count()} cores ({model}), {gib:.0f} GiB;"
            f" load when begun {os.getloadavg()[0]:.1f}"
        ),
        f"{platform.system()} {platform.release()}; Python {platform.python_version()}; "
        + ", ".join(f"{name} {installed(name)}" for name in PACKAGES),
    ]


def installed(name: str) -> str:
    """Version of a package."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def number(value: float) -> str:
    """Three figures that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def verdict(met: bool | None) -> str:
    """The word in the table."""
    return {True: "met", False: "**not met**", None: "not measured"}[met]


def markdown(rows: Sequence[Row], where: Sequence[str], minutes: float) -> str:
    """The whole page."""
    lines = [
        "# Benchmarks",
        "",
        (
            "Written by `./wangge bench`: ours and the peers in one run, on the same data."
            " The reaches are those of DESIGN"
        ),
        (
            "section 5. Ratios count; absolute times move with the machine."
            " A ratio above 1 means ours is better."
        ),
        "",
        *(f"- {line}" for line in where),
        f"- the whole run: {minutes:.1f} minutes",
        "",
        "| job | ours | reach | |",
        "| --- | --- | --- | --- |",
    ]
    for row in rows:
        for i, reach in enumerate(row.reaches):
            initial = f"{row.job} | {number(row.ours.value)} {row.unit}" if i == 0 else " | "
            lines.append(f"| {initial} | {reach.words} | {verdict(reach.met)} |")
    for row in rows:
        lines += ["", f"## {row.job}", "", f"{row.size}", ""]
        lines += [
            f"| | {row.unit}, {row.statistic} | of | ours is better by | |",
            "| --- | --- | --- | --- | --- |",
        ]
        lines.append(
            f"| **{row.ours.who}** | {number(row.ours.value)} | {row.ours.runs} | |"
            f" {row.ours.more} |"
        )
        for peer in row.peers:
            lines.append(
                f"| {peer.who} | {number(peer.value)} | {peer.runs} |"
                f" {number(row.ratio(peer))} × | {peer.more} |"
            )
        lines += [""] if row.notes or row.absent else []
        lines += [f"- {note}" for note in row.notes]
        lines += [f"- Not measured in this run: {reason}" for reason in row.absent]
    return "\n".join(lines) + "\n"
