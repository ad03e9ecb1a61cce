"""A page of the house that takes the log-in by face: it greets whoever stands at the kiosk, and opens no door.

Run it with the Python of uSense: `python example_app.py http://the-pi:5050 http://the-pi:8099 usense/the-pi`; then make
the second address a trusted web page of somebody's own page. It keeps nothing: each request brings its pass along.
"""

import argparse
import asyncio
from functools import partial
from urllib.parse import urlsplit

import jwt
from aiohttp import web

LEVELS = ["low", "medium", "high"]
NEEDED: jwt.types.Options = {"require": ["iss", "aud", "sub", "exp", "nbf"]}
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Door</title><script src="/app.js" defer></script>
<h1 id="word">Hello, whoever you are</h1><p><button id="open" disabled>Open the door</button> <span id="told"></span>"""
SCRIPT = """let pass = "";
const sent = () => ({ method: "POST", headers: { Authorization: `Bearer ${pass}` } });
const ask = async (path) => (await fetch(path, sent())).text();
addEventListener("message", async (event) => {
  if (event.origin !== "USENSE" || event.data?.type !== "usense-pass") return;
  pass = event.data.token;
  document.getElementById("word").textContent = await ask("/greeting");
  document.getElementById("open").disabled = false;
});
const open = async () => { document.getElementById("told").textContent = await ask("/door"); };
document.getElementById("open").onclick = open;"""


class App:
    """Believes the passes of one uSense, if they are for this page."""

    def __init__(self, usense: str, here: str, issuer: str) -> None:
        self.usense, self.here, self.issuer = usense, here, issuer
        self.keys = jwt.PyJWKClient(f"{usense}/.well-known/jwks.json", timeout=5)

    def checked(self, token: str) -> dict[str, str]:
        """What a pass says; blocks while keys are fetched. The algorithm is ours to choose, not the pass's."""
        key = self.keys.get_signing_key_from_jwt(token)
        return jwt.decode(token, key, ["ES256"], NEEDED, audience=self.here, issuer=self.issuer, leeway=5)

    async def visitor(self, request: web.Request, level: str) -> str:
        """The name of who sent this, if it is at least so sure who they are."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            said = await asyncio.to_thread(self.checked, token)
        except jwt.PyJWTError as error:
            raise web.HTTPUnauthorized(text=f"Not believed: {error}") from error
        if LEVELS.index(said["assurance"]) < LEVELS.index(level):
            how = f"assurance {said['assurance']}, liveness {said['liveness']}"
            text = f"No, {said['name']}: a face is not enough for this ({how})."
            raise web.HTTPForbidden(text=text)
        return said["name"]

    async def answer(self, request: web.Request, *, level: str, word: str) -> web.Response:
        return web.Response(text=f"{word}, {await self.visitor(request, level)}")

    async def file(self, _: web.Request, *, text: str, kind: str) -> web.Response:
        headers = {"Content-Security-Policy": f"frame-ancestors {self.usense}"}
        return web.Response(text=text.replace("USENSE", self.usense), content_type=kind, headers=headers)

    def made(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/", partial(self.file, text=PAGE, kind="text/html"))
        app.router.add_get("/app.js", partial(self.file, text=SCRIPT, kind="text/javascript"))
        app.router.add_post("/greeting", partial(self.answer, level="low", word="Hello"))
        app.router.add_post("/door", partial(self.answer, level="high", word="The door is open"))
        return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("usense", help="address of uSense's pages, as the kiosk's browser has it")
    parser.add_argument("here", help="address of this page, without a path")
    parser.add_argument("issuer", help="usense/ and the setting `instance`")
    asked = parser.parse_args()
    web.run_app(App(asked.usense, asked.here, asked.issuer).made(), port=urlsplit(asked.here).port, print=None)
