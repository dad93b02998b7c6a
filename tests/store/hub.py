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
def serve(repositories: dict[str, Path], gated: tuple[str, ...] = ()) -> Iterator[Hub]:
    """Serve folders as model repositories with one commit, `main`, each.

    Args:
        repositories: folder by `owner/name`.
        gated: those whose files need terms to be accepted.
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
            about = re.fullmatch(r"/api/models/([\w.-]+/[\w.-]+)(?:/revision/([^?]+))?(?:\?.*)?", self.path)
            tree = re.fullmatch(r"/api/models/([\w.-]+/[\w.-]+)/tree/([^?]+)(?:\?.*)?", self.path)
            file = re.fullmatch(r"/([\w.-]+/[\w.-]+)/resolve/([^/]+)/(.+)", self.path)
            match = about or tree or file
            name, revision = (match[1], match[2]) if match else ("", "")
            if name not in repositories:
                return self._send(404, b"", {"X-Error-Code": "RepoNotFound"}, with_body)
            if revision not in (None, "main", COMMIT):
                return self._send(404, b"", {"X-Error-Code": "RevisionNotFound"}, with_body)
            if name in gated:
                return self._send(403, b"", {"X-Error-Code": "GatedRepo"}, with_body)
            if file is not None:
                return self._file(repositories[name] / file[3], with_body)
            return self._json(self._listing(name, bool(about)), with_body)

        def _listing(self, name: str, about: bool) -> Any:
            files = sorted(path for path in repositories[name].iterdir() if path.is_file())
            if about:
                siblings = [{"rfilename": path.name} for path in files]
                return {"id": name, "modelId": name, "sha": COMMIT, "siblings": siblings, "private": False}
            return [
                {"type": "file", "path": path.name, "size": path.stat().st_size, "oid": _digest(path)}
                for path in files
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
