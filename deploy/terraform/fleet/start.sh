#!/bin/bash
# Runs once, as root, when the machine starts. Whatever goes wrong, the machine goes: it has no other
# use, and costs money.
set -euo pipefail
trap 'systemctl poweroff' ERR
# If it never comes as far as a worker.
shutdown -h +30 'no worker came up'

mkdir -p /opt/sortie
cd /opt/sortie
while read -r sum key name; do
    aws s3 cp --region '${region}' --only-show-errors "s3://${bucket}/$key" "$name"
    echo "$sum  $name" | sha256sum --check --quiet
done <<'FILES'
${files}
FILES
chmod 755 sortie-bare-metal

cat >worker.env <<'ENVIRONMENT'
${environment}
ENVIRONMENT

cat >/etc/systemd/system/sortie.service <<'UNIT'
[Unit]
Description=Sortie bare-metal worker
Wants=network-online.target
After=network-online.target
# Five failures in ten minutes are no accident.
StartLimitIntervalSec=600
StartLimitBurst=5
StartLimitAction=poweroff

[Service]
ExecStart=/opt/sortie/sortie-bare-metal
EnvironmentFile=/opt/sortie/worker.env
Restart=on-failure
RestartSec=5
# It ends well when there is nothing to do: then so does the machine.
ExecStopPost=+/bin/sh -c 'test "$SERVICE_RESULT" != success || systemctl --no-block poweroff'
# It drains on SIGTERM; a spot instance has two minutes.
TimeoutStopSec=110
DynamicUser=yes
AmbientCapabilities=CAP_NET_RAW CAP_NET_ADMIN
CapabilityBoundingSet=CAP_NET_RAW CAP_NET_ADMIN
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_PACKET AF_UNIX
LimitMEMLOCK=infinity
LimitNOFILE=1048576
UNIT
systemctl daemon-reload
systemctl start sortie.service
shutdown -c
