"""Documents of the pages, drawn by commands."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from gis.settings import ROOT, Settings


@contextmanager
def document_context(session: Session, language: str) -> Iterator[None]:
    """Make templates of the pages usable without the rest of the application."""
    from flask import Flask

    from web.http import i18n

    app = Flask(__name__, template_folder=str(ROOT / "web" / "pages"))
    app.config.update(SETTINGS=Settings.from_env(), SESSION_FACTORY=lambda reading: session)
    i18n.init_app(app)
    with app.test_request_context(f"/?lang={language}"):
        yield
