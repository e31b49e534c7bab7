"""Notices as text: every topic, state and severity has its words in both languages."""

import pytest

from gis.incidents.models import SEVERITIES
from gis.incidents.states import TRANSITIONS, State
from gis.messages import LOCALES, has_label
from gis.notices.notice_text import MOVES, TEST, TOPICS, render_notice


def test_every_move_has_a_topic() -> None:
    assert set(MOVES) == set(TRANSITIONS)


@pytest.mark.parametrize("language", LOCALES)
def test_every_key_of_a_notice_has_a_label(language: str) -> None:
    codes = [f"notice.{topic}" for topic in (*TOPICS, TEST)]
    codes += [f"state.{state.value}" for state in State] + [f"severity.{key}" for key in SEVERITIES]
    assert [code for code in codes if not has_label(code, language)] == []


def test_a_notice_reads_in_both_languages() -> None:
    body = {
        "category": "10101",
        "category_zh": "上水井盖",
        "state": "dispatched",
        "severity": "urgent",
        "area": "5204",
        "role": "grid_worker",
    }
    assert render_notice("incident.dispatch", body, "zh", area_name="南马社区") == (
        "已派单",
        "上水井盖",
        [("状态", "已派单"), ("轻重", "紧急"), ("区域", "南马社区"), ("岗位", "网格员")],
    )
    assert render_notice("incident.dispatch", body, "en") == (
        "dispatched",
        "10101 上水井盖",
        [
            ("State", "dispatched"),
            ("Severity", "urgent"),
            ("Area", "5204"),
            ("Role", "grid worker"),
        ],
    )


def test_what_the_catalogue_does_not_know_is_left_out() -> None:
    assert render_notice("incident.unheard_of", {"state": "x", "role": "x"}, "en") == (
        "incident.unheard_of",
        "",
        [],
    )
