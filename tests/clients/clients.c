/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Programs that others wrote, on the fake. Each test has one of them change something and finds the change somewhere else
 * than where it was written: on a static copy of the tree it fails.
 */
#include "harness.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define NIC "0000:03:00.0"

static void need(const char *program)
{
	if (have_program(program))
		return;
	print_message("skipped: %s is not installed\n", program);
	skip();
}

static void assert_prints(const char *line, const char *const *command)
{
	_cleanup_output_ struct output output = run_expecting(0, command);

	if (!strstr(output.out, line))
		fail_msg("%s does not print \"%s\" but %s", command[0], line, output.out);
}
#define ASSERT_PRINTS(line, ...) assert_prints(line, (const char *const[]){__VA_ARGS__, NULL})

static void assert_prints_not(const char *line, const char *const *command)
{
	_cleanup_output_ struct output output = run_expecting(0, command);

	if (strstr(output.out, line))
		fail_msg("%s prints \"%s\": %s", command[0], line, output.out);
}
#define ASSERT_PRINTS_NOT(line, ...) assert_prints_not(line, (const char *const[]){__VA_ARGS__, NULL})

/* ---- driverctl ---- */

/* It takes a list of none for an error. */
static void assert_no_override(void)
{
	_cleanup_output_ struct output output = RUN_EXPECTING(1, "driverctl", "list-overrides");

	assert_string_equal(output.out, "");
}

/* A static copy would keep the link to e1000e. */
static void driverctl_overrides_a_driver_and_takes_it_back(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = NULL;

	need("driverctl");
	RUN_WELL("modprobe", "vfio-pci");
	before = snapshot_take();
	ASSERT_PRINTS(NIC " e1000e\n", "driverctl", "list-devices");
	RUN_WELL("driverctl", "--nosave", "set-override", NIC, "vfio-pci");
	assert_device(NIC, "vfio-pci", "vfio-pci");
	ASSERT_PRINTS(NIC " vfio-pci [*]\n", "driverctl", "list-devices");
	ASSERT_PRINTS(NIC " vfio-pci\n", "driverctl", "list-overrides");
	ASSERT_PRINTS(NIC " vfio-pci [*]\n", "driverctl", "list-devices", "network");

	RUN_WELL("driverctl", "--nosave", "unset-override", NIC);
	ASSERT_PRINTS(NIC " e1000e\n", "driverctl", "list-devices");
	assert_no_override();
	assert_unchanged(before);
}

static void driverctl_loads_the_module(void **state)
{
	need("driverctl");
	assert_false(exists("/sys/module/vfio_pci"));
	RUN_WELL("driverctl", "--nosave", "set-override", NIC, "vfio-pci");
	assert_true(exists("/sys/module/vfio_pci"));
	assert_device(NIC, "vfio-pci", "vfio-pci");
}

static bool is_private(const char *directory, const char *parent)
{
	struct stat a, b;

	return stat(directory, &a) == 0 && stat(parent, &b) == 0 && a.st_dev != b.st_dev;
}

static void driverctl_saves_an_override_in_the_sandbox(void **state)
{
	_cleanup_text_ char *saved = NULL;

	need("driverctl");
	if (!is_private("/etc/driverctl.d", "/etc")) {
		print_message("skipped: this way does not cover /etc/driverctl.d\n");
		skip();
	}
	RUN_WELL("driverctl", "set-override", NIC, "vfio-pci");
	saved = read_file("/etc/driverctl.d/pci-" NIC);
	assert_non_null(saved);
	assert_string_equal(saved, "vfio-pci\n");
	write_file("/sys/bus/pci/drivers/vfio-pci/unbind", NIC);
	RUN_WELL("driverctl", "load-override", NIC);
	assert_device(NIC, "vfio-pci", "vfio-pci");
	RUN_WELL("driverctl", "unset-override", NIC);
	assert_false(exists("/etc/driverctl.d/pci-" NIC));
	assert_device(NIC, "e1000e", "(null)");
}

/* What the fake's kernel refuses, driverctl reports; and the device is still in use. */
static void driverctl_fails_for_a_module_that_does_not_exist(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = NULL;
	_cleanup_output_ struct output output = {.out = NULL};

	need("driverctl");
	before = snapshot_take();
	output = RUN_EXPECTING(1, "driverctl", "--nosave", "set-override", NIC, "no-such-driver");
	assert_non_null(strstr(output.err, "no such module"));
	assert_unchanged(before);
	/* And it was not for want of a driver at all. */
	RUN_WELL("driverctl", "--nosave", "set-override", NIC, "vfio-pci");
	assert_device(NIC, "vfio-pci", "vfio-pci");
}

/* drivers_probe reports success when nothing was bound: a copy, too, would take the write. */
static void driverctl_fails_when_the_probe_does(void **state)
{
	_cleanup_output_ struct output output = {.out = NULL};

	need("driverctl");
	add_fault("dd.probe driver=vfio-pci fail=EBUSY");
	output = RUN_EXPECTING(1, "driverctl", "--nosave", "set-override", NIC, "vfio-pci");
	assert_non_null(strstr(output.err, "failed to bind device"));
	assert_device(NIC, NULL, "vfio-pci");
}

static void what_driverctl_did_is_no_detach_to_undo(void **state)
{
	need("driverctl");
	RUN_WELL("driverctl", "--nosave", "set-override", NIC, "vfio-pci");
	ASSERT_PRINTS("\"driver_type\": \"vfio\"", "vfiobind", "show", "--json", NIC);
	RUN_WELL("vfiobind", "reattach", NIC);
	assert_device(NIC, "e1000e", "(null)");
	assert_no_override();
}

/* ---- modprobe and lsmod ---- */

/* A static copy would never list what was loaded. */
static void modprobe_loads_a_module_with_all_that_it_needs(void **state)
{
	static const char *const modules[] = {"vfio_pci_e1000e", "vfio_pci_core", "irqbypass", "vfio_iommu_type1",
					      "vfio"};

	for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
		ASSERT_PRINTS_NOT(modules[i], "lsmod");
	RUN_WELL("modprobe", "vfio-pci-e1000e");
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
		_cleanup_text_ char *directory = format_text("/sys/module/%s", modules[i]);

		ASSERT_PRINTS(modules[i], "lsmod");
		assert_true(exists(directory));
	}
	assert_true(exists("/sys/bus/pci/drivers/vfio-pci-e1000e"));
	ASSERT_PRINTS("vfio_pci_core          16384  1 vfio_pci_e1000e\n", "lsmod");
	/* Those whose symbols it needs come first. */
	assert_int_equal(TRACE_COUNT(" module.load "), 5);
}

static void modprobe_takes_away_what_nobody_needs_any_more(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = snapshot_take();

	RUN_WELL("modprobe", "vfio-pci");
	assert_true(exists("/sys/bus/pci/drivers/vfio-pci"));
	RUN_WELL("modprobe", "-r", "vfio-pci");
	assert_false(exists("/sys/bus/pci/drivers/vfio-pci"));
	assert_false(exists("/sys/module/vfio_pci"));
	assert_false(exists("/sys/module/vfio_pci_core"));
	/* Soft dependencies stay. */
	RUN_WELL("modprobe", "-r", "-a", "vfio_iommu_type1", "irqbypass");
	if (exists("/sys/module/vfio"))
		RUN_WELL("modprobe", "-r", "vfio");
	assert_unchanged(before);
}

static void modprobe_does_not_take_away_what_another_uses(void **state)
{
	_cleanup_snapshot_ struct snapshot *before = NULL;
	_cleanup_output_ struct output output = {.out = NULL};

	RUN_WELL("modprobe", "vfio-pci");
	before = snapshot_take();
	output = RUN_EXPECTING(1, "modprobe", "-r", "vfio_pci_core");
	assert_non_null(strstr(output.err, "in use"));
	output_free(&output);
	output = RUN_EXPECTING(1, "rmmod", "vfio");
	assert_non_null(strstr(output.err, "in use"));
	assert_unchanged(before);
}

static void modprobe_takes_devices_away_from_a_driver(void **state)
{
	RUN_WELL("modprobe", "-r", "e1000e");
	assert_device(NIC, NULL, "(null)");
	assert_false(exists("/sys/class/net/eth0"));
	ASSERT_PRINTS_NOT("e1000e", "lsmod");
	RUN_WELL("modprobe", "e1000e");
	assert_device(NIC, "e1000e", "(null)");
	assert_true(exists("/sys/class/net/eth0"));
}

static void modprobe_finds_a_variant_by_its_alias(void **state)
{
	_cleanup_text_ char *modalias = read_file(DEVICES "/" NIC "/modalias");
	_cleanup_text_ char *alias = NULL;

	assert_non_null(modalias);
	modalias[strcspn(modalias, "\n")] = '\0';
	alias = format_text("vfio_%s", modalias);
	RUN_WELL("modprobe", alias);
	assert_true(exists("/sys/bus/pci/drivers/vfio-pci-e1000e"));
	assert_device(NIC, "e1000e", "(null)");
}

static void modprobe_reports_what_the_kernel_refuses(void **state)
{
	_cleanup_output_ struct output output = {.out = NULL};

	add_fault("module.load fail=ENOMEM");
	output = RUN_EXPECTING(1, "modprobe", "vfio");
	assert_non_null(strstr(output.err, "Cannot allocate memory"));
	assert_false(exists("/sys/module/vfio"));
}

/* ---- lspci ---- */

/* A static copy would say e1000e all the time. */
static void lspci_follows_the_driver(void **state)
{
	ASSERT_PRINTS("Kernel driver in use: e1000e\n", "lspci", "-k", "-s", "03:00.0");
	ASSERT_PRINTS("Kernel modules: e1000e\n", "lspci", "-k", "-s", "03:00.0");
	RUN_WELL("vfiobind", "detach", NIC, "--driver", "vfio-pci-e1000e");
	ASSERT_PRINTS("Kernel driver in use: vfio-pci-e1000e\n", "lspci", "-k", "-s", "03:00.0");
	ASSERT_PRINTS("Driver:\tvfio-pci-e1000e\n", "lspci", "-vmm", "-k", "-s", "03:00.0");
	write_file("/sys/bus/pci/drivers/vfio-pci-e1000e/unbind", NIC);
	ASSERT_PRINTS_NOT("Kernel driver in use", "lspci", "-k", "-s", "03:00.0");
}

static void lspci_no_longer_sees_a_device_that_was_removed(void **state)
{
	ASSERT_PRINTS("82574L", "lspci");
	write_file(DEVICES "/" NIC "/remove", "1");
	ASSERT_PRINTS_NOT("82574L", "lspci");
	write_file("/sys/bus/pci/rescan", "1");
	ASSERT_PRINTS("82574L", "lspci");
}

/* ---- shell ---- */

/* The shell's own echo and that of coreutils; a copy would take each write. */
static void a_shell_sees_that_a_write_fails(void **state)
{
	static const char *const failing[] = {
		"echo 0000:09:00.0 > /sys/bus/pci/drivers/e1000e/unbind",
		"/bin/echo 0000:09:00.0 > /sys/bus/pci/drivers/e1000e/unbind",
		"echo no-driver > /sys/bus/pci/drivers/e1000e/bind",
		"echo x > /sys/bus/pci/drivers/e1000e/no-such-attribute",
		"cat /sys/bus/pci/drivers/e1000e/unbind",
	};

	for (size_t i = 0; i < ARRAY_SIZE(failing); i++) {
		_cleanup_output_ struct output output = run((const char *const[]){"sh", "-c", failing[i], NULL});

		assert_int_not_equal(output.status, 0);
		assert_string_not_equal(output.err, "");
		if (strncmp(failing[i], "/bin/echo", 9) == 0)
			assert_non_null(strstr(output.err, "No such device"));
	}
	assert_device(NIC, "e1000e", "(null)");
	RUN_WELL("sh", "-c", "echo " NIC " > /sys/bus/pci/drivers/e1000e/unbind");
	assert_device(NIC, NULL, "(null)");
}

/* ---- Python ---- */

static void python_walks_writes_and_gets_errnos(void **state)
{
	static const char script[] =
		"import errno, os, pathlib, stat\n"
		"device = '" DEVICES "/" NIC "'\n"
		"driver = '/sys/bus/pci/drivers/e1000e'\n"
		"def write(path, text):\n"
		"    fd = os.open(path, os.O_WRONLY)\n"
		"    try:\n"
		"        return os.write(fd, text.encode())\n"
		"    finally:\n"
		"        os.close(fd)\n"
		"assert os.path.basename(os.readlink(device + '/driver')) == 'e1000e'\n"
		"assert os.path.realpath(device + '/driver') == driver\n"
		"assert os.path.samefile(device, driver + '/" NIC "')\n"
		"assert 'eth0' in os.listdir('/sys/class/net')\n"
		"assert stat.S_ISLNK(os.lstat(device).st_mode) and stat.S_ISDIR(os.stat(device).st_mode)\n"
		"entries = {entry.name: entry.is_symlink() for entry in os.scandir(device)}\n"
		"assert entries['driver'] and not entries['vendor']\n"
		"assert write(driver + '/unbind', '" NIC "') == 12\n"
		"assert not os.path.lexists(device + '/driver')\n"
		"assert not os.path.lexists('/sys/class/net/eth0')\n"
		"try:\n"
		"    write(driver + '/unbind', '" NIC "')\n"
		"    raise SystemExit('unbound twice')\n"
		"except OSError as error:\n"
		"    assert error.errno == errno.ENODEV, error\n"
		"pathlib.Path(driver, 'bind').write_text('" NIC "')\n"
		"assert os.path.basename(os.readlink(device + '/driver')) == 'e1000e'\n"
		"assert [path for directory, _, files in os.walk(device) for path in files if path == 'ifindex']\n"
		"with open(device + '/vendor') as file:\n"
		"    assert file.read() == '0x8086\\n'\n";

	need("python3");
	RUN_WELL("python3", "-c", script);
	assert_device(NIC, "e1000e", "(null)");
	assert_int_equal(TRACE_COUNT(" dd.unlink-driver "), 1);
}

/* ---- udevadm ---- */

static void udevadm_follows_the_driver(void **state)
{
	need("udevadm");
	ASSERT_PRINTS("DRIVER=e1000e\n", "udevadm", "info", "-q", "property", "-p", "/sys/bus/pci/devices/" NIC);
	RUN_WELL("vfiobind", "detach", NIC, "--driver", "vfio-pci-e1000e");
	ASSERT_PRINTS("DRIVER=vfio-pci-e1000e\n", "udevadm", "info", "-q", "property", "-p",
		      "/sys/bus/pci/devices/" NIC);
}

static const struct CMUnitTest e1000e_tests[] = {
	SCENARIO(driverctl_overrides_a_driver_and_takes_it_back),
	SCENARIO(driverctl_loads_the_module),
	SCENARIO(driverctl_saves_an_override_in_the_sandbox),
	SCENARIO(driverctl_fails_for_a_module_that_does_not_exist),
	SCENARIO(driverctl_fails_when_the_probe_does),
	SCENARIO(what_driverctl_did_is_no_detach_to_undo),
	SCENARIO(modprobe_loads_a_module_with_all_that_it_needs),
	SCENARIO(modprobe_takes_away_what_nobody_needs_any_more),
	SCENARIO(modprobe_does_not_take_away_what_another_uses),
	SCENARIO(modprobe_takes_devices_away_from_a_driver),
	SCENARIO(modprobe_finds_a_variant_by_its_alias),
	SCENARIO(modprobe_reports_what_the_kernel_refuses),
	SCENARIO(lspci_follows_the_driver),
	SCENARIO(lspci_no_longer_sees_a_device_that_was_removed),
	SCENARIO(a_shell_sees_that_a_write_fails),
	SCENARIO(python_walks_writes_and_gets_errnos),
	SCENARIO(udevadm_follows_the_driver),
};

SCENARIO_MAIN(SUITE("e1000e", e1000e_tests))
