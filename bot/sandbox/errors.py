"""What Slack answers instead of the thing that was asked."""

from typing import Any

# Answers that only a mistake in the calling program brings about; the others come from circumstances (a channel was
# archived, a message was deleted, Slack is busy) and a correct program meets them too.
PROGRAMMING_ERRORS = frozenset(
    {
        "bad_timestamp",
        "invalid_arguments",
        "invalid_array_arg",
        "invalid_auth",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_form_data",
        "invalid_json",
        "invalid_metadata_format",
        "invalid_name",
        "invalid_payload",
        "invalid_post_type",
        "invalid_thread_ts",
        "invalid_trigger_id",
        "json_not_object",
        "markdown_text_conflict",
        "missing_argument",
        "missing_post_type",
        "missing_scope",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_item_specified",
        "no_text",
        "not_allowed_token_type",
        "not_authed",
        "too_many_attachments",
        "unknown_method",
        "users_list_not_supplied",
        "view_too_large",
    }
)


class SlackError(Exception):
    """An answer with `ok: false`.

    Args:
        code: Slack's error code, such as `channel_not_found`.
        extra: further fields of the answer, such as `needed` and `provided`.
    """

    def __init__(self, code: str, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.extra = extra

    def answer(self) -> dict[str, Any]:
        """The body that Slack would send."""
        return {"ok": False, "error": self.code, **self.extra}


def bad_arguments(*messages: str) -> SlackError:
    """The general complaint about arguments, with Slack's `[ERROR] …` lines."""
    return SlackError("invalid_arguments", response_metadata={"messages": [f"[ERROR] {line}" for line in messages]})
