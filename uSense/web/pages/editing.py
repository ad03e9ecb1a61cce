"""What somebody's own page shows is chosen here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiohttp import web

from uSense.core.access import Scope
from uSense.core.errors import RequestError
from uSense.core.models import Person
from uSense.core.mypage import MOST_BLOCKS, Block, Kind, Layout, Page
from uSense.web.people import enrolled
from uSense.web.visit import Route, Visit

SPARE = 2
"""Empty blocks that the form has beside those there are."""


async def show(visit: Visit) -> web.StreamResponse:
    """The form with the page as it is."""
    person = await enrolled(visit.house.control, visit.embedded["person_id"])
    done = visit.done(visit.house.renderer.texts["editing"]["done"])
    return await _form(visit, person, await visit.house.mine.page(person.person_id), done=done)


async def keep(visit: Visit) -> web.StreamResponse:
    """The page as it is to be; what cannot be shown is said, and stays in the form."""
    person = await enrolled(visit.house.control, visit.embedded["person_id"])
    page = _typed(await visit.form())
    try:
        await visit.house.mine.keep(person.person_id, page)
    except RequestError as error:
        return await _form(visit, person, page, problem=str(error))
    return visit.lead(f"/people/{person.person_id}/page?done=kept")


async def _form(visit: Visit, person: Person, page: Page, *, done: str = "", problem: str = "") -> web.Response:
    empty = [Block(Kind.MESSAGE, "")] * SPARE
    return visit.page(
        "editing.html",
        status=400 if problem else 200,
        person=person,
        layout=page.layout.value,
        layouts=list(Layout),
        kinds=list(Kind),
        blocks=[*page.blocks, *empty][:MOST_BLOCKS],
        folders=await visit.house.mine.places(),
        kiosks=visit.house.kiosks.names,
        done=done,
        problem=problem,
    )


def _typed(form: Mapping[str, str]) -> Page:
    """What stands in the form: empty blocks are none, and each stands where its number says."""
    rows = [(_place(form, number), _block(form, number)) for number in range(MOST_BLOCKS)]
    blocks: Sequence[Block] = [block for _, block in sorted(rows, key=lambda row: row[0]) if block.value]
    layout = form.get("layout", "")
    return Page(Layout(layout) if layout in set(Layout) else Layout.LIST, tuple(blocks))


def _place(form: Mapping[str, str], number: int) -> float:
    text = form.get(f"place-{number}", "")
    return float(text[:4]) if text.isascii() and text.isdecimal() else number + 1.0


def _block(form: Mapping[str, str], number: int) -> Block:
    kind = form.get(f"kind-{number}", "")
    value = form.get(f"value-{number}", "").replace("\r\n", "\n").strip()
    trusted = f"trusted-{number}" in form
    return Block(Kind(kind) if kind in set(Kind) else Kind.MESSAGE, value, form.get(f"title-{number}", ""), trusted)


ROUTES = (
    Route(method="GET", path="/people/{person_id}/page", handler=show, scope=Scope.ENROLL),
    Route(method="POST", path="/people/{person_id}/page", handler=keep, scope=Scope.ENROLL),
)
