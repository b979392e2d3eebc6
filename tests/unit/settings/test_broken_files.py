"""Is a file that cannot be read as YAML told with its line, without raising and without hanging?"""

import os
from pathlib import Path

import pytest

from bot.settings import load
from tests.unit.settings.fakes import ENVIRON, FAKES, GOOD, loaded, names

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)
CHAIN = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 900))

# the file, the line that is named, words of the message
FILES: dict[str, tuple[bytes, int, str]] = {
    "empty": (b"", 1, "the file is empty"),
    "blank": (b"\n  \n", 1, "the file is empty"),
    "comments": (b"# later\n", 1, "holds only comments"),
    "NUL": (b"agents:\n  a\x00b: 1\n", 2, "NUL byte"),
    "control character": (b"agents:\n  a\x07b: 1\n", 2, "control character"),
    "not UTF-8": (b"agents:\n\n  b\xe4r: 1\n", 3, "byte 0xe4 is not UTF-8"),
    "UTF-16": ("agents:\n".encode("utf-16"), 1, "saved as UTF-16"),
    "tab": (b"agents:\n\tbilling:\n", 2, "indented with a tab"),
    "too large": (b"# " + b"x" * (5 * 1024 * 1024), 1, "larger than 4 MiB"),
    "two documents": (b"agents: {}\n---\nagents: {}\n", 2, "a second document"),
    "a list": (b"- agents\n", 1, "not a list of `key: value` lines"),
    "a word": (b"agents\n", 1, "not a list of `key: value` lines"),
    "open quote": (b'agents:\n  a: "b\n', 3, "this is not YAML"),
    "bad indent": (b"agents:\n    a: 1\n  b: 2\n", 3, "this is not YAML"),
    "exploding aliases": (LAUGHS.encode(), 6, "grows to more than 500000 values"),
    "long alias chain": (CHAIN.encode(), 40, "nested deeper than 40"),
    "alias in itself": (b"agents: &a\n  b: *a\n", 2, "*a stands inside what it names"),
    "deep nesting": (b"agents:\n  " + b"[" * 100_000, 2, "nested deeper than 40"),
    "deep blocks": (b"".join(b" " * n + b"a:\n" for n in range(60)), 41, "nested deeper than 40"),
    "agents as list": (b"agents:\n- billing\n", 1, "agents must hold"),
    "agents as word": (b"policy: {}\nagents: billing\n", 2, "agents must hold"),
}


@pytest.mark.parametrize("case", FILES)
def test_the_fault_is_told_with_its_line(case: str) -> None:
    """An unreadable file gives no configuration and an error with file, line, fault and a next step."""
    raw, line, message = FILES[case]
    found = loaded(raw)
    assert found.configuration is None
    errors = [finding for finding in found.errors if message in finding.message]
    assert [finding.where for finding in errors] == [f"agent-kill.yaml:{line}"], found.findings
    assert errors[0].next


def test_a_byte_order_mark_is_told_and_the_rest_is_served() -> None:
    """A UTF-8 byte order mark is an error for `check`; it disarms nothing."""
    found = loaded(b"\xef\xbb\xbf" + GOOD.encode())
    assert [(finding.where, "byte order mark" in finding.message) for finding in found.findings] == [
        ("agent-kill.yaml:1", True)
    ]
    assert names(found) == names(loaded(GOOD))
    assert found.text == GOOD


def test_windows_line_ends_are_read() -> None:
    """CRLF line ends change neither lines nor values."""
    found = loaded(GOOD.replace("\n", "\r\n"))
    assert found.findings == ()
    assert names(found) == names(loaded(GOOD))


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_a_path_that_cannot_be_read_is_told(kind: str, tmp_path: Path) -> None:
    """A missing file and a folder give an error with the path, the reason and how to name another."""
    path = tmp_path / "none" if kind == "missing" else tmp_path
    found = load(path, ENVIRON, FAKES)
    assert found.configuration is None
    assert found.errors[0].where == f"{path}:1"
    assert "cannot be read" in found.errors[0].message
    assert "--config" in found.errors[0].next


def test_a_device_without_end_is_not_read_for_ever() -> None:
    """It is no regular file, which the error says."""
    found = load(Path(os.devnull).with_name("zero"), ENVIRON, FAKES)
    assert "it is a device, not a regular file" in found.errors[0].message


def test_an_undecodable_path_is_told() -> None:
    """A path with a NUL byte is an error like any other, not an exception."""
    assert "cannot be read" in load(Path("a\x00b"), ENVIRON, FAKES).errors[0].message
