"""What OpenAPI says of bodies and parameters that handlers read themselves: taken from the types they read into."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar.openapi.spec import Operation

from freshet.serving.posted import Event
from freshet.serving.questions import FILTERS, IN_QUERY, Question


@dataclass
class PostsEvents(Operation):
    """One event, or a list of them."""

    def to_schema(self) -> dict[str, Any]:
        """With the body."""
        one = schema_of(Event)
        return {**super().to_schema(), "requestBody": _body({"oneOf": [one, {"type": "array", "items": one}]})}


@dataclass
class PostsQuestion(Operation):
    """A question as JSON."""

    def to_schema(self) -> dict[str, Any]:
        """With the body."""
        return {**super().to_schema(), "requestBody": _body(schema_of(Question))}


@dataclass
class AsksQuestion(Operation):
    """A question as a query string."""

    def to_schema(self) -> dict[str, Any]:
        """With the parameters."""
        return _with_parameters(super().to_schema(), IN_QUERY)


@dataclass
class AsksWithFilters(Operation):
    """What may be shown, as a query string; nobody asks."""

    def to_schema(self) -> dict[str, Any]:
        """With the parameters."""
        return _with_parameters(super().to_schema(), FILTERS)


def schema_of(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """Its JSON schema, without references."""
    (root,), components = msgspec.json.schema_components([struct], ref_template="{name}")
    inlined: dict[str, Any] = _inlined(root, components)
    return inlined


def _inlined(node: Any, components: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inlined(part, components) for part in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inlined(components[node["$ref"]], components)
    return {name: _inlined(part, components) for name, part in node.items()}


def _with_parameters(operation: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    fields = {name: field for name, field in schema_of(Question)["properties"].items() if name in set(names)}
    asked = [
        {"name": name, "in": "query", "required": False, "description": field.get("description", ""), "schema": field}
        for name, field in fields.items()
    ]
    return {**operation, "parameters": [*operation.get("parameters", []), *asked]}


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}
