"""What HAProxy says of the requests under way: `show stat` in CSV, `show sess`, and `show sess all`."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass

# The order of HAProxy's `enum http_meth_t`, as `show sess all` prints it; what is beyond has no name there.
METHODS = ("OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "CONNECT")
SWITCHED = 101  # a tunnel: WebSocket, or whatever the two ends agreed on
NOBODY = "<none>"
_FRESH = "0s"


@dataclass(frozen=True, slots=True)
class Load:
    """A backend in `show stat`: how many requests are with it, and its servers."""

    requests: int
    servers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """One request under way.

    Attributes:
        pointer: what `shutdown session` takes; used again for later requests.
        number: the process's own running number; 0 in the short list.
        server: where it went, or `NOBODY` while it waits or is being denied.
        fresh: whether it is younger than a second.
        method: in capitals; empty in the short list, and where HAProxy has no name for it.
        switched: whether it became a tunnel.
    """

    pointer: str
    number: int
    server: str
    fresh: bool
    method: str = ""
    switched: bool = False

    @property
    def denied(self) -> bool:
        """Whether it can only be one that the rules are just answering: it has no server and is new."""
        return self.server == NOBODY and self.fresh


def load(answer: str, backend: str) -> Load | None:
    """Reads `show stat BACKEND 6 -1`; None where there is no such backend."""
    if not answer.startswith("# pxname,"):
        return None
    rows = [row for row in csv.DictReader(answer[2:].splitlines()) if row.get("pxname") == backend]
    whole = next((row for row in rows if row.get("svname") == "BACKEND"), None)
    if whole is None or not (whole.get("scur") or "").isdecimal():
        return None
    servers = tuple(row["svname"] for row in rows if row["svname"] not in {"BACKEND", "FRONTEND"})
    return Load(int(whole["scur"]), servers)


_SHORT = re.compile(r"^(0x[0-9a-f]+): .* be=(\S+) srv=(\S+) .* age=(\S+) ", re.MULTILINE)


def short(answer: str, backend: str) -> list[Stream]:
    """Reads `show sess`: the requests that are with `backend`, queued ones too."""
    return [
        Stream(pointer, 0, server, age == _FRESH)
        for pointer, of, server, age in _SHORT.findall(answer)
        if of == backend
    ]


_HEAD = re.compile(r"^(0x[0-9a-f]+): \[[^]]*\] id=(\d+) ", re.MULTILINE)
_BACKEND = re.compile(r"^  backend=(\S+) ", re.MULTILINE)
_SERVER = re.compile(r"^  server=(\S+) ", re.MULTILINE)
_AGE = re.compile(r"^  task=.* age=([^)\s]+)\)", re.MULTILINE)
_TXN = re.compile(r"^  txn=.* meth=(\d+) +status=(-?\d+)", re.MULTILINE)


def whole(answer: str, backend: str) -> list[Stream]:
    """Reads `show sess all`: as `short`, with numbers and methods."""
    return list(_blocks(answer, backend))


def _blocks(answer: str, backend: str) -> Iterator[Stream]:
    heads = list(_HEAD.finditer(answer))
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        text = answer[head.end() : following.start() if following else len(answer)]
        if _first(_BACKEND, text) != backend:
            continue
        txn = _TXN.search(text)
        yield Stream(
            pointer=head[1],
            number=int(head[2]),
            server=_first(_SERVER, text) or NOBODY,
            fresh=_first(_AGE, text) == _FRESH,
            method=_method(int(txn[1])) if txn else "",
            switched=txn is not None and int(txn[2]) == SWITCHED,
        )


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


def _method(number: int) -> str:
    return METHODS[number] if number < len(METHODS) else ""
