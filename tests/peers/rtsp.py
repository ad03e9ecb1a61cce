"""A real RTSP camera on loopback: RTSP 1.0 (RFC 2326), H.264 in RTP (RFC 6184) inside the same TCP connection.

Basic authentication if a user is given; `stalled` and `drop_clients` misbehave as real cameras do.
"""

from __future__ import annotations

import asyncio
import base64
import re
import struct
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import Any

import av
from av.video.codeccontext import VideoCodecContext

from tests.peers.show import Show
from uSense.core.models import Rgb

HOST = "127.0.0.1"
PATH = "/cam"
TRACK = "video"
CLOCK = 90_000
PAYLOAD = 96
LARGEST = 1400
"""Bytes in one RTP packet."""
FRAGMENT = 28
"""The NAL unit type of a fragment (FU-A)."""


class RtspServer(Show):
    """Serves the running picture; every new viewer begins with a key frame."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}
        self._viewers: set[asyncio.StreamWriter] = set()
        self._encoder = self._new_encoder()
        self._sequence = 0

    @property
    def url(self) -> str:
        return f"rtsp://{HOST}:{self.port}{PATH}"

    async def listen(self, port: int) -> int:
        self._server = await asyncio.start_server(self._serve, HOST, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        await asyncio.gather(*(task for task in self._connections.values() if task is not None))

    def drop_clients(self) -> None:
        for writer in self._connections:
            writer.transport.abort()
        self._viewers.clear()

    async def send(self, picture: Rgb) -> bool:
        if not self._viewers:
            return False
        frame = av.VideoFrame.from_ndarray(picture, "rgb24")
        frame.pts, frame.time_base = int(asyncio.get_running_loop().time() * CLOCK), Fraction(1, CLOCK)
        for packet in self._encoder.encode(frame):
            for data, last in _rtp_payloads(bytes(packet)):
                self._send_rtp(data, frame.pts & 0xFFFFFFFF, last=last)
        return True

    def _new_encoder(self) -> VideoCodecContext:
        encoder = VideoCodecContext.create("libx264", "w")
        encoder.width, encoder.height = self.size
        encoder.pix_fmt = "yuv420p"
        encoder.time_base, encoder.framerate = Fraction(1, CLOCK), Fraction(self.fps)
        encoder.gop_size = round(self.fps)
        encoder.options = {"preset": "ultrafast", "tune": "zerolatency"}
        return encoder

    def _send_rtp(self, payload: bytes, time: int, *, last: bool) -> None:
        self._sequence = (self._sequence + 1) & 0xFFFF
        packet = struct.pack("!BBHII", 0x80, last << 7 | PAYLOAD, self._sequence, time, 0x5EED) + payload
        for viewer in self._viewers:
            viewer.write(b"$\0" + struct.pack("!H", len(packet)) + packet)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections[writer] = asyncio.current_task()
        try:
            while request := await _request(reader):
                method, path, headers = request
                writer.write(self._answer(method, path, headers))
                if method == "PLAY":
                    self._encoder = self._new_encoder()
                    self._viewers.add(writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._viewers.discard(writer)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            del self._connections[writer]

    def _answer(self, method: str, path: str, headers: dict[str, str]) -> bytes:
        login = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        status, lines, body = "200 OK", [f"CSeq: {headers['cseq']}", "Session: 1"], ""
        if self.username and method != "OPTIONS" and headers.get("authorization") != f"Basic {login}":
            status = "401 Unauthorized"
            lines.append('WWW-Authenticate: Basic realm="camera"')
        elif method == "OPTIONS":
            lines.append("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
        elif path not in {PATH, f"{PATH}/", f"{PATH}/{TRACK}"}:
            status = "404 Not Found"
        elif method == "SETUP":
            lines.append("Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
        elif method == "DESCRIBE":
            body = self._description()
            lines += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
        return "\r\n".join([f"RTSP/1.0 {status}", *lines, "", body]).encode()

    def _description(self) -> str:
        lines = [
            "v=0",
            f"o=- 0 0 IN IP4 {HOST}",
            "s=camera",
            "t=0 0",
            f"m=video 0 RTP/AVP {PAYLOAD}",
            "c=IN IP4 0.0.0.0",
        ]
        lines += [f"a=rtpmap:{PAYLOAD} H264/{CLOCK}", f"a=fmtp:{PAYLOAD} packetization-mode=1", f"a=control:{TRACK}"]
        return "\r\n".join([*lines, ""])


async def _request(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str]]:
    """The next request: method, path, headers; what comes between (RTCP reports) is passed over."""
    while (first := await reader.readexactly(1)) == b"$":
        _, length = struct.unpack("!BH", await reader.readexactly(3))
        await reader.readexactly(length)
    head = (first + await reader.readuntil(b"\r\n\r\n")).decode()
    method, url, *_ = head.split(" ", 2)
    headers = {name.lower(): value for name, value in re.findall(r"^([\w-]+): *(.*?)\r$", head, re.MULTILINE)}
    return method, re.sub(r"^rtsp://[^/]*", "", url), headers


def _rtp_payloads(data: bytes) -> Iterator[tuple[bytes, bool]]:
    """Cut an encoded picture into RTP payloads; the last one is marked."""
    units = [unit.rstrip(b"\0") for unit in re.split(rb"\x00\x00\x00?\x01", data)[1:]]
    for index, unit in enumerate(units):
        final = index == len(units) - 1
        if len(unit) <= LARGEST:
            yield unit, final
            continue
        kind, body = unit[0], unit[1:]
        for start in range(0, len(body), LARGEST):
            end = start + LARGEST >= len(body)
            flags = (start == 0) << 7 | end << 6 | kind & 0x1F
            yield bytes([kind & 0xE0 | FRAGMENT, flags]) + body[start : start + LARGEST], final and end
