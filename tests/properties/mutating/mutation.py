"""Every mutant of a module: one small change of its syntax tree, each with a name that survives moved lines.

The changes are those that mutmut and cosmic-ray make. Not changed: docstrings, annotations, decorators, the lines of a
log, and patterns of `match`.
"""

import ast
import copy
import hashlib
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

_COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.Div,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.BitXor: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_PAIRS = (
    ("max", "min"),
    ("any", "all"),
    ("partition", "rpartition"),
    ("find", "rfind"),
    ("startswith", "endswith"),
    ("removeprefix", "removesuffix"),
    ("lstrip", "rstrip"),
    ("popleft", "pop"),
)
_NAMES = {name: other for pair in _PAIRS for name, other in (pair, pair[::-1])}
_TYPES = frozenset({"tuple", "dict", "list", "set", "frozenset", "type", "TypeAdapter", "Field"}) | frozenset(
    {"Callable", "Literal", "Annotated", "Mapping", "Sequence", "Iterable"}
)
_ANNOTATIONS = frozenset({"annotation", "returns", "decorator_list", "type_params", "bases", "pattern"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_NONE = ast.Constant(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change.

    Args:
        id: path, function, the change as text, and a number where one function has several that read alike.
        path: from the project's root.
        owner: the outermost function that the change stands in, qualified; empty outside any.
        line: of the module as it is now.
        lines: of the statement that is changed, and of the change.
        digest: of the function's text, or of what stands outside any: while it stays, so does what was found out.
    """

    id: str
    path: str
    owner: str
    line: int
    lines: frozenset[int]
    digest: str


@dataclass(frozen=True, slots=True)
class _Point:
    """Where a node hangs in its parent, and what takes its place."""

    parent: ast.AST
    field: str
    index: int | None
    node: ast.AST
    made: ast.AST
    owner: str
    scope: ast.AST
    statement: ast.stmt | None


class Module:
    """A module's tree with every mutant of it."""

    def __init__(self, root: Path, path: str) -> None:
        self.path = path
        self.file = str(root / path)
        text = (root / path).read_text()
        self._tree = ast.parse(text)
        points = list(_walk(self._tree, owner="", prefix="", scope=self._tree, statement=None))
        seen: Counter[str] = Counter()
        digests = {id(self._tree): _digest(_skeleton(text))}
        self._points: dict[str, _Point] = {}
        self.mutants: list[Mutant] = []
        for point in points:
            digest = digests.setdefault(id(point.scope), _digest(ast.unparse(point.scope)))
            name = f"{path} {point.owner or '(module)'}: {_shown(point.node)} → {_shown(point.made)}"
            seen[name] += 1
            name += f" #{seen[name]}" if seen[name] > 1 else ""
            self._points[name] = point
            lines = _lines(point)
            self.mutants.append(
                Mutant(id=name, path=path, owner=point.owner, line=min(lines), lines=lines, digest=digest)
            )

    def code(self, mutant: Mutant) -> CodeType:
        """The whole module, compiled with the change."""
        point = self._points[mutant.id]
        _put(point, copy.deepcopy(point.made))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # `is ""` and the like
                return compile(ast.fix_missing_locations(self._tree), self.file, "exec", dont_inherit=True)
        finally:
            _put(point, point.node)


def _put(point: _Point, node: ast.AST) -> None:
    if point.index is None:
        setattr(point.parent, point.field, node)
    else:
        getattr(point.parent, point.field)[point.index] = node


def _lines(point: _Point) -> frozenset[int]:
    """Where the change can be seen to run: some of these lines have no code of their own."""
    found = set[int]()
    for node in (point.node, point.statement):
        if isinstance(node, ast.stmt | ast.expr):
            last = node.lineno if hasattr(node, "body") and isinstance(node, ast.stmt) else node.end_lineno
            found.update(range(node.lineno, (last or node.lineno) + 1))
    return frozenset(found)


def _skeleton(text: str) -> str:
    """A module without what its functions do: what a mutant outside any depends on, as far as can be told."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [ast.Pass()]
    return ast.unparse(ast.fix_missing_locations(tree))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _shown(node: ast.AST) -> str:
    text = type(node).__name__ if isinstance(node, ast.cmpop | ast.operator) else ast.unparse(node)
    text = " ".join(text.split())
    return text if len(text) <= 110 else f"{text[:80]}…{text[-29:]}"


def _walk(parent: ast.AST, *, owner: str, prefix: str, scope: ast.AST, statement: ast.stmt | None) -> Iterator[_Point]:
    """Every point below a node, in the order of the text. `owner` is the outermost function, once inside one."""
    for name, value in ast.iter_fields(parent):
        if name in _ANNOTATIONS or _is_left_out(parent, name):
            continue
        for index, node in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(node, ast.AST) or _is_docstring(parent, name, index, node) or _is_logged(node):
                continue
            inside = not owner and isinstance(parent, _FUNCTIONS) and name == "body"
            now, around = (prefix.removesuffix("."), parent) if inside else (owner, scope)
            inner = node if isinstance(node, ast.stmt) else statement
            for made in _changes(node, parent, name):
                if not hasattr(made, "lineno"):
                    ast.copy_location(made, node)
                yield _Point(parent, name, index if isinstance(value, list) else None, node, made, now, around, inner)
            named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not now
            below = f"{prefix}{node.name}." if named else prefix  # type: ignore[attr-defined]  # named ones have it
            yield from _walk(node, owner=now, prefix=below, scope=around, statement=inner)


def _is_left_out(parent: ast.AST, name: str) -> bool:
    """Types written as expressions, format specifications, and what only a checker reads."""
    if isinstance(parent, ast.Subscript) and name == "slice":
        return isinstance(parent.value, ast.Name) and parent.value.id in _TYPES
    if isinstance(parent, ast.FormattedValue):
        return name == "format_spec"
    return isinstance(parent, ast.ExceptHandler) and name == "type"


def _is_docstring(parent: ast.AST, name: str, index: int, node: ast.AST) -> bool:
    holds = isinstance(parent, (ast.Module, ast.ClassDef, *_FUNCTIONS)) and name == "body" and index == 0
    return holds and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_logged(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and ast.unparse(node).startswith("_log.")


def _changes(node: ast.AST, parent: ast.AST, name: str) -> Iterator[ast.AST]:
    """What may stand in a node's place."""
    if isinstance(node, ast.stmt):
        yield from _statements(node)
    elif isinstance(node, ast.expr):
        yield from _expressions(node, parent)
        if name in {"args", "value"} and isinstance(parent, ast.Call | ast.keyword) and not _is_constant(node):
            yield _NONE
        if name in {"test", "ifs"} and not isinstance(node, ast.Compare | ast.BoolOp | ast.UnaryOp):
            yield ast.UnaryOp(ast.Not(), node)
        if name == "body" and isinstance(parent, ast.Lambda):
            yield _NONE


def _is_constant(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant | ast.JoinedStr | ast.Starred)


def _statements(node: ast.stmt) -> Iterator[ast.stmt]:
    match node:
        case ast.Expr(value=ast.Call() | ast.Await()) | ast.Raise():
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]) | ast.AugAssign(target=ast.Attribute()):
            yield ast.Pass()
        case ast.Assign(targets=[ast.Name()], value=value) if not _is_constant(value):
            yield ast.Assign(node.targets, _NONE)
        case ast.Return(value=ast.expr() as value) if not _is_constant(value):
            yield ast.Return(_NONE)
        case ast.Continue():
            yield ast.Break()
        case ast.Break():
            yield ast.Continue()
    if isinstance(node, ast.AugAssign):
        yield ast.AugAssign(node.target, _COMPUTED[type(node.op)](), node.value)


def _expressions(node: ast.expr, parent: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.Compare(left=left, ops=ops, comparators=others):
            for place, was in enumerate(ops):
                for op in _COMPARED[type(was)]:
                    yield ast.Compare(left, [*ops[:place], op(), *ops[place + 1 :]], others)
        case ast.BoolOp(op=op, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            for place in range(len(values)):
                left_over = [*values[:place], *values[place + 1 :]]
                yield ast.BoolOp(op, left_over) if len(left_over) > 1 else left_over[0]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _COMPUTED:
            yield ast.BinOp(left, _COMPUTED[type(op)](), right)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield ast.IfExp(test, orelse, body)
        case _:
            yield from _leaves(node, parent)


def _leaves(node: ast.expr, parent: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.Name(id=name) if name in _NAMES and isinstance(parent, ast.Call) and parent.func is node:
            yield ast.Name(_NAMES[name], ast.Load())
        case ast.Attribute(value=value, attr=name) if name in _NAMES and isinstance(parent, ast.Call):
            yield ast.Attribute(value, _NAMES[name], ast.Load())
        case ast.JoinedStr(values=values):
            yield from _told(values)
        case ast.Constant(value=None) if isinstance(parent, ast.Compare | ast.Return):
            pass  # the comparison itself is changed, and the types forbid to return anything else
        case ast.Constant(value=value) if not isinstance(parent, ast.JoinedStr):
            yield from _constants(value)


def _told(values: list[ast.expr]) -> Iterator[ast.expr]:
    """An f-string with its first piece of text changed."""
    for place, piece in enumerate(values):
        if isinstance(piece, ast.Constant):
            yield ast.JoinedStr([*values[:place], ast.Constant(f"XX{piece.value!s}XX"), *values[place + 1 :]])
            return


def _constants(value: object) -> Iterator[ast.expr]:
    match value:
        case bool():
            yield ast.Constant(not value)
        case int() | float():
            yield ast.Constant(value + 1)
        case str():
            yield ast.Constant(f"XX{value}XX")
        case bytes():
            yield ast.Constant(b"XX" + value + b"XX")
        case None:
            yield ast.Constant("")
