"""Passes for other pages of the house, and how these are believed."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.support.mqtt import sighting
from tests.support.site import Browser, Site
from tests.support.standing import Standing
from uSense.control import Control
from uSense.core.access import Scope
from uSense.core.errors import StorageError
from uSense.core.events import Assurance
from uSense.core.models import PersonRef
from uSense.core.mypage import Block, Kind, Layout, Page
from uSense.storage.notebook import Notebook
from uSense.web import passes
from uSense.web.passes import Passes

DOOR = "https://door.lan:8443"
ASK = "/api/v1/pass?camera=hall&audience="


@pytest.fixture
def signer(tmp_path: Path) -> Passes:
    """Makes passes."""
    return Passes(Notebook(tmp_path / passes.FILE), "usense/test")


async def checked(signer: Passes, token: str, audience: str = DOOR) -> dict[str, Any]:
    """What a pass says, checked as another page would."""
    known = jwt.PyJWKSet.from_dict(await signer.key_set())
    key = known[jwt.get_unverified_header(token)["kid"]]
    return jwt.decode(token, key, ["ES256"], audience=audience, issuer="usense/test")


async def test_a_pass_says_who_and_how_sure(signer: Passes) -> None:
    """For one minute, for one page, once, and that nothing tells a face from a photo of one."""
    seen = sighting(3, "Anna", assurance=Assurance.MEDIUM)
    token, ends = await signer.sign(seen, DOOR)
    other, _ = await signer.sign(seen, DOOR)
    said = await checked(signer, token)

    assert said == {
        "iss": "usense/test",
        "aud": DOOR,
        "sub": "id-of-Anna",
        "name": "Anna",
        "camera": "hall",
        "assurance": "medium",
        "liveness": "none",
        "amr": ["face"],
        "event_id": "event-3",
        "iat": said["iat"],
        "nbf": said["iat"],
        "exp": said["iat"] + 60,
        "jti": said["jti"],
    }
    assert ends == said["exp"]
    assert abs(said["iat"] - time.time()) < 30
    assert (await checked(signer, other))["jti"] != said["jti"]
    with pytest.raises(jwt.InvalidAudienceError):
        await checked(signer, token, "https://other.lan")


@pytest.mark.parametrize(
    ("known", "told"),
    [(Assurance.LOW, "low"), (Assurance.MEDIUM, "medium"), (Assurance.HIGH, "medium")],
)
async def test_nothing_is_high_that_was_not_alive(signer: Passes, known: Assurance, told: str) -> None:
    """Whatever the sighting says: no liveness check exists."""
    token, _ = await signer.sign(sighting(assurance=known), DOOR)
    assert (await checked(signer, token))["assurance"] == told


async def test_keys_stay_over_a_restart(signer: Passes, tmp_path: Path) -> None:
    """In a file for nobody else; the set tells only the public halves."""
    token, _ = await signer.sign(sighting(), DOOR)
    file = tmp_path / passes.FILE
    assert file.stat().st_mode & 0o777 == 0o600

    again = Passes(Notebook(file), "usense/test")
    assert (await checked(again, token))["name"] == "Anna"
    told = await again.key_set()
    assert told == await signer.key_set()
    assert [set(key) for key in told["keys"]] == [{"kty", "crv", "x", "y", "kid", "use", "alg"}]


async def test_keys_change_once_a_year(signer: Passes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one before stays known for the year after; a clock that was wrong does not keep a key for ever."""
    now = time.time()
    token, _ = await signer.sign(sighting(), DOOR)
    [first] = (await signer.key_set())["keys"]
    clock = [now + passes.YEAR + 60]
    monkeypatch.setattr(passes.time, "time", lambda: clock[0])  # type: ignore[attr-defined] # the module's clock

    second, kept = (await signer.key_set())["keys"]
    assert kept == first
    assert second["kid"] != first["kid"]
    assert jwt.get_unverified_header(token)["kid"] == kept["kid"]
    later, _ = await signer.sign(sighting(), DOOR)
    assert jwt.get_unverified_header(later)["kid"] == second["kid"]

    clock[0] = now - passes.YEAR - 60
    third, kept = (await signer.key_set())["keys"]
    assert kept == second
    assert third["kid"] not in {first["kid"], second["kid"]}


@pytest.mark.parametrize("text", ["{", "[]"])
async def test_a_damaged_file_is_told_once(signer: Passes, tmp_path: Path, text: str) -> None:
    """It is moved aside, and there are new keys."""
    (tmp_path / passes.FILE).write_text(text)
    with pytest.raises(StorageError, match="moved"):
        await signer.sign(sighting(), DOOR)
    token, _ = await signer.sign(sighting(), DOOR)
    assert (await checked(signer, token))["name"] == "Anna"


async def test_what_is_no_key_is_left_out(signer: Passes, tmp_path: Path) -> None:
    """A new one takes its place."""
    (tmp_path / passes.FILE).write_text('{"keys": [1, {}, {"kid": "a", "made_at": 1e9, "pem": "-----BEGIN"}]}')
    token, _ = await signer.sign(sighting(), DOOR)
    assert (await checked(signer, token))["name"] == "Anna"


@pytest.fixture
async def anna(control: Control) -> PersonRef:
    """Her page tells one web page who stands there."""
    person = PersonRef((await control.find("Anna")).person_id, "Anna")
    blocks = (Block(Kind.WEB, f"{DOOR}/open?x", trusted=True), Block(Kind.WEB, "https://news.example/"))
    assert control.pages is not None
    await control.pages.keep(person.person_id, Page(Layout.LIST, blocks))
    return person


@pytest.fixture
def hall() -> Standing:
    """Who stands at the camera."""
    return Standing()


@pytest.fixture
async def site(control: Control, hall: Standing, tmp_path: Path) -> AsyncIterator[Site]:
    """The pages."""
    site = Site(tmp_path, control, password="")
    site.scenes["hall"] = hall.scene
    async with site:
        yield site


@pytest.fixture
async def kiosk(site: Site) -> AsyncIterator[Browser]:
    """A kiosk."""
    async with site.browser() as browser:
        _, word = await site.access.tokens.make("kiosk", Scope.KIOSK)
        await browser.get(f"/me/hall?token={word}")
        yield browser


async def test_who_stands_there_alone_gets_a_pass(site: Site, kiosk: Browser, hall: Standing, anna: PersonRef) -> None:
    """For the pages that theirs trusts; anybody may ask for the keys to check it."""
    hall.stand(anna)
    answer = await kiosk.send("GET", ASK + DOOR)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in answer.headers
    token = json.loads(answer.text)["token"]

    async with site.browser() as stranger:
        keys = await stranger.send("GET", "/.well-known/jwks.json")
        assert keys.status == 200
    known = jwt.PyJWKSet.from_dict(json.loads(keys.text))
    said = jwt.decode(token, known.keys[0], ["ES256"], audience=DOOR, issuer="usense/test")
    assert (said["sub"], said["name"], said["camera"]) == (anna.person_id, "Anna", "hall")
    assert said["event_id"] == hall.sightings[-1].event_id


@pytest.mark.parametrize("audience", ["", "https://news.example", "https://door.lan", f"{DOOR}/open?x", "null", "*"])
async def test_no_other_page_gets_one(kiosk: Browser, hall: Standing, anna: PersonRef, audience: str) -> None:
    """Only an origin that is trusted, to the letter."""
    hall.stand(anna)
    assert (await kiosk.send("GET", ASK + audience)).status == 403


async def test_there_is_no_pass_for_who_is_not_alone(
    site: Site, kiosk: Browser, hall: Standing, anna: PersonRef
) -> None:
    """Neither without anybody, with somebody unknown, with both, nor from a camera that sees nothing."""
    moments: list[list[PersonRef | None]] = [[], [None], [anna, None]]
    for people in moments:
        hall.stand(*people)
        assert (await kiosk.send("GET", ASK + DOOR)).status == 409
    hall.stand(anna)
    site.problem = "lost"
    assert (await kiosk.send("GET", ASK + DOOR)).status == 409
    assert (await kiosk.send("GET", ASK.replace("hall", "attic") + DOOR)).status == 404
    async with site.browser() as stranger:
        assert (await stranger.send("GET", ASK + DOOR)).status == 401
