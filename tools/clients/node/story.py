"""The main story, which tests/node/story.mjs tells with the Node SDK: a step for each line that it writes."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

from tools.clients.node.install import FOLDER
from tools.clients.results import Step, Walk

from kunsthalle.disk_images.writers import write_qcow2
from kunsthalle.local import environment
from kunsthalle.testing import Served

NAME = "story"
_PATIENCE = 300


def tell(served: Served) -> Walk:
    """Tell it on a server."""
    write_qcow2(served.bucket("publisher") / "node-story.qcow2", 2**30, b"story")
    command = [shutil.which("node") or "node", str(FOLDER / "story.mjs"), json.dumps(_given(served))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    steps = [Step(**json.loads(line)) for line in done.stdout.splitlines()]
    return Walk(NAME, [], [*steps, Step("the story ends", done.returncode == 0, done.stderr)])


def _given(served: Served) -> dict[str, Any]:
    """What the program needs to know."""
    env = environment.variables(served.data, "publisher", operator=True)
    return {
        "url": env["KUNSTHALLE_URL"],
        "vpc": env["IBMCLOUD_IS_NG_API_ENDPOINT"],
        "catalog": env["IBMCLOUD_CATALOG_MANAGEMENT_API_ENDPOINT"],
        "operatorToken": env["KUNSTHALLE_OPERATOR_TOKEN"],
        "publisher": _account(served, "publisher"),
        "consumer": _account(served, "consumer-a"),
        "name": "node-story",
        "href": "cos://us-south/images/node-story.qcow2",
    }


def _account(served: Served, name: str) -> dict[str, str]:
    env = served.env(name)
    return {"id": env["IBMCLOUD_ACCOUNT_ID"], "key": env["IBMCLOUD_API_KEY"]}
