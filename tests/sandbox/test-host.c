/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a command does in the sandbox, the host does not notice; and who it is there. test-host WAY [--as-nobody] */
#include "sandbox-test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *way;

static bool is_mount(void)
{
	return strcmp(way, "mount") == 0;
}

/* Runs @script and returns the first line that it prints. To be freed. */
static char *first_line(const char *const *options, const char *script)
{
	struct run run;
	char *line;

	run_start(&run, options, SHELL(script));
	line = run_read_line(&run);
	run_wait(&run);
	run_wait_until_gone(&run);
	return line ?: strdup("");
}

static void assert_prints(const char *const *options, const char *script, const char *expected)
{
	char *line = first_line(options, script);

	assert_string_equal(line, expected);
	free(line);
}

#define VIA WORDS("--via", way)

static void assert_host_unchanged_by(const char *const *options, const char *script)
{
	char *before = host_look();
	char *after;

	run_status(options, SHELL(script));
	after = host_look();
	assert_same_host(before, after);
	free(before);
	free(after);
	assert_nothing_left();
}

static void binding_and_unbinding_leaves_the_host_as_it_was(void **state)
{
	static const char script[] = "cd /sys/bus/pci/drivers/e1000e\n"
				     "echo 0000:03:00.0 >unbind; modprobe vfio-pci\n"
				     "echo vfio-pci >/sys/bus/pci/devices/0000:03:00.0/driver_override\n"
				     "echo 0000:03:00.0 >/sys/bus/pci/drivers_probe; ls /dev/vfio";

	assert_host_unchanged_by(VIA, script);
}

static void files_in_private_directories_stay_there(void **state)
{
	/* The shim covers those that the programs of this field write; the mounts cover the directories. */
	assert_host_unchanged_by(VIA, is_mount()
					      ? "touch /run/x /etc/driverctl.d/x /etc/modprobe.d/x; mkdir /run/vfiobind"
					      : "touch /etc/driverctl.d/x; mkdir -p /run/vfiobind/x");
}

static void driverctl_leaves_the_host_as_it_was(void **state)
{
	assert_host_unchanged_by(VIA, "driverctl set-override 0000:03:00.0 vfio-pci");
}

static void what_does_not_start_leaves_the_host_as_it_was(void **state)
{
	assert_host_unchanged_by(WORDS("--via", way, "-m", "no-such-machine"), "true");
	assert_host_unchanged_by(WORDS("--via", way, "-k", "0.1"), "true");
	assert_host_unchanged_by(VIA, "exec no-such-program");
}

static void host_settings_cannot_be_written(void **state)
{
	if (!is_mount())
		skip();
	assert_prints(VIA, "(: >>/proc/sys/kernel/core_pattern) 2>/dev/null || echo refused", "refused");
	assert_prints(VIA, "(: >>/proc/sysrq-trigger) 2>/dev/null || echo refused", "refused");
	assert_prints(VIA, "(: >>/sys/power/state) 2>/dev/null || echo refused", "refused");
}

static void processes_of_the_host_are_out_of_sight(void **state)
{
	if (!is_mount())
		skip();
	assert_prints(VIA, "readlink /proc/self/exe >/dev/null; cat /proc/1/comm", "mocksys-init");
}

static void working_directory_below_sys_is_the_fakes(void **state)
{
	char *line;

	/* A root without sysfs, or a host without PCI, has no such directory to start from. */
	if (!is_mount() || chdir("/sys/bus/pci/devices") < 0)
		skip();
	line = first_line(VIA, "ls -d 0000:03:00.0; pwd");
	assert_int_equal(chdir("/"), 0);
	assert_string_equal(line, "0000:03:00.0");
	free(line);
}

static void loopback_is_up(void **state)
{
	if (!is_mount())
		skip();
	assert_prints(VIA, "read x <<E\n$(cat /proc/net/fib_trie | grep -m1 127.0.0.1)\nE\necho ${x#|-- }",
		      "127.0.0.1");
	assert_prints(VIA, "ls /proc/sys/net/ipv4/conf | tr '\\n' ' '", "all default lo ");
}

static void one_cpu_unless_told_otherwise(void **state)
{
	char count[32];

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip();
	assert_prints(VIA, "nproc", "1");
	snprintf(count, sizeof(count), "%ld", sysconf(_SC_NPROCESSORS_ONLN));
	assert_prints(WORDS("--via", way, "--no-pin"), "nproc", count);
}

static void user_is_root_or_who_was_asked_for(void **state)
{
	if (is_mount())
		assert_prints(VIA, "id -u", "0");
	if (!is_mount() && geteuid() != 0)
		skip();
	assert_prints(WORDS("--via", way, "--uid", "1234"), "id -u; id -G", "1234");
	/* In the kernel's way: the file system says no, whatever the file's reader may do. */
	assert_prints(WORDS("--via", way, "--uid", "1234"), "cat /sys/bus/pci/devices/0000:03:00.0/vendor", "0x8086");
	assert_prints(WORDS("--via", way, "--uid", "1234"),
		      "(echo x >/sys/bus/pci/devices/0000:03:00.0/driver_override) 2>/dev/null || echo refused",
		      "refused");
}

static void placeholders_satisfy_kmod(void **state)
{
	/* Three dependencies before it. */
	assert_prints(VIA, "modprobe -n -v vfio_pci_e1000e | sed -n 's|.*/||; $p'", "vfio_pci_e1000e.ko ");
	assert_prints(VIA, "modprobe -R 'pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00'", "e1000e");
	assert_prints(VIA, "modinfo -F depends vfio_pci_core | tr , '\\n' | sort | tr '\\n' ' '", "irqbypass vfio ");
	/* In the order of the machine's drivers. */
	assert_prints(VIA,
		      "sed -n 's/^alias vfio_pci:v00008086d000010D3[^ ]* //p' /lib/modules/$(uname -r)/modules.alias | "
		      "tr '\\n' ' '",
		      "vfio_pci_e1000e e1000e_vfio_pci ");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(binding_and_unbinding_leaves_the_host_as_it_was),
		cmocka_unit_test(files_in_private_directories_stay_there),
		cmocka_unit_test(driverctl_leaves_the_host_as_it_was),
		cmocka_unit_test(what_does_not_start_leaves_the_host_as_it_was),
		cmocka_unit_test(host_settings_cannot_be_written),
		cmocka_unit_test(processes_of_the_host_are_out_of_sight),
		cmocka_unit_test(working_directory_below_sys_is_the_fakes),
		cmocka_unit_test(loopback_is_up),
		cmocka_unit_test(one_cpu_unless_told_otherwise),
		cmocka_unit_test(user_is_root_or_who_was_asked_for),
		cmocka_unit_test(placeholders_satisfy_kmod),
	};

	way = argc > 1 ? argv[1] : "mount";
	argc -= argc > 1;
	sandbox_test_begin(&argc, argv + 1, way);
	return sandbox_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
