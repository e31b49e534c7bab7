"""`/docs`: what it says of every operation runs as it stands, in both languages."""

import json
import re

import pytest

from gis.rights.actions import KEY_ACTIONS
from gis.settings import Settings
from tests.support.sharded import urls_of
from web.app import create_app
from web.pages.docs.examples import VARIABLE, Example, in_order
from web.pages.docs.views import api_examples

BOUNDARY = "a-boundary-of-a-form"
ENDLESS = {"/api/v1/events"}  # an answer that goes on for ever; tests/http/test_events.py reads it


def form_of(example: Example) -> bytes:
    name, content = example.file
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"'
    return f"{head}\r\n\r\n{content}\r\n--{BOUNDARY}--\r\n".encode()


def taken(body: bytes, where: str) -> object:
    value = json.loads(body)
    for part in where.split("."):
        value = value[int(part)] if part.isdigit() else value[part]
    return value


@pytest.fixture
def key(planned):
    """A program that may do whatever programs can."""
    county = planned.get("/api/v1/areas?level=county")["items"][0]["code"]
    words = [word for action in sorted(KEY_ACTIONS) for word in ("--action", action)]
    made = planned.run_inside("key", "add", "docs", *words, "--area", county, "--per-minute", 9999)
    assert made.returncode == 0, made.stderr
    return made.stdout.split()[0]


def test_every_example_gets_the_status_that_the_page_says(planned, planned_app, key):
    with planned_app.test_request_context():
        examples = api_examples()
    shell: dict[str, str] = {}

    def filled(text: str) -> str:
        return VARIABLE.sub(lambda match: str(shell.get(match[1], match[0])), text)

    wrong = []
    for example in in_order(examples):
        if example.path in ENDLESS:
            continue
        headers = {name.replace("-", "_"): filled(value) for name, value in example.headers.items()}
        headers["Authorization"] = f"Bearer {key}"
        body = None
        if example.file:
            body = form_of(example)
            headers["Content_Type"] = f"multipart/form-data; boundary={BOUNDARY}"
        elif example.json is not None:
            body = filled(json.dumps(example.json)).encode()
        reply = planned.ask(filled(example.url), body, method=example.method, **headers)
        if reply.status != example.status:
            wrong.append((example.method, example.path, reply.status, reply.body[:200]))
            continue
        shell |= {name: taken(reply.body, where) for name, where in example.sets.items()}
    assert wrong == []
    assert len(examples) > 100


@pytest.fixture
def planned_app(planned):
    return create_app(Settings(var=planned.var), urls_of(planned.var).app)


def test_the_page_says_how_to_get_a_key_and_every_operation_in_both_languages(client):
    chinese, english = client.get("/docs"), client.get("/docs?lang=en")
    for page in (chinese.text, english.text):
        assert "./wangge key add" in page and "Authorization: Bearer $KEY" in page
        assert page.count('<details class="operation">') > 100
    summaries = re.findall(r"<code>/[^<]*</code>\s*<span>([^<]*)</span>", chinese.text)
    assert len(summaries) > 90
    assert [text for text in summaries if not re.search(r"[\u4e00-\u9fff]", text)] == []
    assert 'class="bar"' in chinese.text
