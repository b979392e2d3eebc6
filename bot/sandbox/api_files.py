"""files.getUploadURLExternal and files.completeUploadExternal, with the upload between them."""

from typing import Any

from bot.sandbox.api_chat import writable
from bot.sandbox.arguments import Arguments
from bot.sandbox.desk import Desk
from bot.sandbox.errors import SlackError, bad_arguments
from bot.sandbox.files import UploadedFile
from bot.sandbox.messages import Json, Message

ALT_TEXT = 1000


def get_upload_url(desk: Desk, args: Arguments) -> Json:
    """files.getUploadURLExternal."""
    length = args.whole("length", 0)
    if length <= 0:
        raise bad_arguments("must be greater than 0 [json-pointer:/length]")
    if len(args.text("alt_txt")) > ALT_TEXT:
        raise SlackError("alt_txt_too_large")
    ids = desk.workspace.ids
    file = UploadedFile(ids.next("F"), args.text("filename"), length, ids.secret())
    desk.workspace.files[file.id] = file
    return {"ok": True, "upload_url": f"http://{desk.host}/upload/v1/{file.ticket}", "file_id": file.id}


def receive(desk: Desk, ticket: str, content: bytes) -> tuple[int, str]:
    """Takes the bytes of a file at its upload address.

    Returns:
        HTTP status and body.
    """
    file = next((f for f in desk.workspace.files.values() if f.ticket == ticket and not f.completed), None)
    if file is None:
        return 404, "unknown upload address"
    if len(content) != file.length:
        desk.workspace.violate(f"upload of {file.name}: {len(content)} bytes were sent, {file.length} were announced")
        return 400, f"expected {file.length} bytes, got {len(content)}"
    file.content = content
    return 200, f"OK - {len(content)}"


def complete_upload(desk: Desk, args: Arguments) -> Json:
    """files.completeUploadExternal; shares the files in one message when a channel is named."""
    files = [_uploaded(desk, entry) for entry in args.objects("files", "invalid_arguments") or []]
    if not files:
        raise bad_arguments("no fewer than 1 items allowed [json-pointer:/files]")
    keys = [k for k in (args.text("channel_id") or args.text("channels")).split(",") if k]
    if len(keys) > 1 and args.text("thread_ts"):
        raise SlackError("invalid_channel")
    for key in keys:
        _share(desk, args, files, key)
    for file in files:
        file.completed = True
    return {"ok": True, "files": [file.as_json(desk.workspace.app.domain) for file in files]}


def _uploaded(desk: Desk, entry: Json) -> UploadedFile:
    file = desk.workspace.files.get(str(entry.get("id")))
    if file is None or file.completed:
        raise SlackError("file_not_found")
    if file.content is None:
        raise SlackError("file_update_failed")
    file.title = entry.get("title") or file.name
    return file


def _share(desk: Desk, args: Arguments, files: list[UploadedFile], key: str) -> None:
    channel = desk.visible_channel(key)
    writable(desk, channel)
    message = Message(
        desk.workspace.next_ts(),
        channel.id,
        desk.workspace.app.bot_user,
        args.text("initial_comment"),
        thread_ts=desk.thread(channel, args),
        bot_id=desk.workspace.app.bot_id,
        files=[file.as_json(desk.workspace.app.domain) for file in files],
    )
    desk.workspace.post(message)
    for file in files:
        file.shared_in.append((channel.id, message.ts))


HANDLERS: dict[str, Any] = {
    "files.getUploadURLExternal": get_upload_url,
    "files.completeUploadExternal": complete_upload,
}
