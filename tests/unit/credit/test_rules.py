"""Formulas are rows of a closed list, with numbers in range."""

from pathlib import Path

import pytest

from gis.credit import formula_file
from gis.credit.rules import DEFAULT_RULES, MINIMUM, THRESHOLDS, Rule, rule_text, validate_rules
from gis.errors import InvalidInput

STEPS = tuple(Rule(key, "", 20 * step) for step, key in enumerate(THRESHOLDS, 1))
IN_TIME, LEAST = Rule("in_time", "", 1), Rule(MINIMUM, "", 1)


@pytest.mark.parametrize(
    ("kind", "rules"),
    [
        ("points", (Rule("taken", "rating_4", 1),)),
        ("points", (Rule("1 OR 1=1", "", 1),)),
        ("points", (Rule("taken", "", 0),)),
        ("points", (Rule("taken", "", float("nan")),)),
        ("points", (Rule("taken", "", float("inf")),)),
        ("points", (Rule("taken", "", 101),)),
        ("points", (Rule("taken", "", 1, cap=-1),)),
        ("points", (Rule("taken", "", 1), Rule("taken", "", 2))),
        ("points", ()),
        ("stars", (*STEPS, LEAST)),
        ("stars", (IN_TIME, *STEPS)),
        ("stars", (IN_TIME, *STEPS[:3], LEAST)),
        ("stars", (IN_TIME, *STEPS[:3], Rule("stars_5", "", 10), LEAST)),
        ("stars", (IN_TIME, *STEPS, Rule(MINIMUM, "", 1.5))),
        ("stars", (Rule("in_time", "", 1, cap=5), *STEPS, LEAST)),
        ("stars", (Rule("reported", "", 1), *STEPS, LEAST)),
    ],
)
def test_a_wrong_formula_is_refused(kind: str, rules: tuple[Rule, ...]) -> None:
    with pytest.raises(InvalidInput):
        validate_rules(kind, rules)


def test_the_usual_formulas_are_right_and_said_in_words() -> None:
    for kind, rules in DEFAULT_RULES.items():
        assert validate_rules(kind, rules[::-1]) == rules
    assert rule_text(DEFAULT_RULES["points"][0], "en") == "order taken: 1, at most 100 a year"
    assert rule_text(DEFAULT_RULES["points"][3], "zh") == "上报人评价（4分及以上）：1"


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_table_of_rules_is_read_back_the_same(tmp_path: Path, ending: str) -> None:
    for kind, rules in DEFAULT_RULES.items():
        path = tmp_path / f"{kind}.{ending}"
        formula_file.dump(rules, path)
        again, report = formula_file.parse(kind, path)
        assert (tuple(again), report.refused) == (rules, [])


def test_a_table_is_refused_by_row_and_column(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("项目,分值\n接单,很多\n身高,3\nrated.rating_5,２\n", encoding="utf-8")
    rules, report = formula_file.parse("points", path)
    assert rules == [Rule("rated", "rating_5", 2)]
    assert [(str(row.where), row.field) for row in report.refused] == [
        ("row 2", "分值"),
        ("row 3", "项目"),
    ]
