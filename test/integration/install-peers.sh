#!/usr/bin/env bash
# Makes sure that the real broker and its clients are there for the integration tests: Mosquitto 2.0.
# Installs what is missing where it may; says what to install where it may not, and fails. It never skips.
set -euo pipefail

# Debian puts daemons where a user's PATH does not look.
export PATH="$PATH:/usr/sbin:/sbin"

missing() {
  local name
  for name in mosquitto mosquitto_pub mosquitto_sub mosquitto_rr mosquitto_passwd; do
    command -v "$name" >/dev/null || echo "$name"
  done
}

give_up() {
  {
    echo "The integration tests need $(missing | paste -sd' '), and $1."
    echo "Install them and run the tests again. On Debian and Ubuntu:"
    echo "  sudo apt-get install mosquitto mosquitto-clients"
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
# The tests start brokers of their own: the package's service must not be started at installation. Where a policy
# exists already it stays; where it lets the service start, the service is stopped below.
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

echo "Installing $(missing | paste -sd' ')"
install() {
  "${as_root[@]}" apt-get -qq update &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l \
      apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install mosquitto mosquitto-clients
}
if ! install >"$log" 2>&1 </dev/null; then
  tail -n 20 "$log" >&2
  give_up "apt-get could not install them"
fi
if [ -d /run/systemd/system ]; then
  "${as_root[@]}" systemctl disable --now mosquitto.service >/dev/null 2>&1 || true
fi
[ -z "$(missing)" ] || give_up "the packages did not bring them"
