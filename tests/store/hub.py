"""The part of the Hub's HTTP interface that a download uses, served from a folder on a loopback port."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """A running server: its address, and what has been asked of it."""

    address: str
    asked: list[str] = field(default_factory=list)


@contextmanager
def serve(
    repositories: dict[str, Path],
    gated: tuple[str, ...] = (),
    datasets: dict[str, Path] | None = None,
    cards: dict[str, Any] | None = None,
) -> Iterator[Hub]:
    """Serve folders as repositories with one commit, `main`, each.

    Args:
        repositories: folders of models by `owner/name`.
        gated: those whose files need terms to be accepted.
        datasets: folders of datasets by `owner/name`.
        cards: what the cards of some datasets say.
    """
    hub = Hub("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, with_body: bool) -> None:
            hub.asked.append(self.path)
            api = re.compile(r"/api/(models|datasets)/([\w.-]+/[\w.-]+)")
            about = re.fullmatch(api.pattern + r"(?:/revision/([^?]+))?(?:\?.*)?", self.path)
            tree = re.fullmatch(api.pattern + r"/tree/([^?]+)(?:\?.*)?", self.path)
            file = re.fullmatch(r"/(datasets/)?([\w.-]+/[\w.-]+)/resolve/([^/]+)/(.+)", self.path)
            match = about or tree or file
            kind, name, revision = (match[1], match[2], match[3]) if match else ("", "", "")
            known = datasets or {} if kind in ("datasets", "datasets/") else repositories
            if name not in known:
                return self._send(404, b"", {"X-Error-Code": "RepoNotFound"}, with_body)
            if revision not in (None, "main", COMMIT):
                return self._send(404, b"", {"X-Error-Code": "RevisionNotFound"}, with_body)
            if name in gated:
                return self._send(403, b"", {"X-Error-Code": "GatedRepo"}, with_body)
            if file is not None:
                return self._file(known[name] / file[4], with_body)
            return self._json(self._listing(name, known[name], bool(about)), with_body)

        def _listing(self, name: str, folder: Path, about: bool) -> Any:
            paths = {
                path.relative_to(folder).as_posix(): path
                for path in sorted(folder.rglob("*"))
                if path.is_file()
            }
            if about:
                siblings = [
                    {"rfilename": at, "size": path.stat().st_size, "blobId": _digest(path)}
                    for at, path in paths.items()
                ]
                card = (cards or {}).get(name)
                document = {"id": name, "sha": COMMIT, "siblings": siblings, "private": False}
                return {**document, "modelId": name} | ({"cardData": card} if card else {})
            return [
                {"type": "file", "path": at, "size": path.stat().st_size, "oid": _digest(path)}
                for at, path in paths.items()
            ]

        def _file(self, path: Path, with_body: bool) -> None:
            if not path.is_file():
                return self._send(404, b"", {"X-Error-Code": "EntryNotFound"}, with_body)
            headers = {"ETag": f'"{_digest(path)}"', "X-Repo-Commit": COMMIT}
            return self._send(200, path.read_bytes(), headers, with_body)

        def _json(self, document: Any, with_body: bool) -> None:
            self._send(200, json.dumps(document).encode(), {"Content-Type": "application/json"}, with_body)

        def _send(self, status: int, body: bytes, headers: dict[str, str], with_body: bool) -> None:
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Keep the test's output free of access lines."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hub.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def _digest(path: Path) -> str:
    return hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()
