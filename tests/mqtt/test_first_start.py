"""The script that starts the broker of docker/compose.yaml: it makes the passwords, once, whatever comes between."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.peers.shipped import CONFIG, SCRIPT, surroundings
from tests.support import needs

USERS = ["house", "reader", "usense"]

RELAY = """#!/bin/sh
echo >>"$CALLS"
[ "$(wc -l <"$CALLS")" != "$LAST" ] || kill -9 0
exec {program} "$@"
"""
"""Stands before a program and kills the script, with all that it started, at the call that is to be its last."""


@pytest.fixture(params=["sh", "dash", "busybox"])
def shell(request: pytest.FixtureRequest) -> list[str]:
    """The machine's own shell, Debian's, and the one of the container."""
    name: str = request.param
    return [name, "sh"] if name == "busybox" else [name]


class Start:
    """The script with a mosquitto that ends at once, and the volume that it fills."""

    def __init__(self, folder: Path) -> None:
        needs.program("mosquitto_passwd", "mosquitto")
        self.data = folder / "data"
        self.data.mkdir()
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.calls = folder / "calls"
        self.program("mosquitto", "#!/bin/sh\n")

    def program(self, name: str, text: str) -> None:
        """Let the script find this program first."""
        file = self.bin / name
        file.write_text(text, "utf-8")
        file.chmod(0o755)

    def run(self, *shell: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the script to its end."""
        known = surroundings(CONFIG, self.data) | {"CALLS": str(self.calls)} | environment
        path = os.pathsep.join((str(self.bin), known["PATH"]))
        return subprocess.run(
            [*(shell or ("sh",)), str(SCRIPT)],
            env={**os.environ, **known, "PATH": path},
            stdin=subprocess.DEVNULL,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            start_new_session=True,
        )

    def passwords(self) -> dict[str, str]:
        """The passwords, by user."""
        return {file.name: file.read_text("utf-8") for file in sorted((self.data / "login").iterdir())}

    def hashed(self) -> list[str]:
        """The users whom mosquitto knows."""
        return sorted(line.split(":$")[0] for line in (self.data / "passwords").read_text("utf-8").splitlines())


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """The script, with an empty volume."""
    return Start(tmp_path)


def test_the_first_start_makes_a_password_for_each_user(start: Start, shell: list[str]) -> None:
    """They are long and random, and the second start keeps them; how to see that of the house is said once."""
    program = needs.program(shell[0], shell[0])
    if shell[0] == "busybox":
        subprocess.run([program, "--install", "-s", str(start.bin)], check=True)

    first = start.run(*shell)
    made = start.passwords()
    second = start.run(*shell)

    assert (first.returncode, first.stderr) == (0, "")
    assert "made passwords for: usense house reader" in first.stdout
    assert "exec mosquitto cat" in first.stdout
    assert not any(password.strip() in first.stdout for password in made.values())
    assert list(made) == start.hashed() == USERS
    assert all(len(password) == 25 and password.strip().isalnum() for password in made.values())
    assert len(set(made.values())) == 3
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert start.passwords() == made


def test_only_the_group_reads_and_only_the_password_of_usense(start: Start) -> None:
    """The service gets the broker's group; everything else is for the broker alone, and no password is kept twice."""
    start.run()

    modes = {str(file.relative_to(start.data)): file.stat().st_mode & 0o777 for file in start.data.rglob("*")}

    assert modes == {
        "login": 0o710,
        "login/usense": 0o640,
        "login/house": 0o600,
        "login/reader": 0o600,
        "passwords": 0o600,
        "acl": 0o600,
    }


@pytest.mark.parametrize("program", ["mv", "chmod", "mosquitto_passwd"])
def test_a_start_that_is_killed_is_finished_by_the_next(start: Start, program: str) -> None:
    """Wherever that is, no password is lost that was made, none is empty, and mosquitto knows them all."""
    real = needs.program(program, "mosquitto")
    for last in range(1, 8):
        shutil.rmtree(start.data)
        start.data.mkdir()
        start.calls.write_text("", "utf-8")
        start.program(program, RELAY.format(program=real))
        killed = start.run(LAST=str(last)).returncode == -9
        kept = {user: word for user, word in start.passwords().items() if user in USERS} if killed else {}
        (start.bin / program).unlink()
        if killed:
            (start.data / "passwords.new.AbCdEf").write_text("house:plain\n", "utf-8")

        assert start.run().returncode == 0
        assert {file.name for file in start.data.iterdir()} == {"acl", "login", "passwords"}
        assert start.passwords() == start.passwords() | kept
        assert list(start.passwords()) == start.hashed() == USERS
        assert all(len(password) == 25 for password in start.passwords().values())
        if not killed:
            assert last > 1, f"{program} was never called"
            break


def test_an_empty_password_is_made_anew(start: Start) -> None:
    """A power cut may leave a file without what was written to it."""
    start.run()
    before = start.passwords()
    (start.data / "login" / "house").write_bytes(b"")

    assert "made passwords for: house\n" in start.run().stdout

    after = start.passwords()
    assert after["house"] not in {"", before["house"]}
    assert after["usense"] == before["usense"]


def test_further_users_get_in(start: Start) -> None:
    """Whoever has a file with a password, and one that the owner chose is kept."""
    start.run()
    (start.data / "login" / "zigbee").write_text("chosen by me\n", "utf-8")
    (start.data / "login" / "house").write_text("mine", "utf-8")

    assert start.run().returncode == 0

    assert start.hashed() == [*USERS, "zigbee"]
    assert start.passwords()["house"] == "mine"


@pytest.mark.parametrize("word", ["a:b", "two\nlines", "", "\x7f", " a", "a "])
def test_a_password_that_mosquitto_would_cut_is_refused(start: Start, shell: list[str], word: str) -> None:
    """Whoever chose it is told, rather than left before a closed door."""
    needs.program(shell[0], shell[0])
    start.run()
    file = start.data / "login" / "zigbee"
    file.write_text(word, "utf-8")

    refused = start.run(*shell)

    assert refused.returncode == 2
    assert f"the password in {file} must be one line" in refused.stderr


def test_the_rights_are_those_of_the_instance(start: Start) -> None:
    """Discovery of another one is not for this service; a name that could be anything else is refused."""
    assert start.run(USENSE_INSTANCE="hall-2").returncode == 0
    assert "readwrite homeassistant/+/usense_hall-2/+/config" in (start.data / "acl").read_text("utf-8")

    refused = start.run(USENSE_INSTANCE="a/#\ntopic #")

    assert refused.returncode == 2
    assert "must be of a-z" in refused.stderr


def test_no_random_numbers_are_no_passwords(start: Start) -> None:
    """A machine that yields too few of them starts no broker."""
    start.program("head", "#!/bin/sh\n")

    ended = start.run()

    assert ended.returncode == 1
    assert "no random numbers" in ended.stderr
    assert not (start.data / "passwords").exists()
