#!/bin/sh
# SPDX-License-Identifier: CC0-1.0
# test-lend.sh LEND: to be run on the machine igb-sriov.
set -eu
lend=$1 device=/sys/bus/pci/devices/0000:04:11.5
driver() { basename "$(readlink "$device/driver")"; }

# The command has the device, and its exit status is that of the whole.
status=0
# shellcheck disable=SC2016 # the command's shell expands it
"$lend" 0000:04:11.5 sh -c '
	[ "$(basename "$(readlink "$0/driver")")" = vfio-pci-igbvf ] || exit 1
	[ -e "$VFIO_NODE" ] || exit 2
	exit 42
' "$device" || status=$?
[ "$status" = 42 ]
[ "$(driver)" = igbvf ]

# A driver that does not want the device: it stays where it was.
echo 'dd.probe driver=vfio-pci-igbvf fail=EBUSY' >/sys/kernel/debug/mocksys/faults
if "$lend" pci_0000_04_11_5 touch ran; then exit 1; fi
[ ! -e ran ]
[ "$(driver)" = igbvf ]
echo clear >/sys/kernel/debug/mocksys/faults

if "$lend" nosuchdevice true; then exit 1; fi
echo "all as it should be"
