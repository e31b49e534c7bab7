"""What contributors run: a new migration, and the catalogue of messages kept in step with
the code.
"""

from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from click.testing import CliRunner

from dev import catalogue, licences
from gis.ops import schema
from web.cli import dev


def test_a_new_migration_stands_behind_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "versions"
    folder.mkdir()
    (folder / "0013_danger.py").touch()
    monkeypatch.setattr(schema, "MIGRATIONS", tmp_path)
    monkeypatch.setattr(schema, "head", lambda: "0013")
    monkeypatch.setattr(dev, "ROOT", tmp_path)
    done = CliRunner().invoke(dev.command, ["migration", "Add the column lift, to building"])
    assert done.output == "versions/0014_add_the_column_lift_to_building.py\n"
    text = (folder / "0014_add_the_column_lift_to_building.py").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    exec(compile(text, "migration", "exec"), names)
    assert (names["revision"], names["down_revision"]) == ("0014", "0013")


def test_new_messages_get_an_empty_entry_in_every_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    for language in catalogue.LOCALES:
        path = tmp_path / catalogue.LOCALES[language] / "LC_MESSAGES" / "messages.po"
        path.parent.mkdir(parents=True)
        path.write_text(header, encoding="utf-8")
    monkeypatch.setattr(catalogue, "LOCALES_PATH", tmp_path)
    monkeypatch.setattr(catalogue, "extract", lambda: iter(["grid.taken", 'Say "%(n)s"']))
    assert catalogue.update() == {"zh": ['Say "%(n)s"', "grid.taken"], "en": ["grid.taken"]}
    with catalogue.path_of("zh").open("rb") as file:
        assert 'Say "%(n)s"' in read_po(file)
    assert catalogue.update()["en"] == ["grid.taken"]  # not a second time
    assert catalogue.path_of("en").read_text(encoding="utf-8").count("grid.taken") == 1


def test_the_code_and_the_pages_are_read() -> None:
    result = set(catalogue.extract())
    assert "field.reason_missing" in result
    assert "Skip to the content" in result


def test_every_licence_is_named() -> None:
    rows = [*licences.python_licences(), *licences.browser_licences()]
    assert len(rows) > 100
    assert [row.package for row in rows if not row.licence] == []
