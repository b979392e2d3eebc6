"""Is one line of a map file changed, and nothing else of it?"""

import asyncio
import subprocess
from pathlib import Path

import pytest

from adapters.haproxy_gateway import HaproxyGateway
from adapters.haproxy_gateway.durable import MapFile
from tests.contract.haproxy import wheel_haproxy

TEXT = "# agents\n\nother normal\n  billing_llm\t normal  \nbilling_llm read_only\nbilling_llm2 normal"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A map file that somebody wrote by hand."""
    made = tmp_path / "agents.map"
    made.write_text(TEXT)
    made.chmod(0o640)
    return made


def test_one_line_is_changed(path: Path) -> None:
    """Comments, order, blanks and other keys stay; of a key that is there twice the first counts, as for HAProxy."""
    file = MapFile(path)
    assert asyncio.run(file.read("billing_llm")) == "normal"
    asyncio.run(file.write("billing_llm", "full_stop:t1"))
    assert path.read_text() == "# agents\n\nother normal\n  billing_llm\t full_stop:t1  \nbilling_llm2 normal"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [entry.name for entry in path.parent.iterdir()] == ["agents.map"]
    file.close()


def test_a_line_is_added_and_taken_away(path: Path) -> None:
    """What was not there is not there afterwards."""
    path.write_text(text := "# agents\nother normal\n")
    file = MapFile(path)
    assert asyncio.run(file.read("billing_llm")) is None
    asyncio.run(file.write("billing_llm", "full_stop:t1"))
    assert path.read_text() == f"{text}billing_llm full_stop:t1\n"
    asyncio.run(file.write("billing_llm", None))
    assert path.read_text() == text
    file.close()


def test_writers_of_one_file_lose_nothing(path: Path) -> None:
    """Twenty agents' lines that are written at once are all there, as by several processes."""
    files = [MapFile(path) for _ in range(20)]

    async def write() -> None:
        await asyncio.gather(*(file.write(f"agent{number}", "full_stop:t") for number, file in enumerate(files)))

    asyncio.run(write())
    assert path.read_text().count("full_stop:t") == 20
    for file in files:
        file.close()


def test_the_same_value_writes_nothing(path: Path) -> None:
    """A repeated cut leaves the file alone."""
    file, before = MapFile(path), path.stat().st_ino
    asyncio.run(file.write("billing_llm2", "normal"))
    assert path.read_text() == TEXT
    assert path.stat().st_ino == before
    file.close()


def test_the_whole_set_up_is_a_configuration(tmp_path: Path) -> None:
    """HAProxy itself checks what is printed for pasting, before a `defaults` and a frontend of the reader's own."""
    (tmp_path / "agents.map").write_text("billing_llm normal\n")
    text = HaproxyGateway.manual.setup
    text = text.replace("/etc/haproxy/agent-kill/agents.map", str(tmp_path / "agents.map"))
    text = text.replace("/run/haproxy", str(tmp_path)).replace(" group agent-kill", "")
    text = text.replace("llm.example.net:443", "127.0.0.1:443").replace("ca-file @system-ca", "ca-file ca.pem")
    text = text.replace("ssl verify required ca-file ca.pem sni str(llm.example.net)", "")
    own = ("defaults", "    mode http", "    timeout client 1m", "frontend own", "    bind 127.0.0.1:1")
    file = tmp_path / "haproxy.cfg"
    file.write_text("\n".join((text, *own, "    default_backend billing_llm", "")))
    ran = subprocess.run([str(wheel_haproxy()), "-c", "-f", str(file)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
