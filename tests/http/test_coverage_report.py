"""The report of an area: the figures of the engine, as a page, a file and a PDF."""

import re
import time
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import InvalidInput, NotFound, Unavailable
from gis.facilities.area_report import ReportQuery, area_report
from gis.facilities.coverage_summary import coverage
from gis.files import pdf, sandbox
from layers.report_map import report_map
from tests.support.sign_in import account, signed_in

NOW = datetime.now(UTC)


pytestmark = pytest.mark.made_up(1500)


@pytest.fixture
def community(session: Session) -> str:
    """The code of the only community of the made-up town."""
    return session.scalar(text("SELECT code FROM area WHERE level = 'community'")) or ""


def test_its_figures_are_those_of_coverage(session: Session, community: str) -> None:
    report = area_report(session, ReportQuery(community, "clinic", 10, "elder", sites=2), NOW)
    (alone,) = coverage(session, ["clinic"], 10, "elder", area=community).areas
    assert report.coverage.figures() == alone.figures()
    for category in ("clinic", "pharmacy", "park"):
        totals = coverage(session, [category], 10, "elder", area=community).totals
        assert report.by_category[category] == totals
    assert sum(gap.households for gap in report.gaps) == alone.beyond.households
    assert sum(tally.households for tally in report.classes.counts.values()) == 1500
    assert report.siting and len(report.siting.sites) in (1, 2)
    newly = sum(site.newly_served.people for site in report.siting.sites)
    assert 0 < newly <= alone.beyond.people
    with pytest.raises(NotFound):
        area_report(session, ReportQuery("nowhere", "clinic"), NOW)
    with pytest.raises(InvalidInput, match="sites"):
        area_report(session, ReportQuery(community, "clinic", sites=6), NOW)


def test_at_a_moment_only_what_is_open_counts(
    session: Session, client: FlaskClient, community: str
) -> None:
    session.execute(text("UPDATE facility SET opening_hours = 'Mo-Su 08:00-18:00'"))
    session.commit()
    reader = signed_in(client, account(session, "lin", "planner", community))
    url = f"/coverage/report/{community}?category=clinic"
    day, night = (reader.get(f"{url}&at=2026-11-28T{hour}").text for hour in ("12:00", "23:00"))
    shares = [re.findall(r'rep-share">([^<]+)', page) for page in (day, night)]
    assert shares[1] == ["0.0%"] != shares[0]
    assert "2026-11-28 23:00" in night


def test_the_share_is_of_the_households_named_beside_it(
    session: Session, client: FlaskClient, community: str
) -> None:
    """Some homes lie off the network: of them it cannot be said."""
    session.execute(
        text(
            "DELETE FROM walk_edge WHERE id IN (SELECT id FROM walk_edge ORDER BY geom <-> ("
            " SELECT geom FROM building ORDER BY id LIMIT 1) LIMIT 40)"
        )
    )
    session.execute(text("UPDATE walk_network SET version = 'cut'"))
    session.commit()
    reader = signed_in(client, account(session, "lin", "planner", community))
    html = reader.get(f"/coverage/report/{community}?category=clinic&lang=en").text
    share = re.search(r'rep-share">([\d.]+)%', html)
    counts = re.search(r": ([\d,]+) of ([\d,]+) households\s*(?:<small>Of ([\d,]+))?", html)
    assert share and counts
    served, known, unknown = (int(text.replace(",", "")) for text in counts.groups())
    assert (known + unknown, round(100 * served / known, 1)) == (1500, float(share[1]))


def test_the_map_draws_every_building_facility_and_site(session: Session, community: str) -> None:
    report = area_report(session, ReportQuery(community, "clinic", 10, "elder", sites=2), NOW)
    label = "<b>&\"' {{7*7}}"
    drawn = report_map(session, report, NOW, label)
    svg = ElementTree.fromstring(drawn.svg)
    assert not drawn.truncated
    assert svg.get("aria-label") == label
    name = "{http://www.w3.org/2000/svg}"
    coloured = {path.get("fill") for path in svg.iter(f"{name}path")}
    assert len(coloured) > 3
    inside = session.scalar(text("SELECT count(*) FROM building"))
    assert len([*svg.iter(f"{name}path")]) > (inside or 0)
    numbers = [word.text for word in svg.iter(f"{name}text")]
    assert report.siting
    assert numbers[:-1] == [str(nth) for nth, _ in enumerate(report.siting.sites, 1)]
    assert re.fullmatch(r"\d+ m", numbers[-1] or "")


def test_the_page_and_the_files(client: FlaskClient, session: Session, community: str) -> None:
    session.execute(
        text("UPDATE area SET name = '<img src=x onerror=alert(1)>{{7*7}}' WHERE code = :code"),
        {"code": community},
    )
    session.commit()
    address = f"/coverage/report/{community}"
    assert client.get(address).status_code == 401
    planner = signed_in(client, account(session, "plans", "planner", community[:6]))
    page = planner.get(f"{address}?category=clinic&minutes=10&profile=elder&sites=2&lang=en")
    html = page.get_data(as_text=True)
    assert page.status_code == 200 and page.headers["Cache-Control"] == "no-store"
    assert "&lt;img src=x" in html and "<img src=x" not in html and "{{7*7}}" in html
    assert "1,500 households" in html and "Where one more helps most" in html
    file = planner.get(f"{address}.html?category=clinic&lang=zh&reason=年度评估")
    document = file.get_data(as_text=True)
    assert "attachment" in file.headers["Content-Disposition"]
    assert "各类服务" in document and "再建一处" not in document
    assert not re.search(r"""(?:src|href)=["']""", document)  # it needs nothing else
    row = session.execute(
        text("SELECT subject, reason FROM personal.disclosure ORDER BY id DESC LIMIT 1")
    ).one()
    assert row == ("coverage report.html category=clinic", "年度评估")
    for query, status in {
        "category=nothing": 422,
        "minutes=61": 422,
        "minutes=soon": 422,
        "sites=9": 422,
        "profile=unicyclist": 422,
    }.items():
        assert planner.get(f"{address}?{query}").status_code == status, query
    assert planner.get("/coverage/report/nowhere").status_code == 404


def test_elders_are_counted_where_households_state_them(
    client: FlaskClient, session: Session, community: str
) -> None:
    planner = signed_in(client, account(session, "plans", "planner", community[:6]))
    address = f"/coverage/report/{community}?category=clinic&minutes=5&profile=elder&lang=en"
    session.execute(
        text("UPDATE household SET elders = NULL WHERE id IN (SELECT id FROM household LIMIT 3)")
    )
    session.commit()
    elders = session.scalar(text("SELECT sum(elders) FROM household"))
    html = planner.get(address).get_data(as_text=True)
    assert html.count("Aged 60 and over") == 2 and f"<td>{elders:,}</td>" in html
    assert "3 households do not say how many are 60 and over" in html
    session.execute(text("UPDATE household SET elders = NULL"))
    session.commit()
    assert "Aged 60 and over" not in planner.get(address).get_data(as_text=True)


def test_a_map_that_cannot_hold_all_buildings_says_so(
    client: FlaskClient, session: Session, community: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("gis.facilities.access_classes", "web.pages.coverage.report_html"):
        monkeypatch.setattr(f"{module}.MAX_BUILDINGS", 20)
    planner = signed_in(client, account(session, "plans", "planner", community[:6]))
    html = planner.get(f"/coverage/report/{community}?lang=en").get_data(as_text=True)
    assert "Only 20 of the buildings are drawn." in html


def test_new_places_are_for_planners(client: FlaskClient, session: Session, community: str) -> None:
    dispatcher = signed_in(client, account(session, "sends", "dispatcher", community))
    address = f"/coverage/report/{community}"
    assert dispatcher.get(address).status_code == 200
    assert dispatcher.get(f"{address}?sites=2").status_code == 403


def test_as_pdf(client: FlaskClient, session: Session, community: str) -> None:
    planner = signed_in(client, account(session, "plans", "planner", community[:6]))
    response = planner.get(f"/coverage/report/{community}.pdf?category=clinic")
    if response.status_code == 503:
        pytest.skip(f"this machine has not {pdf.PACKAGES}")
    assert response.mimetype == "application/pdf"
    assert response.data.startswith(b"%PDF-") and len(response.data) > 50_000


def test_without_a_chinese_font_pdf_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "_has_chinese_font", lambda: False)
    with pytest.raises(Unavailable, match="fonts-noto-cjk"):
        pdf.write_pdf("<p>网格</p>")


def test_a_long_pdf_leaves_the_worker_to_the_others() -> None:
    html = "<p>网格</p>" * 400
    begin = time.process_time()
    try:
        assert pdf.html_to_pdf(html).startswith(b"%PDF-")
    except Unavailable:
        pytest.skip(f"this machine has not {pdf.PACKAGES}")
    assert time.process_time() - begin < 0.2
    with ExitStack() as others:
        for _ in range(sandbox.REQUEST_READERS):
            others.enter_context(sandbox.within_request())
        with pytest.raises(Unavailable, match="other documents"):
            pdf.html_to_pdf(html)


def test_a_document_fetches_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    with pytest.raises(ValueError, match="not part of the document"):
        pdf._refuse(secret.as_uri())


def test_the_command(
    session: Session, community: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from web.cli import coverage_report as module

    @contextmanager
    def scope(reason: str = ""):
        yield session

    monkeypatch.setattr(module, "session_scope", scope)
    run = lambda *arguments: CliRunner().invoke(module.command, [community, *arguments])  # noqa: E731
    assert run(str(tmp_path / "report.docx")).exit_code == 2
    done = run(str(tmp_path / "report.html"), "--lang", "en", "--sites", "1")
    assert done.exit_code == 0, done.output
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert '<html lang="en">' in html and "Where one more helps most" in html
