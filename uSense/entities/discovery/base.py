"""What Home Assistant's discovery is made of, and how descriptions become messages of both its formats."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from uSense.core.topics import Topics

Format: TypeAlias = Literal["device", "component"]
Payload: TypeAlias = dict[str, Any]


UNKNOWN = "unknown"
"""Home Assistant's word for a text that is not known; older versions show the `None` of other entities as it is."""


class Kind(StrEnum):
    """What a device of Home Assistant stands for."""

    SERVICE = "service"
    CAMERA = "camera"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Place:
    """A device: the service, a camera (`key` is its name) or a person (`key` is the person_id)."""

    kind: Kind
    key: str = ""
    name: str = ""

    def ident(self, *parts: str) -> str:
        """The id of this device among those of the instance, or of something of it."""
        own = () if self.kind is Kind.SERVICE else (str(self.kind), self.key)
        return "_".join((*own, *parts)) or str(self.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What descriptions depend on; it stays the same while the service runs.

    `snapshots` says whether there are any, `unsigned` which commands need no signature; None: all of them.
    """

    instance: str
    version: str
    topics: Topics
    snapshots: bool = False
    least_threshold: float = 0.0
    unsigned: frozenset[str] | None = None

    @property
    def node(self) -> str:
        """The id below which everything of this instance is announced, and nothing else."""
        return f"usense_{self.instance}"

    def takes(self, name: str) -> bool:
        """Whether a command is carried out for Home Assistant, which cannot sign."""
        return self.unsigned is None or name in self.unsigned

    def command(self, name: str) -> str:
        """The topic of a command."""
        return self.topics.of(f"command/{name}")


@dataclass(frozen=True, slots=True)
class Entity:
    """A description without what all have in common. `aloof`: available also while its camera is offline."""

    platform: str
    id: str
    name: str
    options: Mapping[str, Any]
    aloof: bool = False


Describe: TypeAlias = Callable[[Place, Site], Entity | None]
"""The description of an entity of this device; None if there is none under these settings."""


NOTHING = "{% include 'nothing' %}"
"""What a sensor of Home Assistant passes over in silence, unlike what it cannot make a state of."""


def attributes(topic: str, **expressions: str) -> Payload:
    """The options that make expressions over `value_json` attributes; Home Assistant drops some keys, such as name."""
    template = f"{{{{ ({mapping(**expressions)} if value_json is defined else {{}}) | to_json }}}}"
    return {"json_attributes_topic": topic, "json_attributes_template": template}


def mapping(**expressions: str) -> str:
    """A Jinja mapping of expressions."""
    return "{" + ", ".join(f"'{key}': {expression}" for key, expression in expressions.items()) + "}"


def messages(
    style: Format, entities: Mapping[Kind, Sequence[Describe]], places: Sequence[Place], site: Site
) -> dict[str, Payload]:
    """The payloads by topic, without the prefix. A device to which others refer comes before them."""
    found: dict[str, Payload] = {}
    for place in places:
        described = [entity for describe in entities[place.kind] if (entity := describe(place, site)) is not None]
        if style == "component":
            found |= dict(_components(described, place, site))
        else:
            found[f"device/{site.node}/{place.ident()}/config"] = _device(described, place, site)
    return found


def _components(described: Sequence[Entity], place: Place, site: Site) -> Iterator[tuple[str, Payload]]:
    """One message for each entity."""
    for entity in described:
        topic = f"{entity.platform}/{site.node}/{place.ident(entity.id)}/config"
        yield topic, {**_whole(entity, place, site), "device": _block(place, site), "origin": _origin(site)}


def _device(described: Sequence[Entity], place: Place, site: Site) -> Payload:
    """One message for all entities of a device."""
    components = {entity.id: {"platform": entity.platform, **_whole(entity, place, site)} for entity in described}
    return {"device": _block(place, site), "origin": _origin(site), "components": components}


def _whole(entity: Entity, place: Place, site: Site) -> Payload:
    # Home Assistant makes it a valid id, also of names in other scripts.
    wish = "_".join(part for part in (site.topics.prefix, place.name.lower(), entity.id) if part)
    statuses = [site.topics.status]
    if place.kind is Kind.CAMERA and not entity.aloof:
        statuses.append(site.topics.of(f"camera/{place.key}/status"))
    return {
        "name": entity.name,
        "unique_id": f"{site.node}_{place.ident(entity.id)}",
        # The first for Home Assistant from 2025.10, the second for older ones.
        "default_entity_id": f"{entity.platform}.{wish}",
        "object_id": wish,
        "availability": [{"topic": topic} for topic in statuses],
        "availability_mode": "all",
        # Also of what Home Assistant sends, which does not take it from the device.
        "qos": 1,
        **entity.options,
        **_guarded(entity),
    }


def _guarded(entity: Entity) -> Payload:
    """Who is erased leaves an empty message, which Home Assistant hears while it still has their entities."""
    template = entity.options.get("value_template")
    if template is None:
        return {}
    # Others than sensors log an error of it, and pass over an empty text.
    rest = f"{{% else %}}{NOTHING}" if entity.platform == "sensor" else ""
    return {"value_template": f"{{% if value_json is defined %}}{template}{rest}{{% endif %}}"}


def _block(place: Place, site: Site) -> Payload:
    block: Payload = {"manufacturer": "uSense", "sw_version": site.version}
    match place.kind:
        case Kind.SERVICE:
            return {"identifiers": [site.node], "name": f"uSense {site.instance}", "model": "Service", **block}
        case Kind.CAMERA:
            name, model = f"uSense {place.name}", "Camera"
        case Kind.PERSON:
            name, model = place.name, "Person"
    return {
        "identifiers": [f"{site.node}_{place.ident()}"],
        "name": name,
        "model": model,
        "via_device": site.node,
        **block,
    }


def _origin(site: Site) -> Payload:
    return {"name": "uSense", "sw_version": site.version}
