"""The operating systems that the VPC API documents: data alone, a tuple that costs a start nothing to build.

A family is (family, vendor, where its rows come from, rows); a row is (name, version, display name, marks). An empty
display name is "<family> <version> (<architecture>)". The architecture is s390x where the name says so, else amd64.
Marks: `n` no images can be imported as this system, `e` ESXi kickstart and `i` iPXE in place of cloud-init,
`*` named in the documentation of the family, but its name or texts are formed after its siblings'.

Sources:
  docs      github.com/ibm-cloud-docs/vpc: vsi-images.md, the page "Bring your own license", images of bare metal
  api       answers of GET /v1/images kept at github.com/ibm-hyper-protect/contract-go, samples/image/api_image.json
  sdk       examples of the VPC API reference and the tests of its SDKs (github.com/IBM/vpc-go-sdk)
  openshift OpenShift documentation, boot images on IBM Cloud; github.com/openshift/installer, ibmcloud
  packer    github.com/IBM/packer-plugin-ibmcloud and Terraform modules for z/OS (Wazi as a Service)
  vmware    github.com/IBM-Cloud, Terraform templates for VMware on bare metal: the list of ESXi images
"""

from __future__ import annotations

Row = tuple[str, str, str, str]
Surface = tuple[str, str, str, tuple[Row, ...]]

FAMILIES: tuple[Surface, ...] = (
    (
        "Ubuntu Server",
        "Canonical",
        "sdk",
        (("ubuntu-16-amd64", "16.04 LTS", "Ubuntu Server 16.04 LTS amd64", ""),),
    ),
    (
        "Ubuntu Linux",
        "Canonical",
        "sdk, api (s390x), docs",
        (
            ("ubuntu-16-04-amd64", "16.04 LTS Xenial Xerus Minimal Install", "", ""),
            ("ubuntu-18-04-amd64", "18.04 LTS Bionic Beaver Minimal Install", "", ""),
            ("ubuntu-20-04-amd64", "20.04 LTS Focal Fossa Minimal Install", "", ""),
            ("ubuntu-22-04-amd64", "22.04 LTS Jammy Jellyfish Minimal Install", "", ""),
            ("ubuntu-24-04-amd64", "24.04 LTS Noble Numbat Minimal Install", "", ""),
            ("ubuntu-18-04-s390x", "18.04 Bionic Beaver Minimal Install", "", "*"),
            ("ubuntu-20-04-s390x", "20.04 Focal Fossa Minimal Install", "", "*"),
            ("ubuntu-22-04-s390x", "22.04 Jammy Jellyfish Minimal Install", "", ""),
            ("ubuntu-24-04-s390x", "24.04 Noble Numbat Minimal Install", "", "*"),
        ),
    ),
    (
        "Debian GNU/Linux",
        "Debian",
        "sdk (8, 9), api (11, 12), docs",
        (
            ("debian-8-amd64", "8.x jessie/Stable - Minimal Install", "", ""),
            ("debian-9-amd64", "9.x Stretch/Stable - Minimal Install", "", ""),
            ("debian-10-amd64", "10.x Buster/Stable - Minimal Install", "", ""),
            ("debian-11-amd64", "11.x Bullseye/Stable - Minimal Install", "", ""),
            ("debian-12-amd64", "12.x Bookworm/Stable - Minimal Install", "", ""),
            ("debian-13-amd64", "13.x Trixie/Stable - Minimal Install", "", "*"),
        ),
    ),
    (
        "CentOS",
        "CentOS",
        "docs",
        (
            ("centos-7-amd64", "7.x - Minimal Install", "", ""),
            ("centos-8-amd64", "8.x - Minimal Install", "", ""),
        ),
    ),
    (
        "CentOS Stream",
        "CentOS",
        "api (9), docs",
        (
            ("centos-stream-8-amd64", "8", "CentOS Stream 8 - Minimal Install (amd64)", ""),
            ("centos-stream-9-amd64", "9", "CentOS Stream 9 - Minimal Install (amd64)", ""),
            ("centos-stream-10-amd64", "10", "CentOS Stream 10 - Minimal Install (amd64)", "*"),
        ),
    ),
    (
        "Red Hat Enterprise Linux",
        "Red Hat",
        "sdk, api, docs, openshift (red-8-s390x-byol)",
        (
            ("red-7-amd64", "7.x - Minimal Install", "", ""),
            ("red-8-amd64", "8.x - Minimal Install", "", ""),
            ("red-9-amd64", "9.x - Minimal Install", "", ""),
            ("red-10-amd64", "10.x - Minimal Install", "", "*"),
            ("red-7-amd64-byol", "7.x - Minimal Install", "Red Hat Enterprise Linux 7.x - BYOL (amd64)", ""),
            ("red-8-amd64-byol", "8.x - Minimal Install", "Red Hat Enterprise Linux 8.x - BYOL (amd64)", ""),
            ("red-9-amd64-byol", "9.x - Minimal Install", "Red Hat Enterprise Linux 9.x - BYOL (amd64)", ""),
            ("red-10-amd64-byol", "10.x - Minimal Install", "Red Hat Enterprise Linux 10.x - BYOL (amd64)", "*"),
            ("red-8-s390x", "8.x - Minimal Install", "", "*"),
            ("red-9-s390x", "9.x - Minimal Install", "", "*"),
            ("red-8-s390x-byol", "8.x - Minimal Install", "Red Hat Enterprise Linux 8.x - BYOL (s390x)", ""),
            ("red-9-s390x-byol", "9.x - Minimal Install", "Red Hat Enterprise Linux 9.x - BYOL (s390x)", "*"),
            ("red-7-6-amd64-sap-applications", "7.6 for SAP Applications", "", "*"),
            ("red-7-6-amd64-sap-hana", "7.6 for SAP HANA", "", "*"),
            ("red-7-9-amd64-sap-applications", "7.9 for SAP Applications", "", "*"),
            ("red-7-9-amd64-sap-hana", "7.9 for SAP HANA", "", "*"),
            ("red-8-1-amd64-sap-applications", "8.1 for SAP Applications", "", "*"),
            ("red-8-1-amd64-sap-hana", "8.1 for SAP HANA", "", "*"),
            ("red-8-2-amd64-sap-applications", "8.2 for SAP Applications", "", "*"),
            ("red-8-2-amd64-sap-hana", "8.2 for SAP HANA", "", "*"),
            ("red-8-4-amd64-sap-applications", "8.4 for SAP Applications", "", ""),
            ("red-8-4-amd64-sap-hana", "8.4 for SAP HANA", "", ""),
            ("red-8-6-amd64-sap-applications", "8.6 for SAP Applications", "", ""),
            ("red-8-6-amd64-sap-hana", "8.6 for SAP HANA", "", ""),
            ("red-8-8-amd64-sap-applications", "8.8 for SAP Applications", "", ""),
            ("red-8-8-amd64-sap-hana", "8.8 for SAP HANA", "", ""),
            ("red-8-10-amd64-sap-applications", "8.10 for SAP Applications", "", ""),
            ("red-8-10-amd64-sap-hana", "8.10 for SAP HANA", "", ""),
            ("red-9-amd64-sap-applications", "9.x for SAP Applications", "", ""),
            ("red-9-amd64-sap-hana", "9.x for SAP HANA", "", ""),
            ("red-ai-9-amd64-nvidia", "AI 9.x NVIDIA", "", "*"),
            ("red-ai-9-amd64-nvidia-byol", "AI 9.x NVIDIA - BYOL", "", "*"),
            ("red-ai-9-amd64-amd", "AI 9.x AMD", "", "*"),
            ("red-ai-9-amd64-amd-byol", "AI 9.x AMD - BYOL", "", "*"),
            ("red-ai-9-amd64-intel", "AI 9.x Intel", "", "*"),
            ("red-ai-9-amd64-intel-byol", "AI 9.x Intel - BYOL", "", "*"),
        ),
    ),
    (
        "Red Hat Enterprise Linux CoreOS",
        "Red Hat",
        "openshift; its texts after those of Fedora CoreOS",
        (
            ("rhel-coreos-stable-amd64", "stable", "Red Hat Enterprise Linux CoreOS stable (amd64)", ""),
            ("rhel-coreos-stable-amd64-byol", "stable", "Red Hat Enterprise Linux CoreOS stable - BYOL (amd64)", ""),
        ),
    ),
    (
        "Fedora CoreOS",
        "Fedora",
        "api",
        (
            ("fedora-coreos-stable-amd64", "stable", "Fedora CoreOS stable - Minimal Install (amd64)", ""),
            ("fedora-coreos-testing-amd64", "testing", "Fedora CoreOS testing - Minimal Install (amd64)", ""),
            ("fedora-coreos-stable-s390x", "stable", "Fedora CoreOS stable - Minimal Install (s390x)", "*"),
        ),
    ),
    (
        "Rocky Linux",
        "Rocky Linux",
        "docs; its texts after those of CentOS",
        (
            ("rocky-linux-8-amd64", "8.x - Minimal Install", "", ""),
            ("rocky-linux-9-amd64", "9.x - Minimal Install", "", "*"),
            ("rocky-linux-10-amd64", "10.x - Minimal Install", "", "*"),
        ),
    ),
    (
        "SUSE Linux Enterprise Server",
        "SUSE",
        "api, docs",
        (
            ("sles-12-amd64", "12", "", "*"),
            ("sles-15-amd64", "15", "", ""),
            ("sles-16-amd64", "16", "", "*"),
            ("sles-15-amd64-byol", "15", "SUSE Linux Enterprise Server 15 - BYOL (amd64)", "*"),
            ("sles-15-s390x", "15", "", ""),
            ("sles-15-sp3-s390x", "15 SP3", "", ""),
            ("sles-15-s390x-byol", "15", "SUSE Linux Enterprise Server 15 - BYOL (s390x)", ""),
            ("sles-12-sp4-amd64-sap-applications", "12 SP4 for SAP Applications", "", "*"),
            ("sles-12-sp4-amd64-sap-hana", "12 SP4 for SAP HANA", "", "*"),
            ("sles-12-sp5-amd64-sap-applications", "12 SP5 for SAP Applications", "", "*"),
            ("sles-12-sp5-amd64-sap-hana", "12 SP5 for SAP HANA", "", "*"),
            ("sles-15-sp1-amd64-sap-applications", "15 SP1 for SAP Applications", "", "*"),
            ("sles-15-sp1-amd64-sap-hana", "15 SP1 for SAP HANA", "", "*"),
            ("sles-15-sp2-amd64-sap-applications", "15 SP2 for SAP Applications", "", "*"),
            ("sles-15-sp2-amd64-sap-hana", "15 SP2 for SAP HANA", "", "*"),
            ("sles-15-sp3-amd64-sap-applications", "15 SP3 for SAP Applications", "", ""),
            ("sles-15-sp3-amd64-sap-hana", "15 SP3 for SAP HANA", "", ""),
            ("sles-15-sp4-amd64-sap-applications", "15 SP4 for SAP Applications", "", ""),
            ("sles-15-sp4-amd64-sap-hana", "15 SP4 for SAP HANA", "", ""),
            ("sles-15-sp5-amd64-sap-applications", "15 SP5 for SAP Applications", "", ""),
            ("sles-15-sp5-amd64-sap-hana", "15 SP5 for SAP HANA", "", ""),
            ("sles-15-sp6-amd64-sap-applications", "15 SP6 for SAP Applications", "", ""),
            ("sles-15-sp6-amd64-sap-hana", "15 SP6 for SAP HANA", "", ""),
        ),
    ),
    (
        "Windows Server",
        "Microsoft",
        "sdk (2012), api (2016 to 2022), docs (2025)",
        (
            ("windows-2012-amd64", "2012 Standard Edition", "", ""),
            ("windows-2012-r2-amd64", "2012 R2 Standard Edition", "", "*"),
            ("windows-2016-amd64", "2016 Standard Edition", "", ""),
            (
                "windows-2016-amd64-core",
                "2016 Standard Edition",
                "Windows Server 2016 Standard Edition - Core (amd64)",
                "",
            ),
            ("windows-2019-amd64", "2019 Standard Edition", "", ""),
            (
                "windows-2019-amd64-core",
                "2019 Standard Edition",
                "Windows Server 2019 Standard Edition - Core (amd64)",
                "",
            ),
            (
                "windows-2019-amd64-sqlsvr2019web",
                "2019 Standard Edition with SQL Server 2019 Web Edition",
                "",
                "",
            ),
            ("windows-2022-amd64", "2022 Standard Edition", "", ""),
            (
                "windows-2022-amd64-core",
                "2022 Standard Edition",
                "Windows Server 2022 Standard Edition - Core (amd64)",
                "*",
            ),
            ("windows-2025-amd64", "2025 Standard Edition", "", "*"),
            (
                "windows-2025-amd64-core",
                "2025 Standard Edition",
                "Windows Server 2025 Standard Edition - Core (amd64)",
                "*",
            ),
        ),
    ),
    (
        "Windows",
        "Microsoft",
        "docs: since 19 October 2022 on shared hosts too, so none is for dedicated hosts only",
        (
            ("windows-2012-amd64-byol", "2012", "Windows 2012 - BYOL (amd64)", ""),
            ("windows-2012-r2-amd64-byol", "2012 R2", "Windows 2012 R2 - BYOL (amd64)", "*"),
            ("windows-2016-amd64-byol", "2016", "Windows 2016 - BYOL (amd64)", "*"),
            ("windows-2019-amd64-byol", "2019", "Windows 2019 - BYOL (amd64)", ""),
            ("windows-2022-amd64-byol", "2022", "Windows 2022 - BYOL (amd64)", "*"),
            ("windows-2025-amd64-byol", "2025", "Windows 2025 - BYOL (amd64)", "*"),
        ),
    ),
    (
        "Hyper Protect",
        "IBM",
        "api (hpcr); github.com/confidential-containers/cloud-api-adaptor imports as the other",
        (
            (
                "hyper-protect-1-0-s390x",
                "1.0",
                "IBM Hyper Protect 1.0 with Secure Execution (s390x)",
                "*",
            ),
            (
                "hyper-protect-1-0-s390x-hpcr",
                "1.0 for Hyper Protect Container Runtime",
                "IBM Hyper Protect Container Runtime 1.0 with Secure Execution (s390x)",
                "",
            ),
        ),
    ),
    (
        "z/OS",
        "IBM",
        "packer; its texts by analogy",
        (
            ("zos-2-4-s390x", "2.4", "", "*"),
            ("zos-2-5-s390x", "2.5", "", "*"),
            ("zos-3-1-s390x", "3.1", "", "*"),
            ("zos-2-4-s390x-dev-test-byol", "2.4", "z/OS 2.4 - Dev and Test - BYOL (s390x)", "*"),
            ("zos-2-5-s390x-dev-test-byol", "2.5", "z/OS 2.5 - Dev and Test - BYOL (s390x)", "*"),
            ("zos-3-1-s390x-dev-test-byol", "3.1", "z/OS 3.1 - Dev and Test - BYOL (s390x)", "*"),
        ),
    ),
    (
        "ESXi",
        "VMware",
        "vmware; for bare metal servers alone",
        (
            ("esxi-7", "7.x", "VMware ESXi 7.x (amd64)", "e"),
            ("esxi-7-byol", "7.x", "VMware ESXi 7.x - BYOL (amd64)", "e"),
            ("esxi-8", "8.x", "VMware ESXi 8.x (amd64)", "e*"),
            ("esxi-8-byol", "8.x", "VMware ESXi 8.x - BYOL (amd64)", "e*"),
        ),
    ),
    (
        "Generic",
        "generic",
        "docs: family and vendor; the names by analogy",
        (
            ("generic-linux-amd64", "generic", "Generic Linux (amd64)", "*"),
            ("network-boot-ipxe", "ipxe", "Network boot (iPXE)", "in*"),
        ),
    ),
)
