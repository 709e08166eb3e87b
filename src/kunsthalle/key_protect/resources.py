"""How keys and key rings are looked up."""

from __future__ import annotations

from kunsthalle.db.visibility import ResourceType
from kunsthalle.key_protect.models import Key, KeyRing
from kunsthalle.key_protect.states import KEY_STATES
from kunsthalle.key_protect.tables import key_rings, protected_keys

PROTECTED_KEY = ResourceType(
    "protected-key",
    protected_keys,
    Key,
    "kms.secrets.readmetadata",
    attributes={
        "serviceInstance": protected_keys.c.instance_id,
        "resource": protected_keys.c.id,
        "keyRing": protected_keys.c.key_ring_id,
    },
    states=KEY_STATES,
    state_column=protected_keys.c.state,
)

KEY_RING = ResourceType(
    "key-ring",
    key_rings,
    KeyRing,
    "kms.keyrings.list",
    attributes={"serviceInstance": key_rings.c.instance_id, "keyRing": key_rings.c.name},
)
