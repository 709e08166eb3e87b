"""Where the Go SDKs differ from the answers, and which of their operations are not offered: each with its reason."""

from __future__ import annotations

_NEWER = "newer in the API than in the SDK, which overlooks it"
_OLDER = "sent for older SDKs, which cannot do without it; this SDK overlooks it"
_OURS = "an addition of this product, which the SDK overlooks"

DIFFERENCES: dict[str, dict[str, str]] = {
    "VpcV1": {
        "BareMetalServerProfile has no zones": _NEWER,
        "Image has no owner_type": "the older form of `remote`, sent for clients of older versions",
        "Image has no zones": _NEWER,
        "ImageIdentity has no name": "of a template: what names an image that is foreign, or no longer there",
        "Instance has no software_attachments": _NEWER,
        "Instance has no threads_per_core": _NEWER,
        "InstanceProfile has no threads_per_core": _NEWER,
        "InstanceProfile has no zones": _NEWER,
        "InstanceProfileCollection has no first": _NEWER,
        "InstanceProfileCollection has no limit": _NEWER,
        "InstanceProfileCollection has no total_count": _NEWER,
        "Region has no zones": _OURS,
        "Snapshot has no software_attachments": _NEWER,
        "Volume has no software_attachments": _NEWER,
    },
    "CatalogManagementV1": {
        "ShareApprovalListAccessResult: first is lost": "the SDK decodes every property of the model but this one",
        "Access has no create": _OLDER,
        "AuditLogDigest has no who_name": "what `lookupnames` asks for; the SDK has it in AuditLog alone",
        "Offering has no ibm_publish_approved": _OLDER,
        "Offering has no offering_id": "GetPlan: the SDK takes a plan for an offering",
        "Offering has no permit_request_ibm_public_publish": _OLDER,
        "Offering has no public_publish_approved": _OLDER,
        "Offering has no state": "GetPlan: the SDK takes a plan for an offering",
        "Version has no replacement": _OURS,
        "Version has no working_copy_of": _OURS,
        "VersionDependant has no first": "paged as other lists are; the SDK has the other links alone",
    },
    "GlobalCatalogV1": {"CfMetaData has no rc_provisionable": "what the Terraform provider looks for"},
    "IamPolicyManagementV1": {
        f"Roles has no {name}": "what `format=display` asks for; the SDK overlooks it"
        for name in ("actions", "description", "display_name")
    },
}
"""What the models of the SDKs do not take of an answer, by service."""

UNKNOWN: dict[str, dict[str, str]] = {
    "VpcV1": {
        "limit": "of ListInstanceProfiles: newer in the API than in the SDK, which cannot send it",
        "InstancePrototype.threads_per_core": "newer in the API than in the SDK, which cannot send it",
        "InstanceTemplatePrototype.threads_per_core": "newer in the API than in the SDK, which cannot send it",
    },
}
"""What a request cannot say with the SDKs, by service."""

REFUSED: dict[str, dict[str, str]] = {
    "VpcV1": {
        "SecurityGroupRulePrototype.Protocol": "optional in the API, and required by the SDK",
        "NetworkACLPrototype.VPC": "with a source ACL optional in the API, and required by the SDK",
    },
}
"""What the SDKs demand of a request, and the API does not."""

SERVICES_OUT_OF_SCOPE: dict[str, str] = {
    "atrackerv2": "routes of audit events lead to services that are not here; the operator reads the audit log",
    "casemanagementv1": "nobody answers cases here",
    "contextbasedrestrictionsv1": "networks and zones of callers restrict nothing here",
    "enterprisebillingunitsv1": "nothing costs anything here",
    "enterpriseusagereportsv1": "nothing costs anything here",
    "ibmcloudshellv1": "there is no shell here",
    "logsrouterv3": "logs are not routed here",
    "metricsrouterv3": "metrics are not routed here",
    "openservicebrokerv1": "nothing is brokered here",
    "partnercentersellv1": "nothing is sold here",
    "partnermanagementv1": "nothing is sold here",
    "platformnotificationsv1": "nobody is notified here",
    "usagemeteringv4": "nothing costs anything here",
    "usagereportsv4": "nothing costs anything here",
}
"""The packages of platform-services-go-sdk whose services are not served at all."""

_TEMPLATES = "enterprise-managed IAM by templates is not offered"
_TRAFFIC = "no packet is moved here"
_CLUSTERS = "Kubernetes clusters, and software that is deployed onto them, are not offered"

OUT_OF_SCOPE: dict[str, dict[str, str]] = {
    "VpcV1": {
        "BackupPolic": "backups have no part in a catalog of images",
        "BareMetalServerConsole|FirmwareForBareMetalServer": "bare metal servers are simulated: nothing runs on them",
        "ClusterNetwork(?!Attachments)": "cluster networks have no part in a catalog of images",
        "DedicatedHost|PlacementGroup|Reservation(s|$)": "where a machine runs is nobody's choice here",
        "EndpointGateway(?!Binding)|PrivatePathService|PublicAddressRange": _TRAFFIC,
        "FlowLogCollector|(?<!InstanceGroup)LoadBalancer|VPN|IkePolic|IpsecPolic": _TRAFFIC,
        "Share": "file shares have no part in a catalog of images",
        "SnapshotConsistencyGroup": "groups of snapshots belong to backups, which are not offered",
    },
    "CatalogManagementV1": {
        "Cluster$|Namespaces|Operators|InstallVersion|Preinstall": _CLUSTERS,
        "OfferingSource": "an image has no source archive",
        "TestVersion|UpdateOfferingAccess": "versions in test, seen by chosen accounts alone, are not offered",
    },
    "GlobalCatalogV1": {
        "(Create|Update|Delete|Restore)CatalogEntry|AuditLogs|Visibility": "entries are given, and all see them",
        "Pricing": "nothing costs anything here",
        "Artifact": "entries have no artifacts here",
    },
    "IamAccessGroupsV2": {"Template|Assignment": _TEMPLATES},
    "IamIdentityV1": {
        "Template|Assignment": _TEMPLATES,
        "ServiceIDGroup": "service IDs are not grouped here",
        "Mfa|Report": "nobody logs in with factors here, so there is nothing to report",
        "Preference": "identities have no preferences here",
    },
    "IamPolicyManagementV1": {
        "Template|Assignment": _TEMPLATES,
        "Settings": "access control by external accounts is not offered",
    },
    "ResourceControllerV2": {
        "Alias|Binding|ResourceKey": "resources have no credentials, aliases or bindings here",
        "CancelLastop": "nothing of what it would cancel takes time here",
    },
}
"""Operations that answer 501, by service: a pattern of their names, and why."""


def differences() -> list[tuple[str, str]]:
    """All but the operations that answer 501, for docs/compatibility.md."""
    services = [
        (f"platform-services-go-sdk: {name}", f"not served: {why}") for name, why in SERVICES_OUT_OF_SCOPE.items()
    ]
    listed = ((DIFFERENCES, ""), (REFUSED, " is required"), (UNKNOWN, " cannot be sent"))
    models = [
        (f"{service}: {what}{more}", reason)
        for table, more in listed
        for service, found in table.items()
        for what, reason in found.items()
    ]
    return sorted([*models, *services])
