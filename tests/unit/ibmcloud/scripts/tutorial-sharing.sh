# An image is shared through a private catalog; another account boots from it, and cannot open it.
set -eu
(set -o pipefail) 2>/dev/null && set -o pipefail
. "$(dirname "$0")/common.inc"
publisher() { IBMCLOUD_HOME=$HOME/publisher ibmcloud "$@"; }
consumer() { IBMCLOUD_HOME=$HOME/consumer ibmcloud "$@"; }
outsider() { IBMCLOUD_HOME=$HOME/outsider ibmcloud "$@"; }
mkdir -p "$HOME/publisher" "$HOME/consumer" "$HOME/outsider"

# Three sessions side by side
publisher login --apikey "$IBMCLOUD_API_KEY" -r us-south -g Default >/dev/null
consumer login --apikey "$CONSUMER_KEY" -r us-south -g Default >/dev/null
outsider login --apikey "$OUTSIDER_KEY" -r us-south -g Default >/dev/null

image=$(publisher is image-create "$N" --file "cos://us-south/images/$N.qcow2" --os-name debian-12-amd64 --output json | json 'd["id"]')
wait_for available publisher is image "$image"
publisher catalog create --name "$N" >/dev/null
body='{"name":"'$N'","label":"'$N'","version":"1.0.0","install_kind":"instance","target_kinds":["vpc-x86"],"metadata":{"images":[{"id":"'$image'","name":"'$N'","region":"us-south"}]}}'
publisher catalog offering create -c "$N" --vpc-body "$body" >/dev/null
locator=$(publisher catalog offering list -c "$N" | awk '/1\.0\.0/ {print $NF}')
publisher catalog offering version validate --vl "$locator"
publisher catalog offering ready --vl "$locator"
publisher catalog offering publish allowlist -c "$N" -o "$N" --account-ids "-acct-$CONSUMER_ACCOUNT"

# The receiving account accepts, once for each source
consumer catalog account get-approval-list-source | grep -q "$IBMCLOUD_ACCOUNT_ID"
consumer catalog account set-approval-state-source --account-ids "$IBMCLOUD_ACCOUNT_ID" --approval-state approved
version=$(consumer is catalog-image-offerings | grep "$N " | awk '{print $NF}')
consumer is instance-create "$N" default us-south-1 bx2-2x8 default --keys default --catalog-offering-version "$version" >/dev/null
wait_for running consumer is instance "$N"
[ "$(consumer is instance "$N" --output json | json 'd["image"]["id"]')" = "$image" ]
if consumer is image "$image" >out.txt 2>err.txt; then exit 1; fi
grep -q '^Error code: not_found$' err.txt
if consumer is image "$N" 2>/dev/null; then exit 1; fi

# A template, and servers of it
consumer is instance-template-create "$N" default us-south-1 bx2-2x8 default --keys default --catalog-offering-version "$version" >/dev/null
consumer is instance-create-from-template --template "$N" --name "$N-more" >/dev/null
wait_for running consumer is instance "$N-more"

# Outside the enterprise nothing of it exists
[ "$(outsider is catalog-image-offerings --output json | json 'len(d)')" = 0 ]
if outsider is instance-create "$N" default us-south-1 bx2-2x8 default --catalog-offering-version "$version" 2>err.txt; then exit 1; fi
grep -q '^Response HTTP Status Code: 404$' err.txt

# Clearing away: what was deleted can be restored for seven days, or ended at once
consumer is instance-delete "$N" "$N-more" -f >/dev/null
consumer is instance-template-delete "$N" -f >/dev/null
publisher catalog delete -c "$N"
if publisher is image-delete "$image" -f 2>/dev/null; then exit 1; fi
reclamation=$(publisher resource reclamations -q --output json | json '[r["id"] for r in d if r["state"] == "SCHEDULED"][0]')
publisher resource reclamation-delete "$reclamation" -f >/dev/null
publisher is image-delete "$image" -f >/dev/null
echo "the end"
