#!/bin/sh
# Programs of Debian packages that some tests start: Prometheus and promtool, Alertmanager and amtool, systemd-analyze,
# Chromium and its driver. Installs what is missing where that needs nobody's leave: as root, on Debian. Elsewhere, and
# where it cannot be installed, says what is missing; the tests that need it are then left out, and fail where CI is set.
#
# usage: sh tests/services.sh [STAMP]      the stamp is touched once nothing is missing
set -u

# program:package
PROGRAMS="
prometheus:prometheus
promtool:prometheus
prometheus-alertmanager:prometheus-alertmanager
amtool:prometheus-alertmanager
systemd-analyze:systemd
chromium:chromium
chromedriver:chromium-driver
"

missing() {
    for pair in $PROGRAMS; do
        command -v "${pair%%:*}" > /dev/null 2>&1 || echo "${pair##*:}"
    done | sort -u | tr '\n' ' ' | sed 's/ $//'
}

# A package may start its service when it is installed: the policy forbids it, unless the machine has one of its own.
POLICY=/usr/sbin/policy-rc.d

install() {
    if [ ! -e "$POLICY" ]; then
        printf '#!/bin/sh\nexit 101\n' > "$POLICY" && chmod 755 "$POLICY"
        trap 'rm -f "$POLICY"' EXIT
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt="apt-get -qq -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3"
    $apt update > /dev/null
    # shellcheck disable=SC2086 # the names are words
    $apt install -y --no-install-recommends $1 > /dev/null
}

wanted=$(missing)
if [ -n "$wanted" ] && [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ]; then
    echo "installing for the tests: $wanted"
    install "$wanted"
    wanted=$(missing)
fi
if [ -n "$wanted" ]; then
    echo "not installed, so the tests that start them are left out: $wanted"
elif [ -n "${1:-}" ]; then
    touch "$1"
fi
