"""Names that contain a text, by index and without."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.bigrams import bigrams_of, contains_sql, substrings
from gis.places.lookup import number_ends, number_pattern

CHARACTERS = "3１2三十号栋楼 aA#-"
OF_DATABASE = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@OF_DATABASE
@given(words=st.text(CHARACTERS, max_size=9), needle=st.text("3三号a#", min_size=1, max_size=4))
def test_the_index_answers_as_the_text_does(session: Session, words: str, needle: str) -> None:
    condition = contains_sql("CAST(:words AS text)", "needle")
    params = {"words": words, "needle": needle, "needle_bigrams": bigrams_of(needle)}
    by_index = session.scalar(text(f"SELECT {condition}"), params)
    assert bool(by_index) == (needle in words.lower().replace(" ", ""))


@OF_DATABASE
@given(
    name=st.text("0123１３一三十号栋楼苑A", min_size=1, max_size=6),
    number=st.sampled_from(["3", "13", "A", "0", "2000"]),
)
def test_a_numbered_name_ends_as_is_looked_up(session: Session, name: str, number: str) -> None:
    query = "SELECT :name ~* :pattern, bigrams(:name) && CAST(:ends AS text[])"
    params = {"name": name, "pattern": number_pattern(number), "ends": number_ends(number)}
    matches, looked_up = session.execute(text(query), params).one()
    assert looked_up or not matches


def test_nothing_has_an_empty_needle(session: Session) -> None:
    query = text("SELECT bigrams('3号楼') @> CAST(:none AS text[])")
    assert session.scalar(query, {"none": bigrams_of("")}) is False


def test_every_name_that_stands_in_a_text_is_one_of_its_parts(session: Session) -> None:
    said = "西秀区学府路1号桂花苑惠民大厦802"
    query = text(
        "SELECT building_words('桂花苑', '惠民大厦', '学府路1号') <@ CAST(:parts AS text[])"
    )
    assert session.scalar(query, {"parts": substrings(said)})
