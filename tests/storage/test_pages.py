"""People's own pages on disk: they go where their person goes, and with them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.storage.samples import left
from uSense.core.errors import NotFoundError, RequestError
from uSense.core.mypage import Block, Kind, Layout, Page
from uSense.storage import Storage, backups, container, open_storage, parcels

PAGE = Page(Layout.COLUMNS, (Block(Kind.WEB, "https://calendar.lan/anna", "Calendar", trusted=True),))
OTHER = Page(Layout.LIST, (Block(Kind.MESSAGE, "Gut gemacht, Änna! 🎉"),))


async def test_a_page_comes_back_as_it_was(storage: Storage) -> None:
    """Whoever has none has an empty one, and an empty one is none."""
    anna = (await storage.vault.create_person("Anna")).person_id
    assert await storage.pages.page(anna) == Page()

    for page in (PAGE, OTHER, Page()):
        await storage.pages.keep(anna, page)
        assert await storage.pages.page(anna) == page


async def test_nobody_has_no_page(storage: Storage) -> None:
    """Neither to read nor to write."""
    with pytest.raises(NotFoundError):
        await storage.pages.page("nobody")
    with pytest.raises(NotFoundError):
        await storage.pages.keep("nobody", PAGE)


async def test_erasing_a_person_erases_the_page(storage: Storage, folder: Path) -> None:
    """Without a trace in the data folder."""
    anna = (await storage.vault.create_person("Anna")).person_id
    await storage.pages.keep(anna, PAGE)

    await storage.vault.delete_person(anna)

    with pytest.raises(NotFoundError):
        await storage.pages.page(anna)
    assert await asyncio.to_thread(left, folder, [b"calendar.lan"]) == []


async def test_a_page_is_exported_with_its_person(storage: Storage, tmp_path: Path) -> None:
    """It arrives where there is none yet; files from before there were pages are read, too."""
    anna = (await storage.vault.create_person("Anna")).person_id
    await storage.pages.keep(anna, PAGE)
    sent = await storage.vault.pack([anna])
    (parcel,) = parcels.decode(parcels.encode(sent), "a file")

    async with open_storage(tmp_path / "other") as other:
        await other.vault.unpack(parcel)
        assert await other.pages.page(anna) == PAGE
        await other.pages.keep(anna, OTHER)
        await other.vault.unpack(parcel)
        assert await other.pages.page(anna) == OTHER


@pytest.mark.parametrize("page", ['{"layout": "list"}', "[", '{"layout": "x", "blocks": []}', "5"])
async def test_a_file_with_a_page_that_is_none_is_refused(page: str) -> None:
    """As all that uSense does not write."""
    data = b'{"people": [{"person_id": "a", "name": "A", "user_data": "", "faces": [], "page": %s}]}'
    with pytest.raises(RequestError):
        parcels.decode(data % repr(page).replace('"', '\\"').replace("'", '"').encode(), "a file")


async def test_a_page_moves_to_whom_its_person_becomes(storage: Storage) -> None:
    """Unless they have one of their own."""
    anna, bea, cleo = [(await storage.vault.create_person(name)).person_id for name in ("Anna", "Bea", "Cleo")]
    await storage.pages.keep(anna, PAGE)
    await storage.vault.merge_people(anna, bea)
    assert await storage.pages.page(bea) == PAGE

    await storage.pages.keep(cleo, OTHER)
    await storage.vault.merge_people(bea, cleo)
    assert await storage.pages.page(cleo) == OTHER


async def test_a_backup_has_the_pages(storage: Storage) -> None:
    """A restore brings those of then."""
    anna = (await storage.vault.create_person("Anna")).person_id
    await storage.pages.keep(anna, PAGE)
    backup = await storage.archive.keep("asked")
    await storage.pages.keep(anna, OTHER)

    sealed = await asyncio.to_thread(container.read, backup.path, backups.KIND, backups.FORMAT)
    await storage.archive.restore(sealed, None)

    assert await storage.pages.page(anna) == PAGE
