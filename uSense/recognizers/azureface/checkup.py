"""Whether Azure can be used, in the words of `usense doctor`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np

from uSense import imaging
from uSense.core.errors import RecognizerError
from uSense.core.findings import Finding, ok, problem, warning
from uSense.core.quota import F0
from uSense.recognizers.azureface.account import Account

if TYPE_CHECKING:
    from uSense.recognizers.azureface.client import AzureFace

CLOCKS_APART = 60.0
"""Seconds that the clocks here and there may differ."""
_TODO = {
    "wrong_key": "use one of the two keys that the Azure portal shows for this resource, with this resource's endpoint",
    "not_approved": "https://aka.ms/facerecognition says who can apply; or set `recognizer: {kind: local}`",
    "unreachable": "check the endpoint's name, the network, and a proxy or firewall in between",
}


async def checked(azure: AzureFace, account: Account) -> list[Finding]:
    """Key, clock, approval, model and training, asked in at most four calls."""
    try:
        group = await azure.group()
    except RecognizerError as error:
        return [_failed(error)]
    findings = [ok("azure", f"{account.endpoint} accepts the key")]
    apart = abs(azure.state().skew or 0.0)
    if apart > CLOCKS_APART:
        text = f"this machine's clock and Azure's are {apart:.0f} s apart"
        findings.append(warning("azure clock", text, "switch on time synchronization: `timedatectl set-ntp true`"))
    if group is not None and group.recognition_model != account.recognition_model:
        text = f"{account.group_id!r} was made with {group.recognition_model}, not {account.recognition_model}"
        todo = f"set recognizer.recognition_model: {group.recognition_model}, or choose another recognizer.group"
        findings.append(problem("azure group", text, todo))
    elif group is None:
        findings.append(ok("azure group", f"{account.group_id!r} does not exist yet: it is made with the first face"))
    else:
        findings.append(await _training(azure, account.group_id))
    findings.append(await _approval(azure, account))
    return findings


async def _training(azure: AzureFace, group: str) -> Finding:
    try:
        state = await azure.training()
    except RecognizerError as error:
        return _failed(error)
    if state.last_success is None:
        return warning("azure group", f"{group!r} is not trained: everybody is unknown", "usense train")
    if state.state == "failed":
        return warning("azure group", f"the last training of {group!r} failed: {state.message}", "usense train")
    return ok("azure group", f"{group!r} is trained")


async def ask_approval(azure: AzureFace) -> None:
    """Ask for the ids of the faces in a picture that has none; raises NotApprovedError, and others."""
    noise = np.random.default_rng(1).integers(0, 255, (200, 200, 3), np.uint8)
    await azure.detect(await asyncio.to_thread(imaging.encode_jpeg, noise), urgent=False)


async def _approval(azure: AzureFace, account: Account) -> Finding:
    """Only approved resources get ids of faces."""
    try:
        await ask_approval(azure)
    except RecognizerError as error:
        return _failed(error)
    if account.tier == F0:
        text = "the free tier F0 finds faces, but Microsoft offers identification only on S0"
        return warning("azure approval", text, "if faces stay unnamed, see docs/azure.md")
    return ok("azure approval", "the resource gives ids to faces")


def _failed(error: RecognizerError) -> Finding:
    return problem("azure", str(error), _TODO.get(getattr(error, "code", ""), ""))
