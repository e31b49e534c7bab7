"""The catalogue of messages: every code has a text in every language, with the parameters that its
callers give.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from dev.catalogue import CODE_POSITIONS
from gis.errors import CODE_PATTERN, Conflict, FieldError, invalid_fields
from gis.messages import LOCALES, LOCALES_PATH, Message, render
from gis.settings import ROOT
from tests.support import syntax

PLACEHOLDER_PATTERN = re.compile(r"%\((\w+)\)s")
# parameters that one language may leave out: the label of the field, and lists that its readers
# need only
OPTIONAL = {"field", "moves", "keys", "labels"}
# codes that tables make of their keys
FAMILIES = (
    "field_label.",
    "formula_fact.",
    "formula_condition.",
    "area_level.",
    "duty_kind.",
    "duty_light.",
    "register_kind.",
    "register_field.",
    "revision_state.",
    "locate.",
    "role.",
    "state.",
    "move.",
    "request.",
    "assign.",
    "queue.",
    "notice.",
    "severity.",
    "list_column.",
    "building_column.",
    "setup.",
    "follow_up_outcome.",
    "dissatisfaction.",
    "action_name.",
    "metric.",
    "metric_meaning.",
    "spot_verdict.",
    "discussion_state.",
    "discussion_choice.",
    "discussion_outcome.",
    "discussion_field.",
    "rule_severity.",
    "rule_days.",
    "rule_clock.",
    "channel.",
    "dispatch_mode.",
    "device_kind.",
    "kind_subject.",
    "organisation_kind.",
    "principal_kind.",
    "profile.",
    "checkup_result.",
    "checkup_reason.",
    "checkup_column.",
    "paper.",
    "paper_field.",
)


@cache
def catalogue(language: str) -> dict[str, str]:
    """Return the texts of a language by code."""
    with (LOCALES_PATH / LOCALES[language] / "LC_MESSAGES" / "messages.po").open("rb") as file:
        entries = read_po(file, locale=LOCALES[language], abort_invalid=True)
    return {
        entry.id: entry.string
        for entry in entries
        if entry.id and CODE_PATTERN.fullmatch(str(entry.id))
    }


@cache
def trees() -> dict[Path, tuple[ast.AST, ...]]:
    """Return the nodes of the code by path."""
    paths = [
        path
        for package in ("gis", "layers", "web")
        for path in sorted((ROOT / package).rglob("*.py"))
    ]
    return {path: syntax.nodes(path.read_text(encoding="utf-8")) for path in paths}


def calls() -> Iterator[tuple[str, str, set[str] | None]]:
    """Yield (where, code, names of the parameters) of every call that names a code.

    None: they are computed.
    """
    for path, nodes in trees().items():
        for node in nodes:
            if not isinstance(node, ast.Call):
                continue
            name = (
                node.func.attr
                if isinstance(node.func, ast.Attribute)
                else getattr(node.func, "id", "")
            )
            position = CODE_POSITIONS.get(name)
            if (
                position is None
                or len(node.args) <= position
                or not isinstance(node.args[position], ast.Constant)
            ):
                continue
            code = node.args[position].value
            if isinstance(code, str) and CODE_PATTERN.fullmatch(code):
                yield (
                    f"{path.relative_to(ROOT)}:{node.lineno}",
                    code,
                    _parameters(name, node, position),
                )


def _parameters(name: str, node: ast.Call, position: int) -> set[str] | None:
    if name in ("FieldError", "Message"):
        fields = node.args[position + 1 :]
        if not fields:
            return set()
        if not isinstance(fields[0], ast.Dict) or None in fields[0].keys:
            return None
        return {key.value for key in fields[0].keys if isinstance(key, ast.Constant)}
    names = {keyword.arg for keyword in node.keywords if keyword.arg not in ("extra", "errors")}
    return None if None in names else {name for name in names if name}


def literals() -> set[str]:
    """Return every string of the code that looks like a code."""
    strings = {
        node.value for nodes in trees().values() for node in nodes if isinstance(node, ast.Constant)
    }
    return {text for text in strings if isinstance(text, str) and CODE_PATTERN.fullmatch(text)}


def test_every_code_has_a_text_in_every_language() -> None:
    missing = [
        (where, language, code)
        for where, code, _ in calls()
        for language in LOCALES
        if not catalogue(language).get(code)
    ]
    assert missing == []
    assert set(catalogue("en")) == set(catalogue("zh"))


def test_the_parameters_of_each_call_are_those_of_its_texts() -> None:
    wrong = [
        (where, code, language, sorted(names))
        for where, code, names in calls()
        for language in LOCALES
        if names is not None
        and (set(PLACEHOLDER_PATTERN.findall(catalogue(language).get(code, ""))) - {"field"})
        - names
    ]
    assert wrong == []


def test_a_parameter_of_a_code_is_not_written_as_one_of_the_scripts() -> None:
    texts = [text for language in LOCALES for text in catalogue(language).values()]
    assert [text for text in texts if re.search(r"\{[a-z_]+\}", text)] == []


def test_texts_have_the_same_parameters_in_every_language() -> None:
    differing = [
        code
        for code, text in catalogue("en").items()
        if set(PLACEHOLDER_PATTERN.findall(text)) - OPTIONAL
        != set(PLACEHOLDER_PATTERN.findall(catalogue("zh").get(code, ""))) - OPTIONAL
    ]
    assert differing == []


def test_chinese_texts_are_chinese() -> None:
    plain = {code: PLACEHOLDER_PATTERN.sub("", text) for code, text in catalogue("zh").items()}
    latin = {
        code
        for code, text in plain.items()
        if re.search(r"[A-Za-z]", text) and not re.search(r"[一-鿿]", text)
    }
    assert latin - {"channel.open311"} == set()


def test_no_code_is_unused() -> None:
    used = literals()
    assert [
        code for code in catalogue("en") if code not in used and not code.startswith(FAMILIES)
    ] == []


def test_a_message_without_its_parameter_is_an_error() -> None:
    with pytest.raises(KeyError):
        render(Message("no.such_code"))


def test_fields_are_named_in_both_languages() -> None:
    error = invalid_fields(
        [FieldError("note", "field.reason_missing"), FieldError("lon", "field.reason_missing")]
    )
    assert error.detail == "note: is missing; say why; lon: is missing; say why"
    assert error.detail_in("zh") == "请写明原因。"
    assert isinstance(Conflict("field.reason_missing", field="x").detail, str)
