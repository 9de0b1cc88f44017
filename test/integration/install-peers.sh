#!/usr/bin/env bash
# Makes sure that the real programs are there that the integration tests compare with and talk through: Mosquitto 2.0,
# Knot DNS and the clients of Knot, BIND and NLnet Labs. With the argument `bench-dns`: the peers of that benchmark.
# Installs what is missing where it may; says what to install where it may not, and fails. It never skips.
set -euo pipefail

case "${1:-tests}" in
  tests)
    what='The integration tests need'
    commands='mosquitto mosquitto_pub mosquitto_sub mosquitto_rr mosquitto_passwd knotd kdig dig delv drill'
    packages='mosquitto mosquitto-clients knot knot-dnsutils bind9-dnsutils ldnsutils'
    services='mosquitto knot'
    ;;
  bench-dns)
    what='The benchmark needs'
    commands='dnsperf knotd pdns_server gdnsd taskset'
    packages='dnsperf knot pdns-server pdns-backend-bind gdnsd util-linux'
    services='knot pdns gdnsd'
    ;;
  *)
    echo "usage: $0 [tests | bench-dns]" >&2
    exit 64
    ;;
esac

# Debian puts daemons where a user's PATH does not look.
export PATH="$PATH:/usr/sbin:/sbin"

missing() {
  local name
  for name in $commands; do
    command -v "$name" >/dev/null || echo "$name"
  done
}

give_up() {
  {
    echo "$what $(missing | paste -sd' '), and $1."
    echo "Install them and try again. On Debian and Ubuntu:"
    echo "  sudo apt-get install $packages"
  } >&2
  exit 1
}

[ -z "$(missing)" ] && exit 0

command -v apt-get >/dev/null || give_up "there is no apt-get to install them with"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  sudo -n true 2>/dev/null || give_up "neither root nor sudo without a password is at hand to install them"
  as_root=(sudo -n)
fi

log="$(mktemp)"
trap 'rm -f "$log"' EXIT
# Servers are started where they are needed: the packages' services must not be started at installation. Where a policy
# exists already it stays; where it lets a service start, it is stopped below.
policy=/usr/sbin/policy-rc.d
made_policy=no
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
  made_policy=yes
fi
undo() {
  rm -f "$log"
  [ "$made_policy" = no ] || "${as_root[@]}" rm -f "$policy"
}
trap undo EXIT

# Services that were there before are somebody's.
new_services=
for service in $services; do
  [ -n "$(systemctl list-unit-files --no-legend "$service.service" 2>/dev/null)" ] || new_services+=" $service"
done

echo "Installing $(missing | paste -sd' ')"
install() {
  "${as_root[@]}" apt-get -qq update &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l \
      apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install $packages
}
if ! install >"$log" 2>&1 </dev/null; then
  tail -n 20 "$log" >&2
  give_up "apt-get could not install them"
fi
if [ -d /run/systemd/system ]; then
  for service in $new_services; do
    "${as_root[@]}" systemctl disable --now "$service.service" >/dev/null 2>&1 || true
  done
fi
[ -z "$(missing)" ] || give_up "the packages did not bring them"
