"""
What a guest is told, as cloud-init's NoCloud disk: ISO 9660, label `cidata`.

IBM Cloud gives its guests `meta-data`, `user-data` and `vendor-data` this way, the SSH keys in the last one
(reference/data-plane.md section 2), and the disk is the second one, /dev/vdb.
"""

from __future__ import annotations

import io
import json
from email.generator import BytesGenerator
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any

from kunsthalle.hypervisor.protocol import BadSpec, SeedSpec

# Fixed, so that the same seed makes the same parts; base64 inside keeps it out of every content.
_BOUNDARY = "==kunsthalle-vendor-data=="
_MAX_USER_DATA = 16 << 20


def make_seed(spec: SeedSpec) -> bytes:
    """The disk's bytes. BadSpec for an id or name with control characters, or too much user data."""
    for text in (spec.instance_id, spec.hostname, *spec.ssh_keys):
        if not text.isprintable():
            raise BadSpec("an instance id, host name or SSH key has control characters")
    user_data = spec.user_data.encode("utf-8", "surrogateescape")
    if len(user_data) > _MAX_USER_DATA:
        raise BadSpec(f"user data has at most {_MAX_USER_DATA} bytes")
    return _iso({"meta-data": _meta_data(spec), "user-data": user_data, "vendor-data": _vendor_data(spec)})


def _meta_data(spec: SeedSpec) -> bytes:
    # A JSON string is a YAML string, whatever it holds.
    lines: dict[str, Any] = {"instance-id": spec.instance_id, "local-hostname": spec.hostname}
    if spec.keys_in_metadata and spec.ssh_keys:
        # As cloudbase-init reads them: keys by number. JSON again, which is YAML.
        lines["public-keys"] = {str(at): {"openssh-key": key} for at, key in enumerate(spec.ssh_keys)}
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in lines.items()).encode()


def ignition(user_data: str) -> bytes | None:
    """User data that is an Ignition config, which such guests take from QEMU's firmware configuration; else None."""
    if '"ignition"' not in user_data:
        return None
    try:
        document = json.loads(user_data)
    except (ValueError, RecursionError):
        return None
    known = document.get("ignition") if isinstance(document, dict) else None
    return user_data.encode() if isinstance(known, dict) and isinstance(known.get("version"), str) else None


def _vendor_data(spec: SeedSpec) -> bytes:
    keys = "".join(f"  - {json.dumps(key)}\n" for key in spec.ssh_keys)
    config = "#cloud-config\n" + (f"ssh_authorized_keys:\n{keys}" if keys else "{}\n")
    message: Message = MIMEMultipart("mixed", boundary=_BOUNDARY)
    part = MIMEText(config, "cloud-config", "utf-8")
    part.add_header("Content-Disposition", "attachment", filename="ssh-keys.yaml")
    message.attach(part)
    out = io.BytesIO()
    BytesGenerator(out, mangle_from_=False).flatten(message)
    return out.getvalue()


def _iso(files: dict[str, bytes]) -> bytes:
    import pycdlib

    iso = pycdlib.PyCdlib()
    # Linux reads the Rock Ridge names; Joliet is for other guests.
    iso.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident="cidata")
    try:
        for name, content in files.items():
            plain = name.replace("-", "").upper()
            iso.add_fp(io.BytesIO(content), len(content), f"/{plain}.;1", rr_name=name, joliet_path=f"/{name}")
        out = io.BytesIO()
        iso.write_fp(out)
    finally:
        iso.close()
    return out.getvalue()
