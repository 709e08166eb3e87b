"""The main story, which tests/go/story tells with the SDKs: a step for each line that it writes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tools.clients.results import Step, Walk

from kunsthalle.disk_images.writers import write_qcow2
from kunsthalle.testing import Served

NAME = "source-page"
COVERS = ["vpcv1.VpcV1", "catalogmanagementv1.CatalogManagementV1", "resourcecontrollerv2.ResourceControllerV2"]
_ACCOUNTS = ("publisher", "consumer-a", "consumer-b", "outsider")
_ENDED = "the story ends"


def _account(served: Served, name: str) -> dict[str, str]:
    env = served.env(name)
    return {"id": env["IBMCLOUD_ACCOUNT_ID"], "key": env["IBMCLOUD_API_KEY"]}


def _given(served: Served) -> dict[str, Any]:
    env = served.env("publisher")
    return {
        "url": env["KUNSTHALLE_URL"],
        "vpc": env["IBMCLOUD_IS_NG_API_ENDPOINT"],
        "catalog": env["IBMCLOUD_CATALOG_MANAGEMENT_API_ENDPOINT"],
        "enterprise": env["IBMCLOUD_ENTERPRISE_API_ENDPOINT"],
        "root": _account(served, "enterprise"),
        "file": "cos://us-south/images/golden.qcow2",
        **{name.replace("-", "_"): _account(served, name) for name in _ACCOUNTS},
    }


def tell(programs: Path, served: Served) -> Walk:
    """Tell it on a server. The program stops where seven days have to pass."""
    for name in ("publisher", "consumer-a"):
        write_qcow2(served.bucket(name) / "golden.qcow2", 2**30, f"golden bytes of {name}".encode())
    walk = Walk(NAME, COVERS)
    command = [programs / "story", json.dumps(_given(served))]
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, text=True, **pipes) as program:
        pipes = {name: getattr(program, name) for name in pipes}
        for line in pipes["stdout"]:
            told = json.loads(line)
            if "advance" in told:
                served.advance(told["advance"])
                pipes["stdin"].write("\n")
                pipes["stdin"].flush()
                continue
            detail = told.get("detail", "")
            walk.steps.append(Step(told["name"], not detail, detail))
            print(f"{NAME}: {told['name']}: {f'FAILED: {detail}' if detail else 'ok'}", flush=True)
        error = pipes["stderr"].read()
    walk.steps.append(Step(_ENDED, program.returncode == 0, error))
    return walk
