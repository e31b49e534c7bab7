"""The words around a paper: its title, its area and period, when it was made."""

from gis.messages import Message, render
from gis.papers.data import PaperData, Value, paper_label

FACTS_OF_PAPER = (
    "title",
    "subject",
    "period",
    "first",
    "last",
    "made",
)  # what forms may hold of it


def facts(data: PaperData) -> dict[str, Value]:
    """Return what the fields of a form may hold beside those of rows: FACTS and the figures."""
    question, period = data.question, data.question.period
    values = (
        heading(data),
        data.subject,
        period.text,
        period.first.isoformat(),
        period.last.isoformat(),
        f"{question.now.astimezone(period.zone):%Y-%m-%d}",
    )
    return {
        **dict(zip(FACTS_OF_PAPER, values, strict=True)),
        **{figure.key: figure.value for figure in data.figures},
    }


def heading(data: PaperData) -> str:
    """Return the title of a paper, as 学苑社区周报."""
    name = paper_label(data.key, data.question.language)
    return f"{data.subject}{name}" if data.question.language == "zh" else f"{name}: {data.subject}"


def lines_of_heading(data: PaperData) -> list[str]:
    """Return what stands under the title: the period with its days, and when it was made."""
    question, period = data.question, data.question.period
    days = {
        "period": period.text,
        "first": period.first.isoformat(),
        "last": period.last.isoformat(),
    }
    params = {"at": f"{question.now.astimezone(period.zone):%Y-%m-%d %H:%M}"}
    return [
        render(Message("paper_text.period", days), question.language),
        render(Message("paper_text.made", params), question.language),
    ]
