"""Does a surface that misbehaves cost the others anything, and is nothing claimed of it that is not proven?"""

import asyncio
import datetime as dt
import ipaddress
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.faults.conftest import Make
from tests.faults.estate import Estate

HEALTHY = ("mail", "pay")
SICK = "crm"
SOON = 0.6  # seconds
FAULTS = {
    "hangs": "hang",
    "refuses": "403 no",
    "errors": "500 broken",
    "is overrun": "429 later",
    "garbage": "200 %%% not json",
    "garbage without end": "endless",
    "breaks off": "drop",
    "claims another mode": '200 {"mode": "read_only"}',
    "claims no mode": '200 {"mode": null, "in_flight": -1}',
}


async def outcome(estate: Estate, surface: str) -> dict[str, Any]:
    """What the bot says of a surface."""
    rows = (await estate.status(estate.started[-1]))["surfaces"]
    found: dict[str, Any] = next(row for row in rows if row["surface"] == f"desk/{surface}")
    return found


async def becomes(estate: Estate, surface: str, *outcomes: str, within: float = 6.0) -> None:
    """Waits until the bot says one of these of a surface."""
    end = time.monotonic() + within
    while (row := await outcome(estate, surface))["outcome"] not in outcomes:
        assert time.monotonic() < end, row
        await asyncio.sleep(0.02)


async def healthy_ones_are_cut(estate: Estate) -> None:
    """Stops everything; the healthy surfaces are cut and proven as if nothing were."""
    port = await estate.port(await estate.serve())
    assert (await estate.post_stop(port))["recorded"]
    await estate.all_cut(*HEALTHY, within=SOON)
    for surface in HEALTHY:
        await becomes(estate, surface, "verified", within=2)


@pytest.mark.parametrize("kind", FAULTS)
async def test_a_sick_surface_is_alone_with_it_until_it_comes_back(make: Make, kind: str) -> None:
    """F42 F43 F44 F45 F49, P1 P3: the others are cut; it is not called cut; mended, it is cut and proven."""
    estate = make(deadline="1s")
    await estate.tell(SICK, "fault", FAULTS[kind])

    await healthy_ones_are_cut(estate)

    await becomes(estate, SICK, "unknown", "failed", within=4)
    await estate.tell(SICK, "fault", "")
    await estate.all_cut(SICK, within=25)
    await becomes(estate, SICK, "verified", within=4)


async def test_a_surface_that_lies_is_found_out(make: Make) -> None:
    """F46 F47, P3: it says that it stopped and goes on; the agent's credential still works, so nothing is claimed."""
    estate = make(deadline="1s")
    await estate.tell(SICK, "fault", '200 {"mode": "full_stop", "ended": 0, "in_flight": 0}')

    await healthy_ones_are_cut(estate)

    await becomes(estate, SICK, "failed", "unknown", within=4)
    assert (await outcome(estate, SICK))["attempt"] == "allowed"
    assert await estate.modes(SICK) == ["normal"]


async def test_a_surface_that_flaps_is_cut_each_time(make: Make) -> None:
    """F45 F50, P1: brought back twice, it is cut again within a period each time."""
    estate = make()
    await healthy_ones_are_cut(estate)
    await estate.all_cut(within=SOON)
    for _ in range(2):
        await estate.tell(SICK, "set", '{"mode": "normal"}')
        await estate.all_cut(SICK, within=7)


@pytest.mark.parametrize("url", ["http://no-such-host.invalid/control", "http://127.0.0.1:1/control"])
async def test_a_name_that_cannot_be_resolved_or_reached(make: Make, url: str) -> None:
    """F54 F55, P1 P3: neither DNS nor a refused connection delays the others; the surface is not called cut."""
    estate = make(deadline="1s")
    agents = estate.agents()
    agents["desk"]["surfaces"][SICK]["settings"]["url"] = url
    estate.configure(agents)

    await healthy_ones_are_cut(estate)

    await becomes(estate, SICK, "unknown", "failed", "quarantined", within=4)


@pytest.mark.parametrize("trouble", ["expired", "wrong name", "unknown issuer"])
async def test_a_certificate_that_is_wrong_is_never_trusted(make: Make, tmp_path: Path, trouble: str) -> None:
    """F57, P1 P3: no call reaches a server with a wrong certificate, and the others are cut all the same."""
    authority, key = issued("authority")
    name = "127.0.0.2" if trouble == "wrong name" else "127.0.0.1"
    certificate, own = issued(name, by=(authority, key), expired=trouble == "expired")
    trusted = issued("somebody else")[0] if trouble == "unknown issuer" else authority
    (tmp_path / "ca.pem").write_bytes(trusted.public_bytes(serialization.Encoding.PEM))
    estate = make(deadline="1s", environ={"SSL_CERT_FILE": str(tmp_path / "ca.pem")})
    async with tls_server(tmp_path, certificate, own) as (port, heard):
        agents = estate.agents()
        agents["desk"]["surfaces"][SICK]["settings"]["url"] = f"https://127.0.0.1:{port}/control"
        estate.configure(agents)

        await healthy_ones_are_cut(estate)

        await becomes(estate, SICK, "unknown", "failed", within=4)
        assert "ertificate" in (await outcome(estate, SICK))["detail"] or "TLS" in str(await outcome(estate, SICK))
        assert heard == []


async def test_a_right_certificate_is_trusted(make: Make, tmp_path: Path) -> None:
    """F57: the counter-test, without which the one above could pass for any reason."""
    authority, key = issued("authority")
    certificate, own = issued("127.0.0.1", by=(authority, key))
    (tmp_path / "ca.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    estate = make(deadline="1s", environ={"SSL_CERT_FILE": str(tmp_path / "ca.pem")})
    async with tls_server(tmp_path, certificate, own) as (port, heard):
        agents = estate.agents()
        agents["desk"]["surfaces"][SICK]["settings"]["url"] = f"https://127.0.0.1:{port}/control"
        estate.configure(agents)

        await healthy_ones_are_cut(estate)

        end = time.monotonic() + 3
        while not heard:
            assert time.monotonic() < end
            await asyncio.sleep(0.02)


Issued = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def issued(name: str, *, by: Issued | None = None, expired: bool = False) -> Issued:
    """A certificate of a name or an address, of its own or of an authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    begin, end = (-30, -1) if expired else (-1, 30)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by[0].subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(days=begin))
        .not_valid_after(now + dt.timedelta(days=end))
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
    )
    if by:
        address = x509.IPAddress(ipaddress.ip_address(name))
        builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    return builder.sign(by[1] if by else key, hashes.SHA256()), key


@asynccontextmanager
async def tls_server(
    folder: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that notes every request that it could read, and answers nothing."""
    pem, hidden = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "server.pem").write_bytes(
        certificate.public_bytes(pem) + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, hidden)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    heard: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1000))
        writer.close()

    server = await asyncio.start_server(note, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1], heard
    server.close()
