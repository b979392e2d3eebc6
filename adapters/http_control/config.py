"""The settings of a control endpoint and of its canary."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr
from yarl import URL

from adapters.base import Config


def _http_url(url: str) -> str:
    parts = URL(url)
    if parts.scheme not in {"http", "https"} or not parts.host:
        raise ValueError("an http_control url starts with http:// or https:// and names a host")
    return url


HttpUrl = Annotated[str, AfterValidator(_http_url)]


class HttpControlConfig(Config):
    """The receiver's address and the secret that it shares with the bot."""

    url: HttpUrl = Field(description="address of the control endpoint, which answers POST and GET")
    secret: SecretStr = Field(min_length=1, description="what the receiver checks signatures with")
    signed_answers: Literal["optional", "required"] = Field(
        default="optional", description="required: an answer that the receiver did not sign counts for nothing"
    )
    parks: bool = Field(
        default=False, description="the receiver keeps for a person what draft_only and approval_gated hold back"
    )


class HttpControlCanary(Config):
    """A harmless call as the agent would make it. With a method that only reads, it proves a full stop alone."""

    url: HttpUrl = Field(description="address that the agent calls")
    method: Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"] = Field(
        default="GET", description="of the call; one that only reads proves a full stop alone"
    )
    headers: Mapping[str, SecretStr] = Field(default_factory=dict, description="with the agent's own credential")
