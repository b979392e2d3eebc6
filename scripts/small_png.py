"""Makes a screenshot small: at most 256 colours, as indexed PNG (https://www.w3.org/TR/png-3/, colour type 3)."""

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS, _FREQUENT = 256, 160
_CHANNELS = {2: 3, 6: 4}  # by colour type: RGB, RGBA
Colour = tuple[int, ...]


def small(data: bytes) -> bytes:
    """The same picture with 256 colours; every other one becomes the nearest of them.

    Args:
        data: a PNG of 8 bits a channel, RGB or RGBA, not interlaced, as Chromium writes it. Opacity is dropped.

    Raises:
        ValueError: another form of PNG.
    """
    width, height, channels, pixels = _read(data)
    places = [tuple(pixels[at : at + 3]) for at in range(0, width * height * channels, channels)]
    palette, index = _palette(Counter(places))
    rows = bytes(index[colour] for colour in places)
    lines = b"".join(b"\0" + rows[at : at + width] for at in range(0, len(rows), width))
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", head), (b"PLTE", palette), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(kind, body) for kind, body in parts)


def _palette(counts: Counter[Colour]) -> tuple[bytes, dict[Colour, int]]:
    """The colours that are kept, and which of them stands for each colour of the picture.

    Kept are the most frequent ones, then one by one those that would be replaced worst: a small sign keeps its colour.
    """
    kept = [colour for colour, _ in counts.most_common(_FREQUENT)]
    index = {colour: min(range(len(kept)), key=lambda place: _apart(colour, kept[place])) for colour in counts}
    wrong = {colour: _apart(colour, kept[place]) for colour, place in index.items()}
    while len(kept) < min(_COLOURS, len(counts)):
        worst = max(wrong, key=lambda colour: wrong[colour] * counts[colour] ** 0.5)
        kept.append(worst)
        for colour, apart in wrong.items():
            if (now := _apart(colour, worst)) < apart:
                index[colour], wrong[colour] = len(kept) - 1, now
    return b"".join(map(bytes, kept)), index


def _apart(one: Colour, other: Colour) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _read(data: bytes) -> tuple[int, int, int, bytes]:
    """Width, height, channels and the bytes of the pixels."""
    chunks = list(_chunks(data))
    width, height, depth, kind, *rest = struct.unpack(">IIBBBBB", chunks[0][1])
    if depth != 8 or kind not in _CHANNELS or rest != [0, 0, 0]:  # noqa: PLR2004  # bits
        raise ValueError(f"a PNG of {depth} bits and colour type {kind} is not read here: 8 bits RGB or RGBA is")
    raw = zlib.decompress(b"".join(body for name, body in chunks if name == b"IDAT"))
    return width, height, _CHANNELS[kind], _unfiltered(raw, width * _CHANNELS[kind], _CHANNELS[kind])


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += length + 12


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _unfiltered(raw: bytes, stride: int, step: int) -> bytes:
    """Undoes the filter of each line (PNG, section 9)."""
    done, above = bytearray(), bytearray(stride)
    for at in range(0, len(raw), stride + 1):
        line = bytearray(raw[at + 1 : at + 1 + stride])
        _undo(raw[at], line, above, step)
        done += line
        above = line
    return bytes(done)


def _undo(how: int, line: bytearray, above: bytearray, step: int) -> None:
    for place in range(len(line)) if how else ():
        left = line[place - step] if place >= step else 0
        corner = above[place - step] if place >= step else 0
        guess = (0, left, above[place], (left + above[place]) // 2, _paeth(left, above[place], corner))[how]
        line[place] = (line[place] + guess) & 0xFF


def _paeth(left: int, above: int, corner: int) -> int:
    guess = left + above - corner
    return min((left, above, corner), key=lambda one: abs(guess - one))
