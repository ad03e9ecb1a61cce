"""Taking a person out of JSON that was written about several."""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import dataclass
from typing import Any

from uSense.storage.trouble import parsing

GONE = "(erased)"

_IDENTIFYING = frozenset({"person_id", "name", "a", "b", "into"})
"""Fields that say whom an object is about."""
_FIXED = frozenset({"state", "type", "at", "finished_at", "model", "code"})
"""Fields whose words are uSense's own, also when somebody is called so."""

_NOTICES = (("notices", "data"), ("untold", "about"))
"""Where they are: those in the journal, and what will be one."""


def redact(connection: sqlite3.Connection, person_id: str, name: str) -> int:
    """Take a person out of the waiting notices and the reports of trainings; returns the number of notices touched.

    A notice about them goes, and so does an entry of a list that is; in running text their name is replaced.
    """
    person = _Person(person_id, name)
    touched = sum(_redact(connection, person, table, column) for table, column in _NOTICES)
    for version, report in connection.execute("SELECT version, report FROM galleries").fetchall():
        with parsing():
            facts = dict(json.loads(report))
        # Persons are referred to by rows of their own; only a sentence may name somebody.
        facts["message"] = person.removed_from(facts.get("message", ""))
        connection.execute("UPDATE galleries SET report = ? WHERE version = ?", (json.dumps(facts), version))
    for account, report in connection.execute("SELECT account, report FROM twin_reports").fetchall():
        with parsing():
            facts = dict(json.loads(report))
        facts["message"] = person.removed_from(facts.get("message", ""))
        connection.execute("UPDATE twin_reports SET report = ? WHERE account = ?", (json.dumps(facts), account))
    return touched


def _redact(connection: sqlite3.Connection, person: _Person, table: str, column: str) -> int:
    touched = 0
    for number, data in connection.execute(f"SELECT number, {column} FROM {table}").fetchall():  # noqa: S608 - the names are ours
        with parsing():
            before = json.loads(data)
        after = person.removed_from(before)
        if after is None:
            connection.execute(f"DELETE FROM {table} WHERE number = ?", (number,))  # noqa: S608 - the same
        elif after != before:
            text = json.dumps(after)
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE number = ?", (text, number))  # noqa: S608 - the same
        touched += after != before
    return touched


@dataclass(frozen=True, slots=True)
class _Person:
    person_id: str
    name: str

    def removed_from(self, value: Any) -> Any:
        """The value without the person; None if it is about them."""
        if isinstance(value, dict) and any(value.get(field) in (self.person_id, self.name) for field in _IDENTIFYING):
            return None
        if isinstance(value, dict):
            return {key: below if key in _FIXED else self._below(below) for key, below in value.items()}
        if isinstance(value, list):
            others = (one for one in value if one not in (self.person_id, self.name))
            kept = [(one, self.removed_from(one)) for one in others]
            return [after for before, after in kept if after is not None or before is None]
        if isinstance(value, str):
            word = rf"(?<!\w){re.escape(self.name)}(?!\w)"
            return re.sub(word, GONE, value.replace(self.person_id, GONE), flags=re.IGNORECASE)
        return value

    def _below(self, value: Any) -> Any:
        """The same of a field's value, whose own fields may be names."""
        if isinstance(value, dict) and {self.person_id, self.name} & set(value):
            value = {key: below for key, below in value.items() if key not in {self.person_id, self.name}}
        return self.removed_from(value)
