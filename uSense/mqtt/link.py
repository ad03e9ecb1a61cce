"""One connection to the broker, opened once and never used again after it broke."""

from __future__ import annotations

import asyncio
import logging
import math
import socket
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt import properties as paho_properties
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties, VariableByteIntegers
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from uSense.core.errors import BrokerRefusedError
from uSense.entities import Message
from uSense.mqtt import trouble
from uSense.mqtt.lookup import Address, look_up
from uSense.mqtt.settings import MqttSettings, TlsSettings

V5 = aiomqtt.ProtocolVersion.V5
V311 = aiomqtt.ProtocolVersion.V311

_INCOMING = 1000
"""Messages that may wait between two turns of the reader, which only moves them on."""

# All that the client library has to say about a broken connection is said by uSense, once and in plain words.
_silent = logging.getLogger("uSense.mqtt.client")
_silent.setLevel(logging.CRITICAL + 1)


def _read_text(buffer: bytes, length: int) -> tuple[str, int]:
    """A text among the properties of a packet, and the bytes that it takes; raises paho.MQTTException."""
    data, taken = paho_properties.readBytes(buffer, length)  # type: ignore[no-untyped-call] # paho's annotation is incomplete
    return data.decode("utf-8", "replace"), taken


# paho hangs up on the sign U+FEFF, which brokers pass on: kept with a request, it would lock the service out for good.
vars(paho_properties).update(readUTF=_read_text)


@dataclass(frozen=True, slots=True)
class Request:
    """A message received `at` a wall-clock second; the last three are what an asker by MQTT 5 adds."""

    topic: str
    payload: bytes
    retain: bool = False
    response_topic: str | None = None
    correlation: bytes | None = None
    user: tuple[tuple[str, str], ...] = ()
    """The user properties."""
    at: float = field(default_factory=time.time)


class Client(aiomqtt.Client):
    """aiomqtt's client with what it lacks: reasons of refused messages, hang-ups noticed, sockets always closed.

    One publish at a time: `refusal` is the reason why the last message was not taken.
    """

    def __init__(
        self, settings: MqttSettings, addresses: Sequence[Address], tls: ssl.SSLContext | None, **options: Any
    ) -> None:
        super().__init__(settings.host, settings.effective_port, tls_context=tls, timeout=settings.timeout, **options)
        self.refusal: ReasonCode | None = None
        self.limit = math.inf
        """Bytes of the largest packet that the broker takes, as far as it tells."""
        self._settings = settings
        self._addresses = addresses
        self._tls = tls
        self._opened: socket.socket | None = None
        self._abandoned = False
        # paho leaves it to the garbage collector to close a socket on which a handshake failed.
        vars(self._client).update(_create_socket_connection=self._open, _ssl_wrap_socket=self._encrypt)

    async def abandon(self) -> None:
        """Close the socket without a farewell, so that the broker publishes the will. Idempotent."""
        self._abandoned = True
        if self._opened is not None:
            # Wakes the thread that may still be connecting or shaking hands on it.
            with suppress(OSError):
                socket.socket.shutdown(self._opened, socket.SHUT_RDWR)
        self._close()
        for future in (self._connected, self._disconnected):
            if not future.done():
                future.cancel()
            elif not future.cancelled():
                future.exception()  # retrieved: asyncio would complain about it later
        if self._misc_task is not None:
            self._misc_task.cancel()
            await asyncio.gather(self._misc_task, return_exceptions=True)

    def _close(self) -> None:
        self._client._sock_close()  # noqa: SLF001 - paho has no public way to close without a DISCONNECT

    def _client_connect(self) -> None:
        """In a thread that cannot be canceled: if nobody waits any more, the loop closes its socket."""
        try:
            super()._client_connect()
        except BaseException:
            if self._opened is not None:
                self._opened.close()
            raise
        finally:
            if self._abandoned:
                self._loop.call_soon_threadsafe(self._close)

    def _open(self) -> socket.socket:
        """Connect to the first address that answers; the socket is known before, so that `abandon` can wake us."""
        failure: OSError | None = None
        for family, kind, protocol, _, address in self._addresses:
            self._opened = socket.socket(family, kind, protocol)
            try:
                self._opened.settimeout(self._settings.timeout)
                self._opened.connect(address)
                # Else two small messages in a row wait for each other: 40 ms.
                self._opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                self._opened.close()
                failure = error
            else:
                return self._opened
        raise failure or OSError("no address")

    def _encrypt(self, plain: socket.socket) -> ssl.SSLSocket:
        assert self._tls is not None  # noqa: S101 - paho asks only if it was given one
        host = self._settings.host
        encrypted = self._tls.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
        self._opened = encrypted
        if self._abandoned:
            # Between the two sockets `abandon` had nothing to wake.
            encrypted.close()
            raise ConnectionAbortedError
        encrypted.do_handshake()
        return encrypted

    def _on_connect(
        self,
        client: paho.Client,
        userdata: Any,
        flags: paho.ConnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        self.limit = getattr(properties, "MaximumPacketSize", math.inf)
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_disconnect(
        self,
        client: paho.Client,
        userdata: Any,
        flags: paho.DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        if not self._connected.done():
            self._connected.set_exception(trouble.HungUpError())
        super()._on_disconnect(client, userdata, flags, reason_code, properties)

    def _on_publish(
        self, client: paho.Client, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        if reason_code.is_failure:
            self.refusal = reason_code
        super()._on_publish(client, userdata, mid, reason_code, properties)


class Link:
    """An open connection. All methods raise BrokerError when it breaks."""

    def __init__(self, client: Client, settings: MqttSettings, *, v5: bool) -> None:
        self.v5 = v5
        self._client = client
        self._settings = settings

    @property
    def limit(self) -> float:
        """Bytes of the largest packet that the broker takes, as far as it tells."""
        return self._client.limit

    async def publish(self, message: Message) -> str | None:
        """Send a message and wait until the broker has it (QoS 1); the reason in plain words if it does not want it."""
        properties = self._properties(message) if self.v5 else None
        if not self.fits(message):
            size = _size(message, self._properties(message))
            return trouble.too_large(message.topic, size, int(self._client.limit), self._settings)
        self._client.refusal = None
        try:
            await self._client.publish(message.topic, message.payload, message.qos, message.retain, properties)
        except aiomqtt.MqttError as error:
            raise trouble.lost(error, self._settings) from error
        refusal = self._client.refusal
        return refusal and trouble.publish_refused(message.topic, refusal, self._settings)

    def fits(self, message: Message) -> bool:
        """Whether a message is not larger than the broker takes, as far as it tells: by MQTT 5."""
        return not self.v5 or _size(message, self._properties(message)) <= self._client.limit

    async def subscribe(self, topic: str) -> str | None:
        """Ask for all messages of a topic with QoS 1; the reason in plain words if the broker does not allow it."""
        # As published: else a retained command would be taken for a fresh one by those who listen when it is sent.
        options = SubscribeOptions(qos=1, retainAsPublished=True) if self.v5 else None
        try:
            codes = await self._client.subscribe(topic, 0 if self.v5 else 1, options)
        except aiomqtt.MqttError as error:
            raise trouble.lost(error, self._settings) from error
        refusals = [code for code in codes if isinstance(code, ReasonCode) and code.is_failure]
        return trouble.subscribe_refused(topic, refusals[0], self._settings) if refusals else None

    async def requests(self) -> AsyncIterator[Request]:
        """All messages received, until the connection breaks."""
        try:
            async for message in self._client.messages:
                yield Request(
                    topic=message.topic.value,
                    payload=bytes(message.payload),
                    retain=bool(message.retain),
                    response_topic=getattr(message.properties, "ResponseTopic", None),
                    correlation=getattr(message.properties, "CorrelationData", None),
                    user=tuple(getattr(message.properties, "UserProperty", ())),
                )
        except aiomqtt.MqttError as error:
            raise trouble.lost(error, self._settings) from error

    async def finish(self) -> None:
        """Disconnect so that the broker keeps the will to itself."""
        try:
            await self._client.__aexit__(None, None, None)
        except aiomqtt.MqttError as error:
            raise trouble.lost(error, self._settings) from error

    def _properties(self, message: Message) -> Properties:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call] # paho's annotation is incomplete
        if message.lifetime is not None:
            properties.MessageExpiryInterval = max(1, math.ceil(message.lifetime))
        if message.correlation is not None:
            properties.CorrelationData = message.correlation
        if message.user:
            properties.UserProperty = list(message.user)
        return properties


def _size(message: Message, properties: Properties) -> int:
    """Bytes of the packet that carries a message by MQTT 5."""
    counted = len(message.payload) + 2 + len(message.topic.encode()) + (2 if message.qos else 0)
    counted += len(properties.pack())  # type: ignore[no-untyped-call] # paho's annotation is incomplete
    length = VariableByteIntegers.encode(counted)  # type: ignore[no-untyped-call] # the same
    return 1 + len(length) + counted


async def knows_v5(settings: MqttSettings, client_id: str) -> bool:
    """Whether the broker knows MQTT 5. Asked without a will: that of MQTT 5 keeps some older ones from answering."""
    try:
        async with connect(settings, client_id, v5=True, will=None) as link:
            await link.finish()
    except trouble.VersionRefusedError:
        return False
    return True


@asynccontextmanager
async def connect(settings: MqttSettings, client_id: str, *, v5: bool, will: Message | None) -> AsyncIterator[Link]:
    """Open one connection; leaving it without `finish` makes the broker publish the will.

    Raises BrokerRefusedError (login, client id, files of TLS), trouble.VersionRefusedError or BrokerError.
    """
    client = await _client(settings, client_id, v5=v5, will=will)
    link = Link(client, settings, v5=v5)
    try:
        try:
            await client.__aenter__()
        except aiomqtt.MqttError as error:
            raise trouble.not_connected(error, settings) from error
        yield link
    finally:
        await client.abandon()


async def _client(settings: MqttSettings, client_id: str, *, v5: bool, will: Message | None) -> Client:
    tls = await asyncio.to_thread(_tls, settings.tls) if settings.tls.enabled else None
    try:
        addresses = await look_up(settings.host, settings.effective_port)
    except socket.gaierror as error:
        raise trouble.unknown_host(settings) from error
    return Client(
        settings,
        addresses,
        tls,
        username=settings.username or None,
        password=settings.password.get_secret_value() if settings.password else None,
        logger=_silent,
        identifier=client_id,
        protocol=V5 if v5 else V311,
        will=will and aiomqtt.Will(will.topic, will.payload, will.qos, will.retain),
        clean_session=None if v5 else True,
        clean_start=True if v5 else paho.MQTT_CLEAN_START_FIRST_ONLY,
        transport=settings.transport,
        websocket_path=settings.websocket_path if settings.transport == "websockets" else None,
        keepalive=settings.keepalive,
        max_queued_incoming_messages=_INCOMING,
    )


def _tls(settings: TlsSettings) -> ssl.SSLContext:
    """Reads files: not for the event loop. Raises BrokerRefusedError."""
    try:
        context = ssl.create_default_context(cafile=settings.ca)
        if settings.ca is not None:
            # Python 3.13 asks for extensions that authorities made at home do not have.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if settings.certificate is not None:
            context.load_cert_chain(settings.certificate, settings.key)
    except OSError as error:
        files = ", ".join(str(file) for file in (settings.ca, settings.certificate, settings.key) if file)
        reason = error.strerror or error
        raise BrokerRefusedError(f"the files of mqtt.tls ({files}) cannot be used: {reason}") from error
    if settings.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
