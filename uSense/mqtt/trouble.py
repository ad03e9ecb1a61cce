"""What went wrong between uSense and the broker, in plain words that say what to do."""

from __future__ import annotations

import ssl

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode

from uSense.core.errors import BrokerError, BrokerRefusedError
from uSense.mqtt.settings import MqttSettings

_DENIAL = "the broker does not let"
_UNSPECIFIED = 128
_UNSUPPORTED_VERSION = 132
_INVALID_CLIENT_ID = 133
_BAD_LOGIN = 134
_NOT_AUTHORIZED = {135, 138, 140}
_TAKEN_OVER = 142
_BLAMELESS = {137, 139, 141, _TAKEN_OVER}
"""Why a broker ends a connection whatever was sent: busy, shutting down, keepalive, another client."""


class VersionRefusedError(BrokerError):
    """The broker does not know this version of MQTT."""


class CutOffError(BrokerError):
    """The broker ended an open connection, perhaps because of what was sent."""


class HungUpError(aiomqtt.MqttError):
    """The broker closed the connection without an answer to the first packet."""


def unknown_host(settings: MqttSettings) -> BrokerError:
    """There is no address to connect to."""
    return BrokerError(f"the host {settings.host!r} is not known; check mqtt.host")


def not_connected(error: aiomqtt.MqttError, settings: MqttSettings) -> BrokerError:
    """Why no connection came about."""
    if isinstance(error, aiomqtt.MqttCodeError) and isinstance(error.rc, ReasonCode):
        return _refused(error.rc, settings)
    cause = error.__cause__ or error.__context__
    where = settings.address
    match cause:
        case ConnectionRefusedError():
            text = f"nothing listens at {where}; check mqtt.host and mqtt.port, and that the broker runs"
        case ssl.SSLCertVerificationError():
            text = f"the broker's certificate is not trusted: {cause.verify_message}; set mqtt.tls.ca to its authority"
        case ssl.SSLError():
            text = f"{where} does not speak TLS ({getattr(cause, 'reason', cause)}); check mqtt.port and mqtt.tls"
        case paho.WebsocketConnectionError():
            text = (
                f"{where} has no MQTT websocket at {settings.websocket_path}; check mqtt.transport and websocket_path"
            )
        case _ if isinstance(error, HungUpError) or isinstance(cause, ConnectionResetError | BrokenPipeError):
            text = (
                f"{where} hung up without an answer; check that it is an MQTT broker and that mqtt.tls.enabled fits it"
            )
        case OSError() if not isinstance(cause, TimeoutError):
            text = f"{where} cannot be reached: {cause.strerror or cause}"
        case _:
            wait = f"{settings.timeout:g} s"
            text = f"{where} gave no answer within {wait}; check mqtt.host, mqtt.port and that mqtt.tls.enabled fits it"
    return BrokerError(text)


def lost(error: aiomqtt.MqttError, settings: MqttSettings) -> BrokerError:
    """Why an open connection ended."""
    text = f"the connection to the broker at {settings.address} was lost"
    cause = error.__cause__ or error
    code = cause.rc if isinstance(cause, aiomqtt.MqttCodeError) else None
    if not isinstance(code, ReasonCode):
        return BrokerError(f"{text}: {paho.error_string(code) if isinstance(code, int) else cause}")
    if code.value == _TAKEN_OVER:
        return BrokerRefusedError(
            f"another client of the broker at {settings.address} has the same client id; "
            "give each uSense an instance name of its own"
        )
    kind = BrokerError if code.value in _BLAMELESS else CutOffError
    return kind(text if code.value == _UNSPECIFIED else f"{text}: {code}")


def too_large(topic: str, size: int, limit: int, settings: MqttSettings) -> str:
    """Why a message was not sent."""
    return (
        f"the broker at {settings.address} takes at most {limit} bytes, too few for {topic} ({size}); "
        "raise its limit (mosquitto: max_packet_size)"
    )


def given_up(topic: str, settings: MqttSettings) -> str:
    """Why a message is not sent again."""
    return (
        f"the broker at {settings.address} twice hung up on a message for {topic}, which is given up; "
        "check the broker's log, its limits (mosquitto: max_packet_size) and its access list"
    )


def publish_refused(topic: str, code: ReasonCode, settings: MqttSettings) -> str:
    """Why a message was not taken."""
    return f"{_DENIAL} {_who(settings)} publish to {topic} ({code}); allow it in the broker's access list"


def subscribe_refused(topic: str, code: ReasonCode, settings: MqttSettings) -> str:
    """Why nothing will be heard from a topic."""
    return f"{_DENIAL} {_who(settings)} read {topic} ({code}); allow it in the broker's access list"


def is_denial(refusal: str) -> bool:
    """Whether the access list was the reason."""
    return refusal.startswith(_DENIAL)


def _refused(reason: ReasonCode, settings: MqttSettings) -> BrokerError:
    code = reason.value
    broker = f"the broker at {settings.address}"
    if code == _UNSUPPORTED_VERSION:
        return VersionRefusedError(f"{broker} does not know this version of MQTT; set mqtt.protocol")
    if code == _INVALID_CLIENT_ID:
        return BrokerRefusedError(f"{broker} does not like the client id; set mqtt.client_id")
    if code == _BAD_LOGIN or code in _NOT_AUTHORIZED:
        if not settings.username:
            return BrokerRefusedError(f"{broker} wants a user name; set mqtt.username and mqtt.password")
        why = "wrong user name or password; set mqtt.username and mqtt.password"
        return BrokerRefusedError(f"{broker} refused user {settings.username!r}: {why}")
    return BrokerError(f"{broker} refused the connection ({reason})")


def _who(settings: MqttSettings) -> str:
    return f"user {settings.username!r}" if settings.username else "a client without user name"
