"""The result of a load of a register as plain values, in a reader's language."""

from typing import Any

from gis.exchange.registers.differences import Change
from gis.exchange.registers.fields import REGISTER_KINDS
from gis.exchange.registers.load import RegisterLoad
from gis.exchange.registers.mapping import label
from gis.messages import Message, render, text_of

MAX_CHANGES = 500  # of each kind of change that are listed
MAX_REFUSED = 1_000  # listed


def to_dict(loaded: RegisterLoad, language: str) -> dict[str, Any]:
    """Return what became of a register, with its sentences in a language."""
    mapping, report = loaded.mapping, loaded.report
    return {
        "kind": mapping.kind,
        "kind_label": kind_label(mapping.kind, language),
        "others": list(mapping.others),
        "columns": [
            {
                "header": use.header,
                "nth": use.nth,
                "field": use.field,
                "label": render(label(use.field), language) if use.field else "",
                "certainty": use.certainty,
                "reason": render(use.reason, language),
            }
            for use in mapping.columns
        ],
        "fields": [
            {"key": field.key, "label": render(label(field.key), language)}
            for field in REGISTER_KINDS[mapping.kind]
        ],
        "not_kept": mapping.not_kept,
        "rows": loaded.rows,
        "notes": report.notes_in(language),
        "refused": [
            {
                "where": text_of(row.location, language),
                "column": row.field,
                "text": row.text_in(language),
            }
            for row in report.refused[:MAX_REFUSED]
        ],
        "changes": {what: _changes(loaded, what) for what in ("came", "changed", "went")},
        "ready": loaded.ready,
        "may_skip": loaded.may_skip,
        "gone": loaded.gone,
        "committed": report.committed,
    }


def kind_label(kind: str, language: str) -> str:
    """Return the name of a kind of register."""
    return render(Message(f"register_kind.{kind}"), language)


def _changes(loaded: RegisterLoad, what: str) -> dict[str, object]:
    changes: list[Change] = [change for change in loaded.changes if change.what == what]
    return {
        "count": len(changes),
        "items": [
            {"name": change.name, "old": change.old, "new": change.new}
            for change in changes[:MAX_CHANGES]
        ],
    }
