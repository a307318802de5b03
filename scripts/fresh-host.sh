#!/bin/bash
# Run by `scripts/fresh.sh --host` as root of a tree made for it, with no network but the loopback: this tree is the host,
# its / the agent's /. The server and the software TPM are the demo's; everything else is typed as the documents say.
set -euo pipefail
cd ~/book-of-omens
work=$(mktemp -d)
export OMENS_SETUP=none

type_() { printf '\n# %s\n' "$*"; "$@"; }
fail() { echo "fresh-host.sh: $*" >&2; exit 1; }
leaf_of() { openssl x509 -noout -fingerprint -sha256 -in "$1"; }
[ -z "$(tail -n +2 /proc/net/route)" ] || fail "this namespace has a network"

# Short lives, so that a rotation is seen; the demo's server takes its profiles from this clone.
sed -i 's/^lifetime: .*/lifetime: 4m/' policies/profiles/keylime-agent.yaml policies/profiles/devid.yaml
for name in tss keylime spire; do getent passwd $name >/dev/null || useradd --system --user-group --no-create-home $name; done

printf '\n# npm run -s demo -- --keep --json\n'
npm run -s demo -- --keep --json >"$work/demo.json" 2>"$work/demo.log" || { cat "$work/demo.log" >&2; exit 1; }
of() { node -p "JSON.parse(require('node:fs').readFileSync('$work/demo.json'))['$1']"; }
stop() { $(of stop) >/dev/null 2>&1 || true; rm -rf "$work"; }
trap stop EXIT
(umask 077; of operatorToken >"$work/token")
export OMENS_URL; OMENS_URL=$(of url)
export OMENS_TOKEN_FILE=$work/token OMENS_CA_FILE; OMENS_CA_FILE=$(of caBundle)
mkdir -p /etc/omens
printf 'tpm: unix:%s\ncheckEverySeconds: 10\n' "$(of tpmSocket)" >/etc/omens/agent.yaml

printf '\n# omens tokens create --host tower.example.org > host1.token\n'
(umask 077; omens tokens create --host tower.example.org >"$work/host1.token" 2>/dev/null)
type_ omens agent enroll --token-file "$work/host1.token" --tpm "unix:$(of tpmSocket)"
type_ ls -l /etc/keylime/certs/ /var/lib/tpm2-devid/
type_ omens agent install-units
type_ systemd-analyze verify /etc/systemd/system/omens-agent.service
type_ systemd-analyze --offline=yes --no-pager security /etc/systemd/system/omens-agent.service | tail -n 1
type_ omens agent doctor || true
type_ omens agent status

before=$(leaf_of /etc/keylime/certs/agent.crt; leaf_of /var/lib/tpm2-devid/devid.crt)
printf '\n# omens agent run    (what the unit starts; until both certificates have been replaced)\n'
omens agent run >"$work/run.log" 2>&1 &
agent=$!
for _ in $(seq 240); do
  kill -0 $agent 2>/dev/null || { cat "$work/run.log" >&2; fail "the agent ended"; }
  now=$(leaf_of /etc/keylime/certs/agent.crt; leaf_of /var/lib/tpm2-devid/devid.crt)
  [ "${now%%$'\n'*}" != "${before%%$'\n'*}" ] && [ "${now##*$'\n'}" != "${before##*$'\n'}" ] && break
  sleep 1
done
sleep 12
kill $agent && wait $agent || true
tail -n 12 "$work/run.log"
[ "${now%%$'\n'*}" != "${before%%$'\n'*}" ] || fail "the Keylime certificate was not replaced"
[ "${now##*$'\n'}" != "${before##*$'\n'}" ] || fail "the DevID was not replaced"
type_ omens agent status

device=$(omens devices list --json | node -p 'JSON.parse(require("node:fs").readFileSync(0)).items[0].id')
type_ omens devices retire "$device"
type_ omens agent install-units --remove
type_ rm -rf /var/lib/omens/agent /etc/omens/agent.yaml /etc/keylime/certs /var/lib/tpm2-devid
[ ! -e /etc/systemd/system/omens-agent.service ] || fail "the unit is still there"
echo
echo "installed, enrolled, rotated, uninstalled"
