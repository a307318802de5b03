#!/bin/bash
# Shows that both commands work straight after `git clone` on a machine where nothing is: a minimal tree of the running
# Debian with Node copied in, once as root and once as an ordinary user. Needs root, debootstrap and git; not part of CI.
#   scripts/fresh.sh [--host] [--keep]    the tree is removed at the end unless --keep
# With --host the tree is a host instead, with no network but its own loopback: scripts/fresh-host.sh installs, enrolls,
# rotates and uninstalls the agent in it, by the commands of the documents.
set -euo pipefail
mode=commands
keep=
for argument in "$@"; do
  case $argument in
    --host) mode=host ;;
    --keep) keep=keep ;;
    *) echo "usage: scripts/fresh.sh [--host] [--keep]" >&2; exit 2 ;;
  esac
done

repository=$(cd "$(dirname "$0")/.." && pwd)
[ "$(id -u)" = 0 ] || { echo "fresh.sh: needs root" >&2; exit 2; }
for program in debootstrap git node npm; do
  command -v "$program" >/dev/null || { echo "fresh.sh: needs $program" >&2; exit 2; }
done
. /etc/os-release

work=$(mktemp -d /var/tmp/omens-fresh.XXXXXX)
tree=$work/tree
mounts=(proc dev/pts dev/shm)

cleanup() {
  set +e
  # Whatever a run left behind holds the tree; only processes whose root is this tree are ended.
  for root in /proc/[0-9]*/root; do
    if [ "$(readlink "$root")" = "$tree" ]; then
      pid=${root#/proc/}
      kill -9 "${pid%/root}" 2>/dev/null
    fi
  done
  for mount in "${mounts[@]}"; do umount -l "$tree/$mount" 2>/dev/null; done
  if grep -q " $tree/" /proc/mounts; then
    echo "fresh.sh: $tree still has mounts, left in place" >&2
  elif [ "${1:-}" != keep ]; then
    rm -rf --one-file-system "$work"
  fi
}
trap 'cleanup' EXIT
trap 'exit 130' INT TERM
say() { echo "fresh.sh: $*" >&2; }

# The mirror that this machine's own apt uses for its release; no host is named here.
mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' "Created-By: Packages" "Component: main" |
  awk -v release="$VERSION_CODENAME" '$2 == release { print $1; exit }')
[ -n "$mirror" ] || { say "apt names no mirror of $VERSION_CODENAME"; exit 2; }

say "debootstrap --variant=minbase $VERSION_CODENAME"
debootstrap --variant=minbase "$VERSION_CODENAME" "$tree" "$mirror" >"$work/debootstrap.log" 2>&1 ||
  { tail -n 20 "$work/debootstrap.log" >&2; exit 1; }

# The machine's own way to its registries: apt sources, npm configuration, certificates, names.
copy() { # PATH: the same place in the tree, if it exists here
  [ -e "$1" ] || return 0
  mkdir -p "$tree$(dirname "$1")"
  cp -aL "$1" "$tree$(dirname "$1")/"
}
rm -rf "$tree/etc/apt/sources.list" "$tree/etc/apt/sources.list.d"
for path in /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/apt.conf.d /etc/apt/auth.conf.d /etc/apt/trusted.gpg.d \
  /usr/share/keyrings /etc/apt/keyrings /etc/ssl/certs /usr/local/share/ca-certificates /etc/resolv.conf /etc/hosts \
  "$(npm config get globalconfig 2>/dev/null)" /etc/npmrc; do
  copy "$path"
done
rm -rf "$tree/var/lib/apt/lists" && mkdir -p "$tree/var/lib/apt/lists/partial"

# Node: the binary, the libraries it needs that the tree lacks, and npm.
install -D "$(readlink -f "$(command -v node)")" "$tree/usr/local/bin/node"
ldd "$(command -v node)" | awk '/=> \// { print $3 }' | while read -r library; do
  [ -e "$tree$library" ] || copy "$library"
done
npm_home=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
mkdir -p "$tree/usr/local/lib/node_modules"
cp -a "$npm_home" "$tree/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$tree/usr/local/bin/npm"
ln -s ../lib/node_modules/npm/bin/npx-cli.js "$tree/usr/local/bin/npx"

chroot "$tree" useradd --create-home visitor
for home in /root /home/visitor; do
  if [ -e "${HOME:-/root}/.npmrc" ]; then install -m 0600 "${HOME:-/root}/.npmrc" "$tree$home/.npmrc"; fi
done
chroot "$tree" chown -R visitor: /home/visitor

mount -t proc proc "$tree/proc"
mkdir -p "$tree/dev/pts" "$tree/dev/shm"
mount -t devpts devpts "$tree/dev/pts"
mount -t tmpfs tmpfs "$tree/dev/shm"

# Proxies and npm settings of this shell are part of how this machine reaches its registries.
mapfile -t passed < <(env | grep -iE '^(https?_proxy|no_proxy|npm_config_(registry|cafile|https?_proxy|noproxy)|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE)=' || true)
mapfile -t extra < <(printf '%s\n' "${passed[@]}" | grep -E '^(NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|npm_config_cafile)=' | cut -d= -f2- || true)
for file in "${extra[@]}"; do [ -z "$file" ] || copy "$file"; done

results=()
failures=0
namespace=()
attempt() { # USER COMMAND NOTE: COMMAND in a clone made for it
  local user=$1 home=/root
  [ "$user" = root ] || home=/home/$user
  rm -rf "$tree$home/book-of-omens"
  git clone --quiet --no-hardlinks "$repository" "$tree$home/book-of-omens"
  # A clone by this user: what git on the outside wrote belongs to them.
  chroot "$tree" chown -R "$user": "$home/book-of-omens"
  attempt_here "$@"
}
attempt_here() { # USER COMMAND NOTE: COMMAND in the clone that is there
  local user=$1 command=$2 note=$3 home=/root started status=0
  [ "$user" = root ] || home=/home/$user
  say "$user: $command"
  started=$SECONDS
  "${namespace[@]}" chroot --userspec="$user" "$tree" /usr/bin/env -i "${passed[@]}" HOME="$home" USER="$user" LANG=C.UTF-8 \
    PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin \
    /bin/sh -c "cd ~/book-of-omens && $command" </dev/null || status=$?
  [ "$status" = 0 ] || failures=$((failures + 1))
  results+=("$(printf '%-8s  %-13s  exit %-3s  %4d s  %s' "$user" "$command" "$status" "$((SECONDS - started))" "$note")")
}

host_walk() {
  command -v ip >/dev/null || { say "needs iproute2"; exit 2; }
  attempt root "npm ci && npm run build && npm link" "as README.md says"
  # The programs of the demo and of the unit's check, before the network is gone.
  attempt_here root "node -e \"import('./scripts/setup.mjs').then(({ setup }) => setup({ suites: ['demo', 'e2e'] }))\"" "Debian packages"
  namespace=(unshare --net --uts sh -c 'ip link set lo up && hostname tower.example.org && exec "$@"' sh)
  attempt_here root "bash scripts/fresh-host.sh" "loopback only"
  namespace=()
}

if [ "$mode" = host ]; then
  host_walk
else
attempt visitor "npm test" "no Debian package installed: suites are left out"
attempt root "npm run demo" "installs the Debian packages"
attempt root "npm test" ""
attempt visitor "npm run demo" "packages are there"
attempt visitor "npm test" "packages are there"
fi

echo
echo "Debian $VERSION_ID ($VERSION_CODENAME), minimal; Node $(node --version); $(git -C "$repository" rev-parse --short HEAD)"
printf '%s\n' "${results[@]}"
echo "$((${#results[@]} - failures)) passed, $failures failed"
if [ -n "$keep" ]; then
  trap - EXIT
  cleanup keep
  say "kept: $tree"
fi
[ "$failures" = 0 ]
