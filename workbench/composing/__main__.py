"""The process that renders templates for the screens: it may be killed, and takes only so much.

It reads requests from its standard input and answers them in order, a line of JSON each; `limited` is its
other side. A request to survey a split is answered by many lines.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from store import Store, open_store
from store.errors import BadInput, StoreError
from workbench.composing import requests, tasks
from workbench.composing.shown import PreviewRequest, SurveyRequest, to_document

MEMORY_BYTES = 4 << 30
"""Of address space: far more than a tokenizer needs, far less than a machine has."""


def main(root: Path) -> int:
    """Answer until the other side closes the pipe."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Rows make lists by the thousand and no circles: looking for those takes a seventh of the time.
    gc.set_threshold(100_000, 50, 50)
    try:
        store = open_store(root, create=False)
    except StoreError as error:
        _say(_told(error))
        return 1
    with store:
        for line in sys.stdin.buffer:
            for answer in _answers(store, json.loads(line)):
                _say(answer)
    return 0


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _told(error: StoreError) -> dict[str, Any]:
    return {"error": type(error).__name__, "what": error.what, "remedy": error.remedy}


def _answers(store: Store, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    try:
        match asked.pop("do"):
            case "preview":
                shown = requests.make_preview(store, PreviewRequest(**asked["request"]))
                yield {"answer": to_document(shown)}
            case "next_problem":
                request = PreviewRequest(**asked.pop("request"))
                yield {"answer": requests.next_problem(store, request, **asked)}
            case "shares":
                yield {"answer": [asdict(share) for share in tasks.measure(store, **asked)]}
            case "survey":
                # The screens come first.
                os.nice(5)
                for figures in requests.make_survey(store, SurveyRequest(**asked["request"])):
                    yield {"answer": figures}
    except StoreError as error:
        yield _told(error)
    except MemoryError:
        yield _told(
            BadInput(
                "the template or its row takes too much memory", "simplify the template, or shorten the row"
            )
        )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
