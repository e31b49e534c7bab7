"""One runnable example of every operation of the API, generated from its description.

A parameter gets the example, the first allowed value or the default that the description states;
`INPUTS` adds what a description cannot know, as which facility there is here.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

VARIABLE = re.compile(r"\$([A-Z_]+)")
BODY_METHODS = ("POST", "PUT", "PATCH")


@dataclass(frozen=True)
class Input:
    """What an example of one operation sends beside what its description says.

    Attributes
    ----------
    path, query
        Parameters by name; `{grid}` and the like stand for what there is here, `$INCIDENT` for what
        an earlier example answered.
    json
        The body.
    headers
        Beside those of every request.
    file
        Name and text of a file that is sent as a form, in place of a body.
    sets
        Variable -> where it stands in the answer, as "id" or "items.0.id".
    status
        The status of the answer, where it is not the first success of the description.
    why
        What to know about it, a code of the catalogue of messages.
    """

    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    file: tuple[str, str] | None = None
    sets: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None
    why: str = ""


@dataclass(frozen=True)
class Example:
    """A request to run, and the status it gets. `uses`, `sets`: Variables of the shell."""

    method: str
    path: str
    tag: str
    summary: str
    url: str
    headers: Mapping[str, str]
    json: Any
    file: tuple[str, str] | None
    status: int
    needs_key: bool
    sets: Mapping[str, str]
    why: str

    @property
    def uses(self) -> frozenset[str]:
        """Return the variables it needs."""
        return frozenset(VARIABLE.findall(self.url + json.dumps([self.json, dict(self.headers)])))

    def curl(self) -> str:
        """Return it as a command line; `$WANGGE` is the address of the service, `$KEY` a key."""
        parts = ["curl -sS"]
        if self.method != "GET":
            parts.append(f"-X {self.method}")
        if self.needs_key:
            parts.append('-H "Authorization: Bearer $KEY"')
        parts += [f'-H "{name}: {value}"' for name, value in self.headers.items()]
        if self.json is not None:
            parts.append("-H 'Content-Type: application/json'")
            parts.append("-d " + _quoted(json.dumps(self.json, ensure_ascii=False)))
        if self.file:
            parts.append(f"-F file=@{self.file[0]}")
        parts.append(f'"$WANGGE{self.url}"')
        line = " \\\n  ".join(parts)
        if self.file:
            line = f"cat > {self.file[0]} <<'END'\n{self.file[1].rstrip()}\nEND\n{line}"
        if not self.sets:
            return line
        # items.0.id is items[0].id to jq
        fields = {
            name: re.sub(r"[.]?([0-9]+)", r"[\1]", where) for name, where in self.sets.items()
        }
        taken = [f'{name}=$(echo "$ANSWER" | jq -r .{where})' for name, where in fields.items()]
        return "\n".join([f"ANSWER=$({line})", *taken])


def examples(
    spec: Mapping[str, Any], inputs: Mapping[str, Input], here: Mapping[str, str]
) -> list[Example]:
    """Return an example of every operation of a description, in its order.

    Parameters
    ----------
    inputs
        By "METHOD /path" of the description.
    here
        What there is in this deployment, by the name that inputs call it.
    """
    return [
        _example(spec, path, method.upper(), operation, inputs, here)
        for path, operations in spec["paths"].items()
        for method, operation in operations.items()
    ]


def in_order(all_examples: Sequence[Example]) -> Iterator[Example]:
    """Yield examples such that each comes after those that set its variables.

    What ends a thing comes last.
    """
    available: set[str] = set()
    waiting = sorted(
        all_examples, key=lambda each: (each.path.endswith("/withdraw"), each.method == "DELETE")
    )
    while waiting:
        ready = next((each for each in waiting if each.uses <= available), waiting[0])
        waiting.remove(ready)
        available |= set(ready.sets)
        yield ready


def _example(
    spec: Mapping[str, Any],
    path: str,
    method: str,
    operation: Mapping[str, Any],
    inputs: Mapping[str, Input],
    here: Mapping[str, str],
) -> Example:
    example_input = inputs.get(f"{method} {path}", Input())
    names = {**here, **inputs["*"].query}
    values = {
        where: {
            parameter["name"]: str(stated[parameter["name"]]).format(**names)
            if parameter["name"] in stated
            else _parameter(parameter).format(**names)
            for parameter in operation.get("parameters", [])
            if parameter["in"] == where
            and (parameter.get("required") or parameter["name"] in stated)
        }
        for where, stated in (
            ("path", {**inputs["*"].path, **example_input.path}),
            ("query", example_input.query),
        )
    }
    url = path
    for name, value in values["path"].items():
        url = url.replace(f"{{{name}}}", quote(value, safe="$"))
    if values["query"]:
        url += "?" + urlencode(values["query"], safe="$,:", quote_via=quote)
    statuses = sorted(operation["responses"])
    success = next((int(status) for status in statuses if status < "300"), 200)
    return Example(
        method,
        path,
        (operation.get("tags") or ["API"])[0],
        operation.get("summary", ""),
        url,
        example_input.headers,
        _filled(_body(spec, operation) if example_input.json is None else example_input.json, names)
        if method in BODY_METHODS and not example_input.file
        else None,
        example_input.file and (example_input.file[0], str(_filled(example_input.file[1], names))),
        example_input.status or success,
        "401" in operation["responses"],
        example_input.sets,
        example_input.why,
    )


def _parameter(parameter: Mapping[str, Any]) -> str:
    """Return a value of a parameter from its description."""
    if "example" in parameter:
        return str(parameter["example"])
    return str(_value(parameter.get("schema", {}), {}))


def _body(spec: Mapping[str, Any], operation: Mapping[str, Any]) -> Any:
    """Return a body of the least that the description asks for; None if there is none."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    definitions = {**spec["components"]["schemas"], **content["schema"].get("$defs", {})}
    return _value(content["schema"], definitions)


def _value(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Any:
    """Return a value that a schema allows."""
    if "$ref" in schema:
        return _value(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    for name in ("examples", "enum"):
        if schema.get(name):
            return schema[name][0]
    if schema.get("default") is not None:
        return schema["default"]
    for name in ("anyOf", "oneOf", "allOf"):
        if name in schema:
            return _value(schema[name][0], definitions)
    if schema.get("type") == "object" or "properties" in schema:
        required = schema.get("required", [])
        properties = schema.get("properties", {})
        return {name: _value(properties[name], definitions) for name in required}
    simple = {"integer": schema.get("minimum", 1), "number": 1.0, "boolean": True, "array": []}
    return simple.get(str(schema.get("type")), "")


def _filled(value: Any, here: Mapping[str, str]) -> Any:
    """Return a body with what there is here; a number stays one where it stands alone."""
    if isinstance(value, dict):
        return {key: _filled(each, here) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, here) for each in value]
    if not isinstance(value, str):
        return value
    text = re.sub(r"\{(\w+)\}", lambda match: str(here.get(match[1], match[0])), value)
    return float(text) if value in ("{lon}", "{lat}") else text


def _quoted(text: str) -> str:
    """Quote a body for the shell, in double quotes where variables stand in it."""
    if "$" not in text:
        return shlex.quote(text)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
