"""A package with one adapter of somebody's own, which passes the conformance kit before anything is changed in it."""

import keyword
import re
from collections.abc import Collection
from importlib.resources import files
from pathlib import Path

FILES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "agent_kill_NAME.py": "adapter.py",
    "tests/test_NAME.py": "test.py",
}
_NAME = re.compile(r"[a-z][a-z0-9_]{1,40}")


class TemplateError(Exception):
    """Nothing was made; the text says why and what to do."""


def written(name: str, into: Path, *, taken: Collection[str]) -> Path:
    """Writes the package into a new folder of `into` and returns that.

    Raises:
        TemplateError: the name is none, is taken, or the folder is there or cannot be written.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise TemplateError(f"{name!r} is no name of a kind: use small letters, digits and _, as in memcached_acl")
    if name in taken:
        raise TemplateError(f"there is an adapter {name!r} already: choose another name, for the power that it takes")
    folder = into / f"agent-kill-{name.replace('_', '-')}"
    try:
        folder.mkdir(parents=True)
        (folder / "tests").mkdir()
        for path, source in FILES.items():
            (folder / path.replace("NAME", name)).write_text(_filled(source, name), encoding="utf-8")
    except FileExistsError:
        raise TemplateError(f"{folder} is there already: remove it, or choose another folder with --into") from None
    except OSError as error:
        raise TemplateError(f"{folder} could not be written ({error.strerror}): choose another with --into") from error
    return folder


def _filled(source: str, name: str) -> str:
    text = files("adapters").joinpath("conformance", "template", f"{source}.j2").read_text(encoding="utf-8")
    return text.replace("CLASS", "".join(part.title() for part in name.split("_"))).replace("NAME", name)
