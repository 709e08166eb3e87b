# A group of servers from an image of a private catalog: the policy that it needs, growing, and clearing away.
set -eu
(set -o pipefail) 2>/dev/null && set -o pipefail
. "$(dirname "$0")/common.inc"
ibmcloud login -r us-south -g Default >/dev/null
account=$(ibmcloud target --output json | json 'd["account"]["guid"]')
[ "$account" = "$IBMCLOUD_ACCOUNT_ID" ]

image=$(ibmcloud is image-create "$N" --file "cos://us-south/images/$N.qcow2" --os-name debian-12-amd64 --output json | json 'd["id"]')
wait_for available ibmcloud is image "$image"
catalog=$(ibmcloud catalog create --name "$N" --output json | json 'd["id"]')
body='{"name":"'$N'","label":"'$N'","version":"1.0.0","install_kind":"instance","target_kinds":["vpc-x86"],"metadata":{"images":[{"id":"'$image'","name":"'$N'","region":"us-south"}]}}'
ibmcloud catalog offering create -c "$catalog" --vpc-body "$body" --output json > offering.json
ibmcloud catalog offering version validate --vl "$(json 'd["kinds"][0]["versions"][0]["version_locator"]' < offering.json)"
ibmcloud catalog offering ready --vl "$(json 'd["kinds"][0]["versions"][0]["version_locator"]' < offering.json)"
offering=$(json 'd["crn"]' < offering.json)

ibmcloud is instance-template-create "$N" default us-south-1 bx2-2x8 default --keys default --catalog-offering "$offering" >/dev/null
create="ibmcloud is instance-group-create $N --instance-template $N --subnets default --membership-count 1"

# Without the policy the group is refused, and what is missing is said
if $create >out.txt 2>err.txt; then exit 1; fi
grep -q 'authorization-policy-create is globalcatalog-collection Viewer' err.txt
policy=$(ibmcloud iam authorization-policy-create is globalcatalog-collection Viewer --target-resource "$catalog" --output json | json 'd["id"]')
ibmcloud iam authorization-policies | grep -A8 "$policy" | grep -q "$catalog"
$create >/dev/null
wait_for healthy ibmcloud is instance-group "$N"
[ "$(ibmcloud is instance-group-memberships "$N" --output json | json 'len(d)')" = 1 ]

# It grows; what it is made of cannot be taken away
ibmcloud is instance-group-update "$N" --membership-count 2 >/dev/null
until [ "$(ibmcloud is instance-group-memberships "$N" --output json | json 'sum(m["status"] == "healthy" for m in d)')" = 2 ]; do sleep 0.1; done
if ibmcloud is instance-template-delete "$N" -f 2>err.txt; then exit 1; fi
grep -q instance_template_in_use err.txt

# Scaled to nothing, then deleted
ibmcloud is instance-group-update "$N" --membership-count 0 >/dev/null
until [ "$(ibmcloud is instance-group-memberships "$N" --output json | json 'len(d)')" = 0 ]; do sleep 0.1; done
ibmcloud is instance-group-delete "$N" -f >/dev/null
until ! ibmcloud is instance-group "$N" >/dev/null 2>&1; do sleep 0.1; done
ibmcloud is instance-template-delete "$N" -f >/dev/null
ibmcloud iam authorization-policy-delete "$policy" -f >/dev/null
ibmcloud catalog offering delete -c "$catalog" -o "$N"
ibmcloud catalog delete -c "$catalog"
ibmcloud is image-delete "$N" -f >/dev/null
echo "the end"
