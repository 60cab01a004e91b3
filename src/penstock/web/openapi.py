"""The API's description in OpenAPI 3.1, derived from the declared routes and the records that they answer with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from penstock._version import __version__
from penstock.base.record import record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.web.route import Param, Route

BASE = "/api/v1"
_REF = "#/components/schemas/{name}"
_ALWAYS = (400, 403, 404, 405, 413, 422, 503)


@record
class ErrorFields:
    """What is wrong, as everywhere in Penstock: subject, expected, got, where, a hint, and an excerpt underlined."""

    kind: str
    subject: str
    expected: str
    got: str
    where: str
    hint: str
    excerpt: str


@record
class ErrorAnswer:
    """The answer to a request that was not carried out."""

    error: ErrorFields


def document(routes: Sequence[Route], version: str = __version__) -> dict[str, Any]:
    """Return the description of some routes."""
    types = [ErrorAnswer, *(t for route in routes for t in (route.answer, route.body) if t is not None)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    schema_of = dict(zip(map(_key, types), schemas, strict=True))
    for component in components.values():
        _close(component)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(BASE + route.path, {})[route.method.lower()] = _operation(route, schema_of)
    paths[f"{BASE}/events"] = {"get": _EVENTS}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Penstock",
            "version": version,
            "description": "What the web app of a project asks; times are ISO 8601 in UTC.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "csrf": {"type": "apiKey", "in": "header", "name": "X-Penstock-CSRF"},
                "token": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _key(kind: Any) -> str:
    return str(kind)


def _close(component: dict[str, Any]) -> None:
    """Say of a record that all of its fields are there, and no others; a name's last `_` is only ours."""
    if component.get("type") != "object" or "properties" not in component:
        return
    component["properties"] = {
        name.removesuffix("_"): _without_defaults(inner) for name, inner in component["properties"].items()
    }
    if not component.get("title", "").endswith("Ask"):
        component["required"] = list(component["properties"])
        component["additionalProperties"] = False
    elif "required" in component:
        component["required"] = [name.removesuffix("_") for name in component["required"]]


def _without_defaults(inner: dict[str, Any]) -> dict[str, Any]:
    return {name: said for name, said in inner.items() if name != "default"}


def _operation(route: Route, schema_of: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": route.about,
        "content": {"application/json": {"schema": schema_of[_key(route.answer)]}},
    }
    error = {"application/json": {"schema": schema_of[_key(ErrorAnswer)]}}
    answers: dict[str, Any] = {str(route.status): answer}
    for status in sorted({*_ALWAYS, *route.errors}):
        answers[str(status)] = {"description": _STATUS[status], "content": error}
    found: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.about,
        "tags": [route.path.split("/")[1]],
        "parameters": [*_path_params(route.path), *(_param(one) for one in route.params)],
        "responses": answers,
        "security": [{"token": []}, {}] if route.method == "GET" else [{"csrf": []}, {"token": []}],
    }
    if route.body is not None:
        content = {"application/json": {"schema": schema_of[_key(route.body)]}}
        found["requestBody"] = {"required": True, "content": content}
    if route.path == "/sql":
        answer["content"]["application/vnd.apache.arrow.stream"] = {
            "schema": {"type": "string", "contentMediaType": "application/vnd.apache.arrow.stream"}
        }
    return found


_EVENTS: dict[str, Any] = {
    "operationId": "get_events",
    "summary": "What happens, as it happens: server-sent events, resumed by Last-Event-ID.",
    "tags": ["events"],
    "parameters": [
        {"name": "Last-Event-ID", "in": "header", "required": False, "schema": {"type": "string"}},
        {"name": "last", "in": "query", "required": False, "schema": {"type": "string"}},
    ],
    "responses": {
        "200": {
            "description": (
                "Events `hello` (version, lost), `commit` (version, tables, run), `run` (a RunRow), "
                "`step` (run, step), `note` (run, table, text), `page` (name) and `project`; their data is JSON."
            ),
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
    },
    "security": [{"token": []}, {}],
}
_STATUS = {
    400: "The request is not what the route takes.",
    403: "The request is refused: by its host, its origin, or for want of the key of state-changing calls.",
    404: "There is no such thing.",
    405: "The route is not asked in this way.",
    409: "What is going on stands in the way.",
    413: "The request is too large.",
    422: "It was understood, and cannot be carried out.",
    429: "Too much is going on at once.",
    503: "It may succeed if it is tried again.",
}


def _path_params(path: str) -> list[dict[str, Any]]:
    names = [part.strip("{}") for part in path.split("/") if part.startswith("{")]
    return [{"name": one, "in": "path", "required": True, "schema": {"type": "string"}} for one in names]


def _param(param: Param) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if param.kind == "number":
        schema = {"type": "integer", "minimum": param.low, "maximum": param.high}
    elif param.choices:
        schema = {"type": "string", "enum": list(param.choices)}
    if param.default not in ("", None):
        schema["default"] = param.default
    return {"name": param.name, "in": "query", "required": False, "description": param.about, "schema": schema}
