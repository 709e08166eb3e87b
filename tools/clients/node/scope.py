"""What of the Node SDK is out of scope, and where its typings and the answers differ; each with the reason."""

from __future__ import annotations

LOGIN = "factors of a login, and reports about logins, belong to a login that the product does not have"
TEMPLATES = "templates and their assignments belong to enterprise-managed access, which the product does not have"
LIMITS = "the product has no limits on identities"
GROUPS_OF_SERVICE_IDS = "service IDs are not grouped here: access groups are"
ONLY_INSTANCES = "catalogs and object storage are instances here, and they have no keys, bindings or aliases"
SYNCHRONOUS = "nothing of an instance is under way that could be cancelled"
SOURCES = "a virtual-server image has no source code"
CLUSTERS = "virtual-server images are not installed into clusters"
BILLING = "nothing is metered or billed"
ENTRIES = "entries are those that Resource Controller provisions, and every account sees them"
INSTALLS = "an image is booted as an instance through the VPC API; it is not installed"

OUT_OF_SCOPE: dict[str, dict[str, str]] = {
    "CatalogManagementV1": {
        SOURCES: "getOfferingSource getOfferingSourceArchive getOfferingSourceUrl",
        CLUSTERS: "getCluster getNamespaces deployOperators listOperators replaceOperators deleteOperators",
        INSTALLS: "installVersion preinstallVersion getPreinstall",
    },
    "IamIdentityV1": {
        GROUPS_OF_SERVICE_IDS: (
            "listServiceIdGroup createServiceIdGroup getServiceIdGroup updateServiceIdGroup deleteServiceIdGroup"
        ),
        LOGIN: (
            "createReport getReport getMfaStatus createMfaReport getMfaReport updatePreferenceOnScopeAccount "
            "deletePreferencesOnScopeAccount getPreferencesOnScopeAccount getAllPreferencesOnScopeAccount"
        ),
        TEMPLATES: (
            "listProfileTemplates createProfileTemplate getLatestProfileTemplateVersion "
            "deleteAllVersionsOfProfileTemplate listVersionsOfProfileTemplate createProfileTemplateVersion "
            "getProfileTemplateVersion updateProfileTemplateVersion deleteProfileTemplateVersion "
            "commitProfileTemplate listTrustedProfileAssignments createTrustedProfileAssignment "
            "getTrustedProfileAssignment deleteTrustedProfileAssignment updateTrustedProfileAssignment "
            "listAccountSettingsTemplates createAccountSettingsTemplate getLatestAccountSettingsTemplateVersion "
            "deleteAllVersionsOfAccountSettingsTemplate listVersionsOfAccountSettingsTemplate "
            "createAccountSettingsTemplateVersion getAccountSettingsTemplateVersion "
            "updateAccountSettingsTemplateVersion deleteAccountSettingsTemplateVersion "
            "commitAccountSettingsTemplate listAccountSettingsAssignments createAccountSettingsAssignment "
            "getAccountSettingsAssignment deleteAccountSettingsAssignment updateAccountSettingsAssignment"
        ),
        LIMITS: "getAccountLimits bulkListAccountEntityConsumption",
    },
    "IamPolicyManagementV1": {
        TEMPLATES: (
            "listPolicyTemplates createPolicyTemplate getPolicyTemplate deletePolicyTemplate "
            "createPolicyTemplateVersion listPolicyTemplateVersions replacePolicyTemplate "
            "deletePolicyTemplateVersion getPolicyTemplateVersion commitPolicyTemplate listPolicyAssignments "
            "createPolicyTemplateAssignment getPolicyAssignment updatePolicyAssignment deletePolicyAssignment "
            "listActionControlTemplates createActionControlTemplate getActionControlTemplate "
            "deleteActionControlTemplate createActionControlTemplateVersion listActionControlTemplateVersions "
            "replaceActionControlTemplate deleteActionControlTemplateVersion getActionControlTemplateVersion "
            "commitActionControlTemplate listActionControlAssignments createActionControlTemplateAssignment "
            "getActionControlAssignment updateActionControlAssignment deleteActionControlAssignment "
            "listRoleTemplates createRoleTemplate getRoleTemplate deleteRoleTemplate createRoleTemplateVersion "
            "listRoleTemplateVersions replaceRoleTemplate deleteRoleTemplateVersion getRoleTemplateVersion "
            "commitRoleTemplate listRoleAssignments createRoleTemplateAssignment getRoleAssignment "
            "updateRoleAssignment deleteRoleAssignment"
        ),
        "they set which accounts outside an enterprise may be given access, which no rule here asks for": (
            "getSettings updateSettings"
        ),
    },
    "IamAccessGroupsV2": {
        TEMPLATES: (
            "createTemplate listTemplates createTemplateVersion listTemplateVersions getTemplateVersion "
            "updateTemplateVersion deleteTemplateVersion commitTemplate getLatestTemplateVersion deleteTemplate "
            "createAssignment listAssignments getAssignment updateAssignment deleteAssignment"
        ),
    },
    "EnterpriseManagementV1": {},
    "UserManagementV1": {},
    "ResourceManagerV2": {},
    "ResourceControllerV2": {
        ONLY_INSTANCES: (
            "listResourceAliasesForInstance listResourceKeysForInstance listResourceKeys createResourceKey "
            "getResourceKey deleteResourceKey updateResourceKey listResourceBindings createResourceBinding "
            "getResourceBinding deleteResourceBinding updateResourceBinding listResourceAliases createResourceAlias "
            "getResourceAlias deleteResourceAlias updateResourceAlias listResourceBindingsForAlias"
        ),
        SYNCHRONOUS: "cancelLastopResourceInstance",
    },
    "GlobalSearchV2": {},
    "GlobalTaggingV1": {},
    "GlobalCatalogV1": {
        ENTRIES: (
            "createCatalogEntry updateCatalogEntry deleteCatalogEntry restoreCatalogEntry getVisibility "
            "updateVisibility getAuditLogs"
        ),
        BILLING: "getPricing getPricingDeployments",
        "entries have no artifacts": "listArtifacts getArtifact uploadArtifact deleteArtifact",
    },
}
"""Service in scope, reason, operations: each of them answers 501."""

SERVICES_OUT_OF_SCOPE = {
    "AccountManagementV4": "accounts are those of enterprise management",
    "CaseManagementV1": "there are no support cases",
    "ContextBasedRestrictionsV1": "the product has no network zones to restrict calls to",
    "EnterpriseBillingUnitsV1": BILLING,
    "EnterpriseUsageReportsV1": BILLING,
    "IbmCloudShellV1": "there is no shell in the browser",
    "OpenServiceBrokerV1": "it is what brokers of services answer, and the product has none",
    "PartnerManagementV1": BILLING,
    "UsageMeteringV4": BILLING,
    "UsageReportsV4": BILLING,
}
"""Service of the package, reason."""

OLDER = "the typings of earlier SDKs have it, and their clients read it"
NEWER = "the Go SDK has it, and these typings not yet"
PLAN = "the typings say that a plan is an offering, and their Plan has it"
OWN = "it is an addition of the product"
DIFFERENCES = {
    "CatalogManagementV1": {
        "Access has no create": OLDER,
        "Account has no terraform_engines": NEWER,
        "AuditLogDigest has no who_name": NEWER,
        "Offering has no ibm_publish_approved": OLDER,
        "Offering has no offering_id": PLAN,
        "Offering has no permit_request_ibm_public_publish": OLDER,
        "Offering has no public_publish_approved": OLDER,
        "Offering has no state": PLAN,
        "Version has no replacement": f"{OWN}: the version to use in place of a deprecated one",
        "Version has no working_copy_of": f"{OWN}: the version that a working copy was made of",
    },
    "GlobalCatalogV1": {"CFMetaData has no rc_provisionable": "the Terraform provider looks for it"},
}
"""The properties of answers that the typings do not know, and why they stay."""

VPC = (
    "its package could not be had when the packages were locked, so the story calls the VPC API through "
    "ibm-cloud-sdk-core, which signs in, sends and raises errors for every service of the SDK; "
    "every operation is checked with the Python SDK"
)
"""Why the operations of the VPC API are not counted here."""
