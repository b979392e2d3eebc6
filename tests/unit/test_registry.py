"""Does every kind of adapter declare itself whole, and does none of them keep another from loading?"""

import json
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel, SecretStr

from adapters import registry
from adapters.base import Config, Mode, Shared, SurfaceClass
from adapters.base.parked import Parked
from adapters.registry import GROUP, BrokenKind, Registry, UnknownKind
from bot.settings import load_text
from tests.contract.nats_server import example as nats_secret
from tests.unit.settings.fakes import Blank, Memory, Role, RoleConfig

ROOT = Path(__file__).parents[2]
KINDS = registry.kinds()
SECTIONS = (
    "What each mode does",
    "Work in flight",
    "The least that the bot needs",
    "What it cannot do",
    "By hand at 3 a.m.",
    "Tested on",
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_declares_itself_whole(kind: str) -> None:
    """Modes, classes, permissions and reversal are there, and are what the contract allows."""
    adapter = registry.adapter_class(kind)
    assert adapter.kind == kind
    assert adapter.modes
    assert adapter.modes <= set(Mode) - {Mode.NORMAL}
    assert adapter.classes
    assert adapter.classes <= set(SurfaceClass)
    assert all(text.strip() for text in adapter.permissions)
    assert adapter.reversal in ("exact", "work_lost")
    assert adapter.attests in ("catalogue", "self")
    middle = adapter.modes & {Mode.APPROVAL_GATED, Mode.DRAFT_ONLY}
    advice = adapter.attests == "self" and adapter.canary_type is None
    assert issubclass(adapter, Parked) or not middle or advice, "a middle mode that parks nothing"


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_describes_every_setting(kind: str) -> None:
    """Every setting and canary field has a description: it is what `adapters show` and editors print."""
    settings = registry.describe(kind)["settings"]
    assert isinstance(settings, list)
    assert [field["name"] for field in settings if not field["description"]] == []


def test_the_settings_inside_a_part_are_described_too() -> None:
    """A part of its own, single or as a list, is followed by its fields, in words that people read."""
    settings = registry.describe("haproxy_gateway")["settings"]
    assert isinstance(settings, list)
    types = {field["name"]: field["type"] for field in settings}
    assert (types["nodes"], types["nodes.socket"], types["nodes.file"]) == ("list of section", "str", "path")
    assert types["reads"] == "list of GET | HEAD | OPTIONS | TRACE"


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_refuses_unknown_keys(kind: str) -> None:
    """A typing error in a setting is an error: the models are strict about keys, and frozen."""
    adapter = registry.adapter_class(kind)
    models = [model for model in (adapter.config_type, adapter.canary_type) if model]
    assert [model.__name__ for model in models if model.model_config.get("extra") != "forbid"] == []
    assert [model.__name__ for model in models if not model.model_config.get("frozen")] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_described_as_the_contract_says(kind: str) -> None:
    """`adapters --json` has these keys, in plain JSON."""
    described = registry.describe(kind)
    assert set(described) == {"kind", "modes", "classes", "settings", "permissions", "reversal", "parks"}
    assert json.loads(json.dumps(described)) == described


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_a_page_with_an_example_that_loads(kind: str) -> None:
    """docs/adapters/<kind>.md exists, and a surface in its YAML loads without errors."""
    page = ROOT / "docs" / "adapters" / f"{kind}.md"
    assert page.is_file(), f"write {page.relative_to(ROOT)}"
    surfaces = [surface for block in _blocks(page.read_text()) for surface in _surfaces(block) if _of(surface, kind)]
    assert surfaces, f"show a surface with `adapter: {kind}` in a ```yaml block of {page.relative_to(ROOT)}"
    for surface in surfaces:
        surface.pop("backstop", None)
        text = yaml.safe_dump({"policy": {"stop": {"users": ["U0A"]}}, "agents": {"a": {"surfaces": {"s": surface}}}})
        assert load_text(text, file=page.name, environ=_Anything()).errors == ()


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_says_what_is_asked_at_three_in_the_morning(kind: str) -> None:
    """Each page has the same sections, names every mode, setting and privilege, and says that a hand ends no hold."""
    page = (ROOT / "docs" / "adapters" / f"{kind}.md").read_text()
    assert [title for title in SECTIONS if f"\n## {title}\n" not in page] == []
    by_hand = page.partition("## By hand at 3 a.m.")[2].partition("\n## ")[0]
    assert "hold" in by_hand
    assert "/agent-restore" in by_hand
    adapter = registry.adapter_class(kind)
    settings = [name for model in (adapter.config_type, adapter.canary_type) if model for name in model.model_fields]
    assert [name for name in settings if f"`{name}`" not in page and f"{name}:" not in page] == []
    assert [str(mode) for mode in set(Mode) - {Mode.NORMAL} if f"`{mode}`" not in page and str(mode) not in page] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_a_manual(kind: str) -> None:
    """A technique for every mode that it declares and for no other, and a set-up with its undo."""
    manual, adapter = registry.manual(kind), registry.adapter_class(kind)
    assert manual, f"give the class of {kind} a `manual`"
    assert set(manual.techniques) == adapter.modes
    assert all(len(text.split()) > 3 for text in (*manual.techniques.values(), manual.in_flight))
    assert manual.setup.strip()
    assert manual.undo.strip()
    assert manual.docs == f"docs/adapters/{kind}.md"


def test_what_the_page_of_redis_asks_for_is_what_the_set_up_gives() -> None:
    """The rights are written down once for the machine and once for people, and are the same."""
    manual = registry.manual("redis_acl")
    page = (ROOT / "docs" / "adapters" / "redis_acl.md").read_text()
    assert manual
    names = {"password": "CHANGE-ME", "queue": "jobs*", "draft_prefix": "draft:", "proposed": "orders:*"}
    for line in (line for line in manual.setup.splitlines() if line.startswith("ACL SETUSER")):
        text = line
        for name, real in (names | {"agent": "billing_agent"}).items():
            text = text.replace(f"<{name}>", real)
        assert text in page


class _Anything(dict[str, str]):
    """An environment in which every variable is set to an address that any client library parses."""

    def get(self, key: str, default: object = None) -> str:
        del default
        if key.startswith("NATS_"):
            return nats_secret(key)
        if key.startswith("MQ_"):
            return "amqp://user:word-from-mq@127.0.0.1:9/0"
        scheme = "redis" if any(word in key for word in ("REDIS", "VALKEY", "SESSIONS", "JOBS")) else "postgresql"
        scheme = "http" if "URL" in key and scheme != "redis" else scheme
        return f"{scheme}://user:word-from-{key.lower().replace('_', '-')}@127.0.0.1:9/0"


def _blocks(page: str) -> list[object]:
    return [yaml.safe_load(part.partition("```")[0]) for part in page.split("```yaml\n")[1:]]


def _surfaces(node: object) -> list[dict[str, object]]:
    if isinstance(node, dict):
        below = [found for value in node.values() for found in _surfaces(value)]
        return [node, *below] if "adapter" in node else below
    return []


def _of(surface: dict[str, object], kind: str) -> bool:
    return surface["adapter"] == kind


def test_listing_kinds_imports_none() -> None:
    """The registry loads a client library when its kind is asked for, and not before."""
    program = (
        "import sys; from adapters import registry; print(registry.kinds());"
        "print(sorted(name for name in sys.modules if name.startswith(('asyncpg', 'redis', 'adapters.'))))"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    kinds, modules = ran.stdout.splitlines()
    assert kinds == repr(KINDS)
    assert modules == "['adapters.base', 'adapters.base.parked', 'adapters.registry']"


def test_an_unknown_kind_names_the_known_ones() -> None:
    """The error says what there is, and what was probably meant."""
    with pytest.raises(UnknownKind) as caught:
        Registry.of(Role, Memory).adapter_class("postgres_rol")
    assert str(caught.value) == (
        "there is no adapter 'postgres_rol'; did you mean postgres_role? known: memory, postgres_role"
    )


def test_a_package_cannot_replace_a_built_in_kind() -> None:
    """An entry point with a built-in name is left out and told."""
    found = Registry.installed([EntryPoint("memory", "tests.unit.settings.fakes:Role", GROUP)])
    assert found.adapter_class("memory").__module__.startswith("adapters.memory")
    assert "is not replaced" in found.problems[0]


def test_two_packages_with_one_kind_are_told() -> None:
    """The first one stays, the second is named."""
    points = [EntryPoint("own", f"tests.unit.settings.fakes:{name}", GROUP) for name in ("Role", "Memory")]
    assert "another package's adapter" in Registry.installed(points).problems[0]


def test_a_package_brings_a_kind() -> None:
    """An entry point is loaded when its kind is asked for, and built as the contract says."""
    found = Registry({"own": EntryPoint("own", "tests.unit.test_registry:Own", GROUP).load})
    config = RoleConfig(dsn=SecretStr("db://x"), role="r")
    built = found.build("own", config=config, canary=None, shared=Shared())
    assert built.target_key() == "blank:r"


class Own(Role):
    """An adapter that another package brings."""

    kind = "own"


class Half:
    """A class that keeps no contract."""

    kind = "half"


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        ("gone", "no_such_package:Adapter", "ModuleNotFoundError"),
        ("half", "tests.unit.test_registry:Half", "its class lacks modes"),
        ("alias", "tests.unit.test_registry:Own", "says that its kind is 'own'"),
    ],
)
def test_a_broken_package_breaks_its_own_kind_alone(kind: str, value: str, why: str) -> None:
    """What cannot be loaded is told with the reason; the other kinds work, and the registry still lists it."""
    found = Registry.installed([EntryPoint(kind, value, GROUP)])
    assert kind in found.kinds()
    with pytest.raises(BrokenKind, match=why):
        found.adapter_class(kind)
    assert found.adapter_class("memory")


def test_settings_are_described_by_their_types() -> None:
    """Secrets are called secret, optional settings show their default, and the canary's fields are marked."""

    class Settings(Config):
        """Settings of all sorts."""

        token: SecretStr | None = None
        many: tuple[str, ...] = ("a",)

    class Sorted(Blank):
        """An adapter with settings of all sorts."""

        kind = "sorted"
        modes = frozenset({Mode.READ_ONLY, Mode.FULL_STOP})
        classes = frozenset({SurfaceClass.API})
        config_type: type[BaseModel] = Settings
        canary_type = Settings

    described = Registry.of(Sorted).describe("sorted")  # type: ignore[arg-type]  # its config_type is only wider
    assert described["modes"] == ["read_only", "full_stop"]
    rows = described["settings"]
    assert isinstance(rows, list)
    assert [(row["name"], row["in"], row["type"], row["required"], row["default"]) for row in rows[:2]] == [
        ("token", "settings", "secret", False, None),
        ("many", "settings", "tuple[str, ...]", False, "('a',)"),
    ]
    assert rows[2]["in"] == "canary"
