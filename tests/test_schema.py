"""Names and plain words of what does not fit a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, SecretStr, ValidationError

from uSense import schema
from uSense.core.bounds import Share
from uSense.schema import FREE, Branch, Outline, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """A core's rules."""

    needed: int = 2
    """Looks."""
    share: Share = 0.5
    """Share of something."""

    def __post_init__(self) -> None:
        if self.needed < 1:
            message = "needed must be above 0"
            raise ValueError(message)


class Cat(Branch):
    """One kind."""

    kind: Literal["cat"] = "cat"
    """Kind."""
    whiskers: int = 3
    """Number of whiskers."""


class Dog(Branch):
    """Another kind."""

    kind: Literal["dog"] = "dog"
    """Kind."""
    barks: bool
    """Whether it barks."""
    rules: Rules = Rules()
    """Rules."""


class Zoo(Branch):
    """A tree with every shape that settings have."""

    host: str = "here"
    """Where."""
    password: SecretStr | None = None
    """Secret."""
    rules: Rules = Rules()
    """Rules."""
    animals: dict[str, Annotated[Cat | Dog, Field(discriminator="kind")]] = Field(default_factory=dict)
    """Animals by name."""
    keepers: dict[Annotated[str, Field(pattern="^[a-z]+$")], Rules] = Field(default_factory=dict)
    """Keepers by a name of a pattern."""
    sizes: tuple[int, Annotated[int, Field(gt=0)]] = (1, 2)
    """Two numbers."""
    speed: float | None = Field(default=None, gt=0)
    """FPS of it."""
    open: bool = True
    """Whether it is open."""
    home: Path | None = None
    """Place."""


OUTLINE = Outline(Zoo)


def found(values: dict[str, Any]) -> list[Problem]:
    """The problems of values that do not fit."""
    with pytest.raises(ValidationError) as caught:
        Zoo.model_validate(values)
    return schema.problems(caught.value, values, OUTLINE)


@pytest.mark.parametrize(
    ("values", "path", "text"),
    [
        ({"hots": "x"}, "hots", "is not known; did you mean 'host'?"),
        ({"rules": {"neded": 3}}, "rules.neded", "is not known; did you mean 'rules.needed'?"),
        ({"needed": 3}, "needed", "is not known; did you mean 'rules.needed'?"),
        ({"whiskers": 3}, "whiskers", "is not known; did you mean 'animals.<name>.whiskers'?"),
        (
            {"xyz": 3},
            "xyz",
            "is not known; there are animals, home, host, keepers, open, password, rules, sizes, speed",
        ),
        ({"rules": {"needed": "x"}}, "rules.needed", "must be a whole number"),
        ({"rules": {"share": 50}}, "rules.share", "must be from 0 to 1 (share of something)"),
        ({"speed": 0}, "speed", "must be more than 0 (FPS of it)"),
        ({"sizes": [1, 0]}, "sizes.1", "must be greater than 0"),
        ({"sizes": [1, 2, 3]}, "sizes", "must have at most 2 items after validation, not 3"),
        ({"HOST": "x"}, "HOST", "is not known; did you mean 'host'?"),
        (
            {"animals": {"tom": {"kind": "cat", "barks": True}}},
            "animals.tom.barks",
            "is not known for this kind; is 'animals.tom.kind' right?",
        ),
        ({"rules": {"needed": 0}}, "rules", "needed must be above 0"),
        ({"rules": 3}, "rules", "must be a group of settings, each with its name"),
        ({"animals": []}, "animals", "must be a group of settings, each with its name"),
        ({"animals": {"tom": {"kind": "dog"}}}, "animals.tom.barks", "is missing (whether it barks)"),
        ({"animals": {"tom": {"kind": "cow"}}}, "animals.tom.kind", "must be one of 'cat', 'dog'"),
        ({"animals": {"tom": {}}}, "animals.tom.kind", "is missing: one of 'cat', 'dog'"),
        (
            {"animals": {"tom": {"kind": "cat", "wiskers": 3}}},
            "animals.tom.wiskers",
            "is not known; did you mean 'animals.tom.whiskers'?",
        ),
        (
            {"animals": {"tom": {"kind": "dog", "barks": True, "rules": {"neded": 1}}}},
            "animals.tom.rules.neded",
            "is not known; did you mean 'animals.tom.rules.needed'?",
        ),
        ({"animals": {"tom": {"kind": "cat", "q": 1}}}, "animals.tom.q", "is not known; there are kind, whiskers"),
        ({"keepers": {"A": {}}}, "keepers.A", "must match pattern '^[a-z]+$'"),
        ({"keepers": {"a": {"neded": 1}}}, "keepers.a.neded", "is not known; did you mean 'keepers.a.needed'?"),
        ({"sizes": [1, "x"]}, "sizes.1", "must be a whole number"),
        ({"password": 123}, "password", "must be text, in quotes if it looks like something else"),
        ({1: 2}, "1", "is no name: a name is text, in quotes if it looks like a number or a date"),
    ],
)
def test_problem(values: dict[str, Any], path: str, text: str) -> None:
    """A problem is told by its dotted path, without the names of union members, and by what is allowed."""
    problems = [(schema.dotted(problem.path), problem.text) for problem in found(values)]
    assert problems == [(path, text)]


def test_all_problems_at_once() -> None:
    """Every problem is told, not only the first."""
    assert {problem.path for problem in found({"hots": 1, "rules": {"needed": "x"}})} == {
        ("hots",),
        ("rules", "needed"),
    }


@pytest.mark.parametrize("where", [{"password": ["hunter2"]}, {"hunter2": {"host": "hunter2"}}, {"sizes": "hunter2"}])
def test_values_are_not_told(where: dict[str, Any]) -> None:
    """A wrong value may be a misplaced secret: the text never holds it."""
    assert all("hunter2" not in problem.text for problem in found(where))


def test_leaves() -> None:
    """All names that hold a value are listed, those of every kind too, free names as `*`."""
    assert [schema.dotted(path) for path, _ in OUTLINE.leaves()] == [
        "host",
        "password",
        "rules.needed",
        "rules.share",
        "animals.<name>.kind",
        "animals.<name>.whiskers",
        "animals.<name>.barks",
        "animals.<name>.rules.needed",
        "animals.<name>.rules.share",
        "keepers.<name>.needed",
        "keepers.<name>.share",
        "sizes",
        "speed",
        "open",
        "home",
    ]


def test_descriptions() -> None:
    """The docstring below a field is its description, in the core's dataclasses too."""
    assert OUTLINE.below(("rules",))["needed"]["description"] == "Looks."
    assert OUTLINE.below(("animals", FREE))["barks"]["description"] == "Whether it barks."


def test_kind_narrows() -> None:
    """With values that tell the kind, only that kind's names are allowed."""
    assert set(OUTLINE.below(("animals", "tom"), {"animals": {"tom": {"kind": "cat"}}})) == {"kind", "whiskers"}


@pytest.mark.parametrize(
    ("path", "unknown"),
    [
        (("rules", "needed"), None),
        (("animals", "tom", "barks"), None),
        (("rulez", "needed"), ("rulez",)),
        (("host", "x"), ("host", "x")),
    ],
)
def test_first_unknown(path: schema.Path, unknown: schema.Path | None) -> None:
    """The beginning of a path that is wrong is found."""
    assert OUTLINE.first_unknown(path) == unknown


def test_misfits() -> None:
    """True and false are no numbers, wherever they stand, and an empty text is no path."""
    values = {
        "open": True,
        "speed": True,
        "rules": {"needed": False},
        "animals": {"tom": {"whiskers": True}},
        "home": "",
        "host": "",
    }
    found = {schema.dotted(problem.path) for problem in schema.misfits(values, OUTLINE)}
    assert found == {"speed", "rules.needed", "animals.tom.whiskers", "home"}


@pytest.mark.parametrize(
    ("text", "name"), [("Front Door", "front-door"), ("Küche/2", "k-che-2"), ("+", ""), ("x" * 50, "x" * 40)]
)
def test_slug(text: str, name: str) -> None:
    """A text is made fit for a name."""
    assert schema.slug(text) == name


def test_unprintable_names_are_quoted() -> None:
    """A name that cannot be printed does not break the line it is told in."""
    assert schema.dotted(("a", "", "b\nc")) == "a.''.'b\\nc'"
