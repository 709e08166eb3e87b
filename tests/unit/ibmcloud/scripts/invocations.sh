# The invocations that scripts make most, in the order in which a pipeline makes them.
set -eu
(set -o pipefail) 2>/dev/null && set -o pipefail
. "$(dirname "$0")/common.inc"

ibmcloud plugin install vpc-infrastructure -f >/dev/null
ibmcloud plugin update >/dev/null
ibmcloud plugin list | grep -q 'vpc-infrastructure\[infrastructure-service/is\]'
ibmcloud config --check-version=false >/dev/null
ibmcloud --version >/dev/null

# 1, 2: log in, in a loop; target; the words behind the labels
if ibmcloud target 2>&1 | grep -q "Not logged in"; then echo "not yet"; fi
until ibmcloud login --apikey "$IBMCLOUD_API_KEY" -r us-south -g Default >/dev/null; do sleep 1; done
printf '%s' "$IBMCLOUD_API_KEY" > key
ibmcloud login -q --apikey @key -a "$KUNSTHALLE_URL" -r us-south -g Default
ibmcloud target -r us-south -g Default >/dev/null
[ "$(ibmcloud target | grep Region | awk '{print $2}')" = us-south ]
[ "$(ibmcloud target | grep 'Resource group:' | awk '{print $3}')" = Default ]
ibmcloud target | grep User | grep -q owner@publisher.example
ibmcloud target | grep Account | grep -q publisher
ibmcloud is target --gen 2

# 21, 22: resource groups as an existence test, and the token in both its forms
group=$(ibmcloud resource groups --output json | json 'next(g["id"] for g in d if g["name"] == "Default")')
[ "$(ibmcloud resource group Default --id)" = "$group" ]
[ "$(ibmcloud resource group Default -q 2>/dev/null | awk '/^ID/ {print $2}')" = "$group" ]
if ibmcloud resource group no-such-group -q >/dev/null 2>&1; then exit 1; fi
token=$(ibmcloud iam oauth-tokens | awk '{print $4}')
[ "$(ibmcloud iam oauth-tokens | sed 's/^IAM token:[ ]*//' | cut -d' ' -f1)" = Bearer ]
ibmcloud iam oauth-tokens --output json | json 'd["iam_token"]' | grep -q '^Bearer '
[ "$(printf %s "$token" | tr -cd . | wc -c)" -eq 2 ]

# 17, 18, 19: where a server will be
vpc=$(ibmcloud is vpcs --output json | json 'd[0]["id"]')
[ "$(ibmcloud is vpc "$vpc" --output json | json 'd["default_security_group"]["id"]' | cut -c1-5)" = r006- ]
subnet=$(ibmcloud is subnets --output json | json 'd[0]["id"]')
zone=$(ibmcloud is subnet "$subnet" --vpc default --output json | json 'd["zone"]["name"]')
ibmcloud is keys --output json | json 'next(k["id"] for k in d if k["name"] == "default")' >/dev/null

# 7, 3, 4, 5, 6: an image from the bucket, found by every means
image=$(ibmcloud is image-create "$N" --file "cos://us-south/images/$N.qcow2" --os-name debian-12-amd64 \
    --resource-group-id "$group" --output json -q | json 'd["id"]')
wait_for available ibmcloud is image "$image"
[ "$(ibmcloud is images --output json | json "next(i['id'] for i in d if i['name'] == '$N')")" = "$image" ]
ibmcloud is images --output json | json 'next(i for i in d if i["operating_system"]["name"].startswith("debian") and i["status"] == "available")["id"]' >/dev/null
[ "$(ibmcloud is images | grep "$N .*available.*amd64.*private" | cut -d" " -f1)" = "$image" ]
[ "$(ibmcloud is images --visibility=private --output json | json "[i['id'] for i in d if i['name'] == '$N'][0]")" = "$image" ]
ibmcloud is images --visibility private | grep -q "$N"
ibmcloud is image "$N" --output json | json 'd["file"]["checksums"]["sha256"]' | grep -q '^[0-9a-f]\{64\}$'
ibmcloud is image --output json "$image" | json 'd["operating_system"]["name"]' | grep -q debian
ibmcloud is image no-such-image --output json >/dev/null 2>&1 || true
command="ibmcloud is image-create $N --file cos://us-south/images/$N.qcow2 --os-name debian-12-amd64"
if eval "$command" >out.txt 2>&1; then exit 1; fi
grep -q validation_unique_failed out.txt

# 12, 14, 10, 11: a server from it
cat > user-data <<'END'
#!/bin/sh
END
server=$(ibmcloud is instance-create "$N" "$vpc" "$zone" bx2-2x8 "$subnet" --image "$image" --keys default \
    --user-data @user-data --output json | json 'd["id"]')
wait_for running ibmcloud is instance "$server"
ibmcloud is instance "$N" --output json | json 'd["primary_network_interface"]["primary_ip"]["address"]' | grep -q '^10\.'
[ "$(ibmcloud is instance "$server" --output json | json 'd["image"]["id"]')" = "$image" ]
[ "$(ibmcloud is instances --output json | json "next(s for s in d if s['name'] == '$N')['boot_volume_attachment']['volume']['id']" | cut -c1-5)" = r006- ]
[ "$(ibmcloud is instances | grep "$N" | awk '{print $1}')" = "$server" ]
ibmcloud is instances | grep "$N" | awk '{print $4}' | grep -q '^10\.'
[ "$(ibmcloud is instances | grep "$N" | awk '{print $5}')" = - ]

# 16: stopped, started, rebooted
ibmcloud is instance-stop "$server" --force=True >/dev/null
wait_for stopped ibmcloud is instance "$server"

# 20, 8: its volume, a snapshot of it, an image of it
volume=$(ibmcloud is instance "$server" --output json | json 'd["boot_volume_attachment"]["volume"]["id"]')
[ "$(ibmcloud is volumes | grep "$volume" | awk '{print $1}')" = "$volume" ]
snapshot=$(ibmcloud is snapshot-create --volume "$volume" --name "$N" --output JSON | json 'd["id"]')
until [ "$(ibmcloud is snapshots --volume "$volume" --output json | json 'd[0]["lifecycle_state"]')" = stable ]; do sleep 0.1; done
captured=$(ibmcloud is image-create "$N-captured" --source-volume "$volume" --quiet --output JSON | json 'd["id"]')
wait_for available ibmcloud is image "$captured"
ibmcloud is instance-start "$server" >/dev/null
wait_for running ibmcloud is instance "$server"
ibmcloud is instance-reboot "$server" -f >/dev/null

# 23: a service may read buckets
ibmcloud iam authorization-policy-create is cloud-object-storage Reader --source-resource-type image >out.txt 2>&1 ||
    grep -q policy_conflict_error out.txt

# 24, 25: a private catalog, from the import to the account
ibmcloud catalog create --name "$N" >/dev/null
ibmcloud catalog list --output json | json "next(c for c in d if c['label'] == '$N')['id']" >/dev/null
cat > body.json <<END
{"name": "$N", "label": "$N", "install_kind": "instance", "target_kinds": ["vpc-x86"], "version": "1.0.0",
 "metadata": {"operating_system": {"name": "debian-12-amd64"},
 "images": [{"id": "$image", "name": "$N", "region": "us-south"}]}}
END
ibmcloud catalog offering create --catalog "$N" --vpc-body @body.json >/dev/null
ibmcloud catalog offering get -c "$N" -o "$N" --output json > offering.json
locator=$(json '[v["version_locator"] for k in d["kinds"] if k["format_kind"] == "vsi-image" for v in k["versions"] if v["version"] == "1.0.0"][0]' < offering.json)
cat > values.json <<END
{"vsi_instance_name": "try", "vpc_profile": "bx2-2x8", "subnet_id": "$subnet", "vpc_id": "$vpc", "subnet_zone": "$zone"}
END
ibmcloud catalog offering version validate --vl "$locator" --override-values values.json --timeout 60
ibmcloud catalog offering ready --vl "$locator"
ibmcloud catalog offering publish account -c "$N" -o "$N"
sed -i.bak "s/1\\.0\\.0/2.0.0/; s/$image/$captured/" body.json
ibmcloud catalog offering import-version -c "$N" -o "$N" --vpc-body "$(cat body.json)" >/dev/null

# 13: a server from the catalog, by version and by offering
version=$(json 'd["kinds"][0]["versions"][0]["crn"]' < offering.json)
offering=$(json 'd["crn"]' < offering.json)
one=$(ibmcloud is instance-create "$N-one" default "$zone" bx2-2x8 default --keys default \
    --catalog-offering-version "$version" --output json | json 'd["id"]')
two=$(ibmcloud is inc "$N-two" default "$zone" bx2-2x8 default --keys default \
    --catalog-offering "$offering" --output json | json 'd["id"]')

# 15, 9: gone, several at once; what a catalog manages stays
[ "$(ibmcloud is instance-delete "$one" "$two" --output JSON -f | json 'all(r["result"] for r in d)')" = true ]
ibmcloud is instance-delete "$server" -f >/dev/null
if ibmcloud is image-delete "$image" -f >out.txt 2>&1; then exit 1; fi
grep -q image_managed_by_catalog out.txt
ibmcloud catalog offering delete -c "$N" -o "$N"
[ "$(ibmcloud is image-delete "$image" "$captured" --force --output JSON | json '[r["result"] for r in d]')" = "[true, true]" ]
ibmcloud is snapshot-delete "$snapshot" -f >/dev/null
ibmcloud catalog delete -c "$N"
ibmcloud logout
echo "the end"
