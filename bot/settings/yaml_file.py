"""Bytes -> tree of nodes with lines. Bounded in size, depth and number of nodes; refuses what is ambiguous.

The tree is composed from PyYAML's event stream and not by its composer, so that the bounds hold while reading: an
alias counts as much as what it stands for ("billion laughs"), and nesting never reaches a recursive parser.
Plain values are read as YAML 1.2 does (only true, false, null and numbers are not text): `no` and `10:30` stay text.
"""

import re
from collections.abc import Iterator

import yaml

from bot.settings.findings import shown
from bot.settings.nodes import Entry, Mapping, Node, Plain, Scalar, Sequence

MAX_BYTES = 4 * 1024 * 1024
MAX_NODES = 500_000
MAX_DEPTH = 40

_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS: dict[str, Plain] = {"": None, "~": None, "null": None, "true": True, "false": False}
_WORDS |= {word.capitalize(): value for word, value in _WORDS.items()}
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
_PLAIN_TAGS = {None, "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}


class YamlError(Exception):
    """The text is not a file that can be read. `line` counts from 1."""

    def __init__(self, line: int, message: str, hint: str) -> None:
        super().__init__(message)
        self.line, self.message, self.hint = line, message, hint


def decode(raw: bytes) -> tuple[str, bool]:
    """Returns the text and whether it began with a byte order mark.

    Raises:
        YamlError: too large, not UTF-8, or with a character that no text has.
    """
    if len(raw) > MAX_BYTES:
        limit = MAX_BYTES // 1024 // 1024
        raise YamlError(
            1, f"the file is larger than {limit} MiB", "is this the right file? remove what does not belong"
        )
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise YamlError(1, "the file is saved as UTF-16", "save it as UTF-8 without a byte order mark")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise YamlError(line, f"byte 0x{raw[error.start]:02x} is not UTF-8", "save the file as UTF-8") from None
    return text.removeprefix("\ufeff"), text.startswith("\ufeff")


def parse(text: str) -> Mapping:
    """Returns the file's one mapping.

    Raises:
        YamlError: anything that keeps the whole text from being read, with its line.
    """
    if "\x00" in text:
        raise YamlError(_line(text, "\x00"), "the file holds a NUL byte", "it is damaged or not text: restore it")
    if not text.strip():
        raise YamlError(1, "the file is empty", "write at least `agents:`; `agent-kill schema` describes the file")
    root = _Tree(text).root()
    if not isinstance(root, Mapping):
        raise YamlError(root.line, "the file is not a list of `key: value` lines", "start it with `agents:`")
    return root


def _line(text: str, needle: str) -> int:
    return text.count("\n", 0, text.index(needle)) + 1


def _events(text: str) -> Iterator[yaml.Event]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        raise _broken(text, error) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, max(0, error.position)) + 1
        raise YamlError(line, "the file holds a control character", "remove it") from None


def _broken(text: str, error: yaml.MarkedYAMLError) -> YamlError:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    lines = text.splitlines()
    at = lines[line - 1] if line <= len(lines) else ""
    if "\t" in at[: len(at) - len(at.lstrip())]:
        return YamlError(line, "the line is indented with a tab", "indent with spaces")
    hint = "check the indentation, the colons and the quotes of this line and the one above"
    return YamlError(line, f"this is not YAML: {error.problem or 'it cannot be read'}", hint)


class _Tree:
    """Builds the tree of one text from its events; a stack stands for what is open."""

    def __init__(self, text: str) -> None:
        self._events = _events(text)
        self._open: list[tuple[Node, str | None]] = []  # each with its anchor
        self._tags: list[str | None] = []
        self._keys: list[Scalar | None] = []  # the key that waits for its value, per open node
        self._anchors: dict[str, Node] = {}
        self._root: Node | None = None

    def root(self) -> Node:
        documents = 0
        for event in self._events:
            documents += isinstance(event, yaml.DocumentStartEvent)
            if documents > 1:
                raise YamlError(_at(event), "a second document starts here", "keep one document: remove the `---`")
            self._take(event)
        if self._root is None:
            raise YamlError(1, "the file holds only comments", "write at least `agents:`")
        return self._root

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._close(_scalar(event), event.anchor, _at(event))
        elif isinstance(event, yaml.AliasEvent):
            self._close(self._aliased(event), None, _at(event))
        elif isinstance(event, yaml.CollectionStartEvent):
            self._start(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()

    def _start(self, event: yaml.CollectionStartEvent) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise _too_deep(_at(event))
        mapping = isinstance(event, yaml.MappingStartEvent)
        key = self._keys[-1] if self._keys else None
        line = key.line if key else _at(event)  # what is missing in it is reported where its own key stands
        node: Node = Mapping(line=line) if mapping else Sequence(line=line)
        self._open.append((node, event.anchor))
        self._tags.append(event.tag)
        self._keys.append(None)
        self._anchors.pop(event.anchor or "", None)

    def _end(self) -> None:
        self._keys.pop()
        node, anchor = self._open.pop()
        tag = self._tags.pop()
        if isinstance(node, Mapping):
            node.settle()
        self._close(_tagged(node.line, tag) if tag not in _PLAIN_TAGS else node, anchor, node.line)

    def _aliased(self, event: yaml.AliasEvent) -> Node:
        if event.anchor in self._anchors:
            return self._anchors[event.anchor]
        if any(anchor == event.anchor for _, anchor in self._open):
            raise YamlError(_at(event), f"*{event.anchor} stands inside what it names", "write it out")
        fault = (f"*{event.anchor} names nothing", f"mark what is meant with &{event.anchor} above")
        return Scalar(line=_at(event), text="", value="", fault=fault)

    def _close(self, node: Node, anchor: str | None, line: int) -> None:
        """A node is complete: give it to what it stands in. `line` is where it is used."""
        if anchor:
            self._anchors[anchor] = node
        if not self._open:
            self._root = node
            return
        parent, _ = self._open[-1]
        parent.size += node.size
        parent.depth = max(parent.depth, node.depth + 1)
        if parent.size > MAX_NODES:
            raise YamlError(line, f"the file grows to more than {MAX_NODES} values", "remove repeated aliases")
        if parent.depth > MAX_DEPTH:
            raise _too_deep(line)
        if isinstance(parent, Mapping):
            self._pair(parent, node)
        elif isinstance(parent, Sequence):
            parent.items.append(node)

    def _pair(self, parent: Mapping, node: Node) -> None:
        key = self._keys[-1]
        if key is None:
            self._keys[-1] = node if isinstance(node, Scalar) else Scalar(line=node.line, text="?", value="?")
            return
        self._keys[-1] = None
        sources = _merged(node) if key.text == "<<" else None
        if sources is None:  # also where `<<` names nothing to merge: then it is a key that nobody knows
            parent.entries.append(Entry(line=key.line, key=key.text, node=node))
        for source in sources or ():
            parent.merged.extend(source.entries)


def _merged(node: Node) -> list[Mapping] | None:
    sources = node.items if isinstance(node, Sequence) else [node]
    mappings = [source for source in sources if isinstance(source, Mapping)]
    return mappings if len(mappings) == len(sources) else None


def _too_deep(line: int) -> YamlError:
    return YamlError(line, f"the file is nested deeper than {MAX_DEPTH} levels", "no key of it needs more than 8")


def _at(event: yaml.Event) -> int:
    return int(event.start_mark.line) + 1 if event.start_mark else 1


def _scalar(event: yaml.ScalarEvent) -> Scalar:
    if event.tag not in _PLAIN_TAGS:
        return _tagged(_at(event), event.tag)
    plain = event.implicit[0] and event.tag is None
    return Scalar(line=_at(event), text=event.value, value=_meaning(event.value) if plain else event.value)


def _tagged(line: int, tag: str | None) -> Scalar:
    return Scalar(line=line, text="", value="", fault=(f"the tag {shown(str(tag))} is not accepted", "remove it"))


def _meaning(text: str) -> Plain:
    if text in _WORDS:
        return _WORDS[text]
    if text in {"NULL", "TRUE", "FALSE"}:
        return _WORDS[text.lower()]
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
