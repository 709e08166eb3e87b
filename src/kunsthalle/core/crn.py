"""Cloud Resource Names: `crn:v1:bluemix:public:<service>:<location>:<scope>:<instance>:<type>:<resource>`."""

from __future__ import annotations

from msgspec import Struct

_MAX = 512


class Crn(Struct, frozen=True):
    """A parsed CRN. `account` is the id behind `a/` in the scope."""

    service: str
    location: str
    account: str
    instance: str = ""
    type: str = ""
    resource: str = ""

    def __str__(self) -> str:
        scope = f"a/{self.account}"
        return (
            f"crn:v1:bluemix:public:{self.service}:{self.location}:{scope}:{self.instance}:{self.type}:{self.resource}"
        )


def parse(text: str) -> Crn:
    """ValueError unless the text is a CRN of an account on the public cloud form."""
    parts = text.split(":", 9)
    if len(text) > _MAX or len(parts) != 10 or parts[:4] != ["crn", "v1", "bluemix", "public"]:
        raise ValueError("not a CRN of the form crn:v1:bluemix:public:service:location:a/account:instance:type:id")
    scope = parts[6]
    if not scope.startswith("a/") or len(scope) < 3 or not parts[4]:
        raise ValueError("the CRN names no service or no account")
    return Crn(parts[4], parts[5], scope[2:], parts[7], parts[8], parts[9])
