"""The OpenAPI page: static HTML rendered by the gateway, so that it works without internet access."""

import json
from collections.abc import Iterator
from html import escape
from typing import Any, Final

from litestar import Request
from litestar.openapi.plugins import OpenAPIRenderPlugin

STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2733;background:#fff}
h1{margin-bottom:0} h2{border-bottom:1px solid #d5dde5;margin-top:2.5rem} a{color:#0b63a5}
details{border:1px solid #d5dde5;border-radius:6px;margin:.6rem 0} summary{padding:.6rem .8rem;cursor:pointer}
details>div{padding:0 1rem 1rem} code,pre{font:14px/1.45 ui-monospace,monospace}
table{border-collapse:collapse;width:100%}
pre{background:#f4f7fa;padding:.7rem;border-radius:6px;white-space:pre-wrap}
td,th{text-align:left;padding:.25rem .8rem .25rem 0;
vertical-align:top;border-bottom:1px solid #eef2f5} b.get{color:#0a7a3d} b.post{color:#a55a00} .quiet{color:#5b6b7a}
"""
LIMIT_SIGNS: Final = {"minimum": "≥", "maximum": "≤", "exclusiveMinimum": ">"}
EXAMPLE_EVENT: Final = {"session_id": "session-1", "item_id": "ITEM", "event_type": "view"}
EXAMPLE_REQUEST: Final = {"session_id": "session-1", "k": 5, "exclude_seen": True}


class PageRenderPlugin(OpenAPIRenderPlugin):
    """Renders the schema without scripts, styles or fonts from other servers."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Return the page as UTF-8."""
        return render_page(openapi_schema, str(request.base_url).rstrip("/")).encode()


def render_page(schema: dict[str, Any], base_url: str) -> str:
    """Return the page. schema: OpenAPI 3.1, as a dictionary. base_url: of the gateway."""
    info = schema["info"]
    parts = "".join(_tag_sections(schema, base_url))
    head = f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(info['title'])}</title>"
    viewport = '<meta name=viewport content="width=device-width"><link rel=icon href="data:,">'
    intro = f"<h1>{escape(info['title'])}</h1><p class=quiet>version {escape(info['version'])}</p>"
    links = " · ".join(f'<a href="{path}">{path}</a>' for path in ("/openapi/openapi.json", "/readyz", "/metrics"))
    description = f"<p>{escape(info.get('description') or '')}</p>"
    return f"{head}{viewport}<style>{STYLE}</style>{intro}{description}<p>{links}</p>{parts}</html>"


def _tag_sections(schema: dict[str, Any], base_url: str) -> Iterator[str]:
    operations = [
        (path, method, operation)
        for path, item in schema["paths"].items()
        for method, operation in item.items()
        if isinstance(operation, dict)
    ]
    tags = dict.fromkeys(tag for _, _, operation in operations for tag in operation.get("tags", ["other"]))
    for tag in tags:
        yield f"<h2>{escape(tag)}</h2>"
        for path, method, operation in operations:
            if tag in operation.get("tags", ["other"]):
                yield _operation_details(path, method, operation, schema, base_url)


def _operation_details(path: str, method: str, operation: dict[str, Any], schema: dict[str, Any], base_url: str) -> str:
    description = operation.get("description") or operation.get("summary") or ""
    first, _, rest = description.partition("\n")
    title = (
        f"<b class={method}>{method.upper()}</b> <code>{escape(path)}</code> <span class=quiet>{escape(first)}</span>"
    )
    body_schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    parts = [
        f"<p>{escape(rest.strip())}</p>" if rest.strip() else "",
        _table("Parameters", [(p["name"], p["schema"], p["description"], p["in"]) for p in operation["parameters"]])
        if operation.get("parameters")
        else "",
        _body_table(body_schema) if body_schema else "",
        f"<h4>Try it</h4><pre>{escape(_curl_command(path, method, base_url, body_schema))}</pre>",
        "".join(_response_lines(operation["responses"], schema)),
    ]
    return f"<details><summary>{title}</summary><div>{''.join(parts)}</div></details>"


def _body_table(body_schema: dict[str, Any]) -> str:
    object_schema = body_schema["oneOf"][0] if "oneOf" in body_schema else body_schema
    required = set(object_schema.get("required", []))
    rows = [
        (name, field, _field_description(field), "required" if name in required else "")
        for name, field in object_schema["properties"].items()
    ]
    return _table("Body (JSON; one object, or a list of them)" if "oneOf" in body_schema else "Body (JSON)", rows)


def _table(title: str, rows: list[tuple[str, dict[str, Any], str, str]]) -> str:
    lines = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(_type_label(field))}</td>"
        f"<td class=quiet>{escape(note)}</td><td>{escape(meaning)}</td></tr>"
        for name, field, meaning, note in rows
    )
    return f"<h4>{escape(title)}</h4><table>{lines}</table>"


def _field_description(field: dict[str, Any]) -> str:
    schemas = [field, *field.get("anyOf", [])]
    return next((part["description"] for part in schemas if "description" in part), "")


def _type_label(field: dict[str, Any]) -> str:
    """Return a type as text, such as `text of 1 to 256 characters`."""
    if "anyOf" in field:
        return " or ".join(_type_label(part) for part in field["anyOf"] if part.get("type") != "null")
    if "enum" in field:
        return " | ".join(map(str, field["enum"]))
    if field.get("type") == "array":
        return f"list of {_type_label(field['items'])}"
    limits = [f"{sign} {field[name]:g}" for name, sign in LIMIT_SIGNS.items() if name in field]
    if field.get("type") == "string" and "maxLength" in field:
        return f"text of {field.get('minLength', 0)} to {field['maxLength']:,} characters"
    return " ".join([field.get("format") or field.get("type") or "object", *limits])


def _response_lines(responses: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    for status, response in sorted(responses.items()):
        contents: list[dict[str, Any]] = list((response.get("content") or {}).values())
        response_schema = contents[0].get("schema", {}) if contents else {}
        name = response_schema.get("$ref", "").rpartition("/")[2]
        fields = schema.get("components", {}).get("schemas", {}).get(name, response_schema).get("properties", {})
        shape = f" <code>{{{escape(', '.join(fields))}}}</code>" if fields else ""
        yield f"<p><b>{escape(status)}</b> {escape(response.get('description', ''))}{shape}</p>"


def _curl_command(path: str, method: str, base_url: str, body_schema: dict[str, Any] | None) -> str:
    """Return an example call for a terminal."""
    url = f"{base_url}{path}".replace("{item_id}", "ITEM")
    if body_schema is None:
        return f"curl -s '{url}'"
    example = EXAMPLE_EVENT if "oneOf" in body_schema else EXAMPLE_REQUEST
    return f"curl -s -X {method.upper()} '{url}' -d '{json.dumps(example)}'"
