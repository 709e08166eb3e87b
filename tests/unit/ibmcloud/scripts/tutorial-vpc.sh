# A network of one's own, a server in it with an address of the world, and everything taken away again.
set -eu
(set -o pipefail) 2>/dev/null && set -o pipefail
. "$(dirname "$0")/common.inc"

ibmcloud login -r us-south >/dev/null
ibmcloud target -g Default >/dev/null
ibmcloud is regions | grep -q us-south
ibmcloud is zones -q | awk 'NR > 1 {print $1}' | grep -q us-south-1

vpc=$(ibmcloud is vpc-create "$N" --output json | json 'd["id"]')
until [ "$(ibmcloud is vpcs --output json | json "next(v['status'] for v in d if v['name'] == '$N')")" = available ]; do sleep 0.1; done
ibmcloud is subnet-create "$N" "$N" --zone us-south-1 --ipv4-address-count 256 >/dev/null
wait_for available ibmcloud is subnet "$N"
ibmcloud is public-gateway-create "$N" "$N" us-south-1 >/dev/null
ibmcloud is subnet-update "$N" --pgw "$N" >/dev/null
group=$(ibmcloud is vpc "$vpc" --output json | json 'd["default_security_group"]["id"]')
ibmcloud is security-group-rule-add "$group" inbound tcp --port-min 22 --port-max 22 >/dev/null
ssh_key=$("$PYTHON" -c 'import base64, os; print("ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0 " + os.urandom(32)).decode())')
printf '%s' "$ssh_key" > id.pub
ibmcloud is key-create "$N" @id.pub --resource-group-name Default >/dev/null

image=$(ibmcloud is image-create "$N" --file "cos://us-south/images/$N.qcow2" --os-name debian-12-amd64 --output json | json 'd["id"]')
wait_for available ibmcloud is image "$image"
profile=$(ibmcloud is instance-profiles | awk '$1 ~ /^bx2-2x8$/ {print $1}')
ibmcloud is instance-create "$N" "$N" us-south-1 "$profile" "$N" --image "$N" --keys "$N" --sgs "$group" \
    --boot-volume '{"name": "boot", "volume": {"name": "'"$N"'-boot", "profile": {"name": "general-purpose"}}}' >/dev/null
wait_for running ibmcloud is instance "$N"
nic=$(ibmcloud is instance "$N" --output json | json 'd["primary_network_interface"]["id"]')
address=$(ibmcloud is floating-ip-reserve "$N" --nic "$nic" --in "$N" --output json | json 'd["address"]')
ibmcloud is floating-ips | awk '{print $2}' | grep -qx "$address"
[ "$(ibmcloud is instances | grep "$N" | awk '{print $5}')" = "$address" ]
ibmcloud is in-nics "$N" | grep -q "$address"

echo no | ibmcloud is instance-delete "$N" >/dev/null
ibmcloud is instance "$N" >/dev/null
ibmcloud is floating-ip-release "$N" -f >/dev/null
echo y | ibmcloud is instance-delete "$N" | grep -q "Instance $N is deleted."
ibmcloud is subnet-public-gateway-detach "$N" -f >/dev/null
ibmcloud is public-gateway-delete "$N" -f >/dev/null
ibmcloud is subnet-delete "$N" -f >/dev/null
ibmcloud is vpc-delete "$N" -f >/dev/null
ibmcloud is key-delete "$N" -f >/dev/null
ibmcloud is image-delete "$N" -f >/dev/null
echo "the end"
