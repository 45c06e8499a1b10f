"""Convert an organization to one JSON document and back, without loss. Its versions are stored so."""

import json

from pydantic import JsonValue

from orgs.specification.organization import Organization


def to_document(organization: Organization) -> dict[str, JsonValue]:
    """Return the organization with every field written out.

    A default that changes later therefore does not change what was applied.
    """
    document: dict[str, JsonValue] = organization.model_dump(mode="json", by_alias=True)
    return document


def from_document(document: dict[str, JsonValue]) -> Organization:
    """Return the organization of a document from `to_document`.

    Raise pydantic.ValidationError for any other document.
    """
    # Goes through JSON text, because only there a strict tuple may be an array and a strict enum a word.
    return Organization.model_validate_json(json.dumps(document))
