"""Addresses: as people paste them, and never unencrypted by mistake."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from uSense.core.errors import SettingsError
from uSense.recognizers.azure import AzureSettings
from uSense.recognizers.azureface.account import Account

HOST = "https://one.cognitiveservices.azure.com"


@pytest.mark.parametrize(
    ("endpoint", "base"),
    [
        (HOST, f"{HOST}/face/v1.0"),
        (f"{HOST}/", f"{HOST}/face/v1.0"),
        (f" {HOST}/face ", f"{HOST}/face/v1.0"),
        (f"{HOST}/face/v1.0/", f"{HOST}/face/v1.0"),
        (f"{HOST}/face/v1.2", f"{HOST}/face/v1.2"),
        (f"{HOST}/face/v1.2-preview.1", f"{HOST}/face/v1.2-preview.1"),
        ("westus.api.cognitive.microsoft.com", "https://westus.api.cognitive.microsoft.com/face/v1.0"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/face/v1.0"),
        ("http://localhost:8080/proxy", "http://localhost:8080/proxy/face/v1.0"),
        ("http://[::1]:8080", "http://[::1]:8080/face/v1.0"),
    ],
)
def test_addresses_are_completed(endpoint: str, base: str) -> None:
    """Scheme, path and version are added where they are missing."""
    assert Account(endpoint, "k", "users").base == base


@pytest.mark.parametrize(
    "endpoint", ["", "https://", "ftp://host", "westus", "https://host/face/v1.0/detect?returnFaceId=true"]
)
def test_other_addresses_are_refused(endpoint: str) -> None:
    """With an example of a right one."""
    with pytest.raises(SettingsError, match=r"cognitiveservices\.azure\.com"):
        _ = Account(endpoint, "k", "users").base


def test_plain_http_leaves_this_machine_only_on_request() -> None:
    """Photos and the key are not sent unencrypted by mistake."""
    with pytest.raises(SettingsError, match=r"unencrypted: .*plain_http: true"):
        _ = Account("http://192.168.1.5:8080", "k", "users").base

    assert Account("http://192.168.1.5:8080", "k", "users", plain_http=True).base == "http://192.168.1.5:8080/face/v1.0"


def test_the_key_is_not_shown() -> None:
    """Neither in tracebacks nor in logs of the account."""
    assert "secret" not in repr(Account(HOST, "secret", "users"))


def test_both_kinds_of_groups_have_their_words() -> None:
    """In paths and in bodies."""
    plain, large = Account(HOST, "k", "my users"), Account(HOST, "k", "users", kind="large")

    assert (plain.path, plain.id_field) == ("/persongroups/my%20users", "personGroupId")
    assert (large.path, large.id_field) == ("/largepersongroups/users", "largePersonGroupId")


def test_two_keys_in_one_file_are_refused() -> None:
    """The portal shows two; whoever keeps both is told before the first call."""
    values = {"kind": "azure", "endpoint": "https://x.cognitiveservices.azure.com"}
    assert AzureSettings.model_validate({**values, "key": "abc\n"}).key is not None
    with pytest.raises(ValidationError, match="one line of text"):
        AzureSettings.model_validate({**values, "key": "abc\ndef"})
