"""The official VPC SDK without a network: its calls go straight into the application, its models judge the answers."""

from __future__ import annotations

import ast
import asyncio
import inspect
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import requests
from ibm_cloud_sdk_core.authenticators import BearerTokenAuthenticator
from ibm_vpc import VpcV1
from ibm_vpc import vpc_v1 as sdk
from requests.adapters import BaseAdapter

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_CLASSES = {
    "SecurityGroupTargetReference": {
        "network_interface": "SecurityGroupTargetReferenceNetworkInterfaceReferenceTargetContext",
        "virtual_network_interface": "SecurityGroupTargetReferenceVirtualNetworkInterfaceReference",
    },
    "FloatingIPTarget": {
        "network_interface": "FloatingIPTargetNetworkInterfaceReference",
        "public_gateway": "FloatingIPTargetPublicGatewayReference",
        "virtual_network_interface": "FloatingIPTargetVirtualNetworkInterfaceReference",
    },
    "InstanceGroupManager": {
        "autoscale": "InstanceGroupManagerAutoScale",
        "scheduled": "InstanceGroupManagerScheduled",
    },
    "InstanceGroupManagerPolicy": {"target": "InstanceGroupManagerPolicyInstanceGroupManagerTargetPolicy"},
    "InstanceGroupManagerAction": {
        "group": "InstanceGroupManagerActionScheduledActionGroupTarget",
        "manager": "InstanceGroupManagerActionScheduledActionManagerTarget",
    },
    "BareMetalServerNetworkInterface": {
        "pci": "BareMetalServerNetworkInterfaceByPCI",
        "vlan": "BareMetalServerNetworkInterfaceByVLAN",
    },
    "BareMetalServerNetworkAttachment": {
        "pci": "BareMetalServerNetworkAttachmentByPCI",
        "vlan": "BareMetalServerNetworkAttachmentByVLAN",
    },
    "VPCDNSResolver": {
        "delegated": "VPCDNSResolverTypeDelegated",
        "manual": "VPCDNSResolverTypeManual",
        "system": "VPCDNSResolverTypeSystem",
    },
    "SecurityGroupRule": {
        "any": "SecurityGroupRuleProtocolAny",
        "icmp": "SecurityGroupRuleSecurityGroupRuleProtocolICMP",
        "tcp": "SecurityGroupRuleSecurityGroupRuleProtocolTCPUDP",
        "udp": "SecurityGroupRuleSecurityGroupRuleProtocolTCPUDP",
        "icmp_tcp_udp": "SecurityGroupRuleProtocolICMPTCPUDP",
        "": "SecurityGroupRuleProtocolIndividual",
    },
    "NetworkACLRule": {
        "any": "NetworkACLRuleNetworkACLRuleProtocolAny",
        "icmp": "NetworkACLRuleNetworkACLRuleProtocolICMP",
        "tcp": "NetworkACLRuleNetworkACLRuleProtocolTCPUDP",
        "udp": "NetworkACLRuleNetworkACLRuleProtocolTCPUDP",
        "icmp_tcp_udp": "NetworkACLRuleNetworkACLRuleProtocolICMPTCPUDP",
        "": "NetworkACLRuleNetworkACLRuleProtocolIndividual",
    },
}
"""The classes that check the fields of what has an abstract one."""
_SOURCES = {"image": "Image", "catalog_offering": "CatalogOffering"}
_TELLING = ("protocol", "interface_type", "manager_type", "policy_type", "resource_type", "type")
"""The fields that tell which class it is, the most telling first."""


def operations() -> dict[str, tuple[str, str]]:
    """Every operation of the SDK: its name, method and path, as its source has them."""
    tree = ast.parse(inspect.getsource(VpcV1))
    found = {}
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            texts = [node for node in ast.walk(function) if isinstance(node, ast.Constant)]
            paths = [str(node.value) for node in texts if re.fullmatch(r"/[a-z_/{}]+", str(node.value))]
            methods = [
                str(node.value) for node in texts if str(node.value) in {"GET", "POST", "PUT", "PATCH", "DELETE"}
            ]
            if paths and methods:
                found[function.name] = (methods[0], paths[0])
    return found


class _Inside(BaseAdapter):
    """Sends what `requests` would send into an ASGI application."""

    def __init__(self, app: Any) -> None:
        super().__init__()
        self._transport = httpx.ASGITransport(app)

    def send(self, request: requests.PreparedRequest, **_more: Any) -> requests.Response:
        answer = asyncio.run(self._pass_on(request))
        made = requests.Response()
        made.status_code = answer.status_code
        made.headers.update(answer.headers)
        made.raw, made.request, made.url = io.BytesIO(answer.content), request, str(request.url)
        made.encoding = "utf-8"
        return made

    async def _pass_on(self, request: requests.PreparedRequest) -> httpx.Response:
        headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
        async with httpx.AsyncClient(transport=self._transport) as client:
            return await client.request(
                str(request.method), str(request.url), headers=headers, content=request.body or b""
            )

    def close(self) -> None:
        """Nothing is open."""


def client(app: Any, token: str, version: str | None = None) -> VpcV1:
    """The SDK as it comes, for one caller."""
    made = (
        VpcV1(version, BearerTokenAuthenticator(token))
        if version
        else VpcV1(authenticator=BearerTokenAuthenticator(token))
    )
    made.set_service_url("http://kunsthalle.test/v1")
    session = requests.Session()
    session.mount("http://", _Inside(app))
    made.set_http_client(session)
    return made


def _template(result: dict[str, Any]) -> Any:
    """The class of a template: the SDK names its context twice, and the way of its network behind it."""
    named = next((name for key, name in _SOURCES.items() if key in result), "SourceSnapshot")
    network = "Attachment" if "primary_network_attachment" in result else "Interface"
    context = f"InstanceBy{named}InstanceTemplateContext"
    return getattr(sdk, f"InstanceTemplate{context}{context}InstanceByNetwork{network}")


@dataclass
class Judge:
    """Calls operations and keeps which of them answered as their models want it, and what was wrong with others."""

    vpc: VpcV1
    conforming: set[str] = field(default_factory=set)
    wrong: dict[str, str] = field(default_factory=dict)

    def __call__(self, operation: str, *arguments: Any, **more: Any) -> Any:
        """The result as the SDK hands it over. An operation that fails once stays wrong."""
        method = getattr(self.vpc, operation)
        try:
            answer = method(*arguments, **more)
            result = answer.get_result()
            self._judge(str(inspect.getdoc(method)), result)
        except Exception as error:
            self.wrong.setdefault(operation, f"{type(error).__name__}: {error} {arguments} {more}")
            raise
        self.conforming.add(operation)
        return result

    def _judge(self, said: str, result: Any) -> None:
        found = re.search(r"representing a `(\w+)` object", said)
        if found is None:
            assert result in (None, ""), result
            return
        assert isinstance(result, dict), result
        parsed = self._model(found[1], result).from_dict(result)
        for name, value in self._parts(result):
            self._model(name, value).from_dict(value)
        assert parsed.to_dict().keys() <= result.keys()

    def _parts(self, result: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        """The rules, targets and resolvers in an answer, which the models pass on without a look."""
        for rule in result.get("rules", []):
            yield ("NetworkACLRule" if "action" in rule else "SecurityGroupRule"), rule
        for target in result.get("targets", []):
            yield "SecurityGroupTargetReference", target
        if "/floating_ips/" in result.get("href", "") and "target" in result:
            yield "FloatingIPTarget", result["target"]
        for manager in result.get("managers", []):
            if "manager_type" in manager:
                yield "InstanceGroupManager", manager
        if "dns" in result:
            yield "VPCDNSResolver", result["dns"]["resolver"]

    def _model(self, name: str, result: dict[str, Any]) -> Any:
        classes = _CLASSES.get(name)
        if name == "InstanceTemplate":
            return _template(result)
        if classes is None:
            return getattr(sdk, name)
        if name == "InstanceGroupManagerAction":
            which = "group" if "group" in result else "manager"
        else:
            which = next(str(result[key]) for key in _TELLING if key in result)
        return getattr(sdk, classes.get(which) or classes[""])
