/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The contract between a launcher and libmocksys-preload.so: the environment of the command, and nothing else.
 *
 * The launcher puts the shim's absolute path into LD_PRELOAD and sets what follows. The shim reads each variable once,
 * when the process starts, and puts them (and itself in LD_PRELOAD) back into the environment of every program that
 * the process executes, if they are missing there: `env -i` and the like do not lead out of the machine.
 */
#pragma once

/*
 * docs/ways.md has what the shim cannot do.
 *
 * A program with AddressSanitizer's shared run-time (GCC's default) wants that to be first: LD_PRELOAD=libasan.so:shim,
 * or ASAN_OPTIONS=verify_asan_link_order=0. Valgrind needs nothing.
 */

/*
 * `mount`: /sys and the rest are covered in a mount namespace; the shim redirects no path (but see
 * MOCKSYS_PROC_MODULES). `shim`: the machine is served at MOCKSYS_ROOT and the shim redirects paths there. `plain`: the
 * same, but what is at MOCKSYS_ROOT is a picture only (plain/mirror.h), and the files that are more than their content
 * are opened at a socket in MOCKSYS_WIRE. Unset or something else: no path is redirected, and loading or unloading a
 * module is EPERM.
 */
#define MOCKSYS_WAY_VARIABLE "MOCKSYS_WAY"
#define MOCKSYS_WAY_MOUNT "mount"
#define MOCKSYS_WAY_SHIM "shim"
#define MOCKSYS_WAY_PLAIN "plain"

/*
 * Ways `shim` and `plain`: where the machine is: this directory has `sys`, `dev/vfio`, `dev/kmsg`,
 * `lib/modules/<release>`, `proc/modules`. Absolute, and as realpath(3) prints it: the shim recognises it in what
 * getcwd(2) and readlink(2) return.
 */
#define MOCKSYS_ROOT_VARIABLE "MOCKSYS_ROOT"

/*
 * Ways `shim` and `plain`, may be unset: paths that stay the host's, absolute, joined by colons:
 * "/sys/fs:/sys/power:/sys/devices/system". Where the fake has an empty directory for a mount point, that directory
 * belongs here.
 */
#define MOCKSYS_HOST_PATHS_VARIABLE "MOCKSYS_HOST_PATHS"

/*
 * Ways `shim` and `plain`, may be unset: an ordinary private directory of the launcher, absolute, as realpath(3) prints
 * it. It takes the place of the root directory for the MOCKSYS_PRIVATE_PATHS, so that what programs write there stays
 * in the sandbox: /etc/driverctl.d is $MOCKSYS_PRIVATE/etc/driverctl.d. The launcher makes the parents
 * ($MOCKSYS_PRIVATE/etc, …/run); a directory that it does not make is missing for the command too.
 */
#define MOCKSYS_PRIVATE_VARIABLE "MOCKSYS_PRIVATE"
#define MOCKSYS_PRIVATE_PATHS(PATH) PATH("/etc/driverctl.d") PATH("/etc/modprobe.d") PATH("/run/vfiobind")

/*
 * Way `mount`, where /proc/modules cannot be covered because the host's kernel has none: the file to show in its place,
 * an absolute path that the command can open. The other ways need no such variable: it is $MOCKSYS_ROOT/proc/modules.
 */
#define MOCKSYS_PROC_MODULES_VARIABLE "MOCKSYS_PROC_MODULES"

/*
 * May be unset, but not in way `plain`: the directory of the server's sockets (wire/protocol.h), absolute. A netlink
 * socket for uevents is then one of the server's. Without it such a socket is the system's own, which in way `mount` is
 * that of the sandbox.
 */
#define MOCKSYS_WIRE_VARIABLE "MOCKSYS_WIRE"

/* Who the process is for the trace and the schedules; only handed on. */
#define MOCKSYS_ACTOR_VARIABLE "MOCKSYS_ACTOR"

/* All that is handed on to executed programs. */
#define MOCKSYS_VARIABLES(VARIABLE)             \
	VARIABLE(MOCKSYS_WAY_VARIABLE)          \
	VARIABLE(MOCKSYS_ROOT_VARIABLE)         \
	VARIABLE(MOCKSYS_HOST_PATHS_VARIABLE)   \
	VARIABLE(MOCKSYS_PRIVATE_VARIABLE)      \
	VARIABLE(MOCKSYS_PROC_MODULES_VARIABLE) \
	VARIABLE(MOCKSYS_WIRE_VARIABLE)         \
	VARIABLE(MOCKSYS_ACTOR_VARIABLE)

/*
 * The control file for modules (below MOCKSYS_ROOT in way `shim`): one write(2) of "load NAME[ PARAMETERS]\n" is
 * init_module(2), one of "unload NAME\n" is delete_module(2), and the write's errno is the call's. A file that cannot
 * be opened is EPERM: no module call ever reaches the host's kernel.
 */
#define MOCKSYS_MODULES_FILE "/sys/kernel/debug/mocksys/modules"
