"""OpenAPI operations: bodies, parameters and errors, generated from the schemas that the handlers decode."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import msgspec
from litestar.openapi.spec import Operation

from freshet.serving.errors import Problem
from freshet.serving.schemas.event_schema import PostedEvent
from freshet.serving.schemas.recommendation_schema import (
    EXPLANATION_PARAMS,
    FILTER_PARAMS,
    QUERY_PARAMS,
    RecommendationRequest,
)

VALIDATION_RESPONSES: Final = {"422": "a field or parameter is wrong or unknown: where, what, and how to correct it"}
UNAVAILABLE_RESPONSES: Final = {
    "503": "no release serves yet, too many requests wait, or a part fails; with the reason"
}


@dataclass
class DocumentedOperation(Operation):
    """An operation that documents all its error statuses."""

    error_responses: ClassVar[Mapping[str, str]] = {}

    def to_schema(self) -> dict[str, Any]:
        """Return the schema with the errors."""
        operation = super().to_schema()
        content = {"application/json": {"schema": json_schema(Problem)}}
        errors = {status: {"description": text, "content": content} for status, text in self.error_responses.items()}
        return {**operation, "responses": {**errors, **_without_400(operation["responses"])}}


@dataclass
class PostEventsOperation(DocumentedOperation):
    """POST of one event, or of a list of events."""

    error_responses: ClassVar[Mapping[str, str]] = {
        "400": "the body is not JSON: what is wrong, and at which byte",
        "413": "more than 1,000 events or 1 MiB",
        "503": "too many posts wait, or events cannot be stored",
        "507": "the disk is full: nothing was stored; recommendations still work",
    }

    def to_schema(self) -> dict[str, Any]:
        """Return the schema with the body and all statuses of a receipt."""
        operation, event_schema = super().to_schema(), json_schema(PostedEvent)
        accepted_response = operation["responses"]["202"]
        descriptions = {
            "200": "all are duplicates",
            "207": "some refused or in conflict with another event of their id, the others stored",
            "409": "all in conflict: other events with these ids are stored",
            "422": "none was stored",
        }
        receipt_responses = {
            status: {**accepted_response, "description": text} for status, text in descriptions.items()
        }
        body = _request_body({"oneOf": [event_schema, {"type": "array", "items": event_schema}]})
        return {**operation, "responses": {**operation["responses"], **receipt_responses}, "requestBody": body}


@dataclass
class PostRecommendationsOperation(DocumentedOperation):
    """A recommendation request as JSON."""

    error_responses: ClassVar[Mapping[str, str]] = {
        "400": "the body is not JSON",
        "413": "more than 1 MiB",
        **VALIDATION_RESPONSES,
        **UNAVAILABLE_RESPONSES,
    }

    def to_schema(self) -> dict[str, Any]:
        """Return the schema with the body."""
        return {**super().to_schema(), "requestBody": _request_body(json_schema(RecommendationRequest))}


@dataclass
class GetRecommendationsOperation(DocumentedOperation):
    """A recommendation request as a query string."""

    error_responses: ClassVar[Mapping[str, str]] = {**VALIDATION_RESPONSES, **UNAVAILABLE_RESPONSES}

    def to_schema(self) -> dict[str, Any]:
        """Return the schema with the parameters."""
        return _with_parameters(super().to_schema(), QUERY_PARAMS)


@dataclass
class FilteredListOperation(DocumentedOperation):
    """Filters as a query string, without a shopper."""

    error_responses: ClassVar[Mapping[str, str]] = {
        "404": "the release does not know the item or category",
        **VALIDATION_RESPONSES,
        **UNAVAILABLE_RESPONSES,
    }

    def to_schema(self) -> dict[str, Any]:
        """Return the schema with the parameters."""
        return _with_parameters(super().to_schema(), FILTER_PARAMS)


@dataclass
class ExplainOperation(DocumentedOperation):
    """The shopper as a query string; the query parameter `k` is the number of events in the response."""

    error_responses: ClassVar[Mapping[str, str]] = {
        "404": "the release does not know the item",
        **VALIDATION_RESPONSES,
        **UNAVAILABLE_RESPONSES,
    }

    def to_schema(self) -> dict[str, Any]:
        """Return the schema with the parameters."""
        return _with_parameters(super().to_schema(), EXPLANATION_PARAMS)


def json_schema(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the JSON schema of a struct, with references inlined."""
    (root,), components = msgspec.json.schema_components([struct], ref_template="{name}")
    inlined: dict[str, Any] = _inline_refs(root, components)
    return inlined


def _inline_refs(node: Any, components: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inline_refs(part, components) for part in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inline_refs(components[node["$ref"]], components)
    return {name: _inline_refs(part, components) for name, part in node.items()}


def _without_400(responses: dict[str, Any]) -> dict[str, Any]:
    """Drop status 400, which Litestar adds for parameters; the gateway uses 422."""
    return {status: response for status, response in responses.items() if status != "400"}


def _with_parameters(operation: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    fields = {
        name: field for name, field in json_schema(RecommendationRequest)["properties"].items() if name in set(names)
    }
    parameters = [
        {"name": name, "in": "query", "required": False, "description": field.get("description", ""), "schema": field}
        for name, field in fields.items()
    ]
    return {**operation, "parameters": [*operation.get("parameters", []), *parameters]}


def _request_body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}
