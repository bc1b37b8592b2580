/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is written down of a device: what had it before, who has it now, and when not to believe it. What is left of
 * operations that did not end: journal.c.
 */
#include "beside.h"
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Addresses of the machine two-vfs. */
#define VF "0000:04:10.0"
#define DRIVER "vfio-pci-igbvf"
#define OTHER_DRIVER "igbvf-vfio-pci"
#define STATE "/run/vfiobind"

static void load_modules(void)
{
	RUN_WELL("modprobe", "-a", "vfio_pci_igbvf", "igbvf_vfio_pci");
}

/* ---- what had the device before ---- */

static void show_tells_what_had_the_device_before(void **state)
{
	_cleanup_output_ struct output output = {.out = NULL}, after = {.out = NULL};
	_cleanup_json_ struct json_object *document = NULL, *reattached = NULL;

	RUN_WELL("vfiobind", "detach", VF, "--driver", DRIVER);
	RUN_WELL("vfiobind", "detach", VF, "--driver", OTHER_DRIVER);
	output = RUN_EXPECTING(0, "vfiobind", "show", VF, "--json");
	document = json_of(&output);
	assert_json_text(document, "detached.host_driver", "igbvf");
	assert_int_equal(strlen(json_object_get_string(json_at(document, "detached.since"))), 20);

	RUN_WELL("vfiobind", "reattach", VF);
	after = RUN_EXPECTING(0, "vfiobind", "show", VF, "--json");
	reattached = json_of(&after);
	assert_json_text(reattached, "detached", NULL);
	assert_false(exists(STATE "/devices/" VF));
}

/* Another driver that knows the device was first; the one that had it before gets it nevertheless. */
static void reattach_finds_the_driver_that_had_the_device(void **state)
{
	load_modules();
	write_file("/sys/bus/pci/drivers/igbvf/unbind", VF);
	write_file(DEVICES "/" VF "/driver_override", "pci-stub");
	RUN_WELL("vfiobind", "detach", VF, "--driver", DRIVER);
	RUN_WELL("vfiobind", "reattach", VF);
	/* It was on none, with this override. */
	assert_device(VF, NULL, "pci-stub");
}

static void a_device_that_was_on_no_driver_is_left_on_none(void **state)
{
	write_file("/sys/bus/pci/drivers/igbvf/unbind", VF);
	RUN_WELL("vfiobind", "detach", VF, "--driver", DRIVER);
	RUN_WELL("vfiobind", "reattach", VF);
	assert_device(VF, NULL, "(null)");
}

/* The override that was there was for a VFIO driver, but not in force: it comes back, and so does the host driver. */
static void reattach_finds_the_driver_that_had_the_device_despite_its_override(void **state)
{
	load_modules();
	write_file(DEVICES "/" VF "/driver_override", OTHER_DRIVER);
	RUN_WELL("vfiobind", "detach", VF, "--driver", DRIVER);
	RUN_WELL("vfiobind", "reattach", VF);
	assert_device(VF, "igbvf", OTHER_DRIVER);
}

/* The host driver that the record names is there no more; another one knows the device. */
static void another_host_driver_than_before_is_told(void **state)
{
	RUN_WELL("vfiobind", "detach", VF, "--driver", DRIVER);
	assert_int_equal(system("sed -i 's/^host-driver .*/host-driver igb-old/' " STATE "/devices/" VF), 0);
	{
		_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "reattach", VF);

		assert_non_null(strstr(output.err, VF ": warning: igb-old had it before\n"));
	}
	assert_device(VF, "igbvf", "(null)");
}

/* An override that somebody set while it was detached is not ours to take back. */
static void an_override_that_came_since_stays(void **state)
{
	RUN_WELL("vfiobind", "detach", VF, "--driver", DRIVER);
	write_file(DEVICES "/" VF "/driver_override", "somebody-else");
	{
		_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "reattach", VF);

		assert_non_null(strstr(output.err, "somebody-else"));
	}
	assert_device(VF, "igbvf", "somebody-else");
}

/* It was on no driver, and is to be on none. */
static void what_another_process_binds_during_a_reattach_is_told(void **state)
{
	static const char *const reattach[] = {"vfiobind", "reattach", VF, NULL};
	struct output output;
	pid_t pid;

	write_file("/sys/bus/pci/drivers/igbvf/unbind", VF);
	RUN_WELL("vfiobind", "detach", VF, "--driver", DRIVER);
	add_fault("sys.return path=*/" DRIVER "/unbind hold times=1");
	fflush(NULL);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		unsigned long id = beside_wait_held("sys.return");

		try_write_file("/sys/bus/pci/drivers/igbvf/bind", VF);
		beside_release(id);
		_exit(0);
	}
	output = run(reattach);
	assert_int_equal(beside_end(pid), 0);
	assert_int_equal(output.status, 0);
	assert_string_equal(output.err, "vfiobind: " VF ": warning: it was on no driver before, but igbvf took it\n");
	output_free(&output);
	assert_device(VF, "igbvf", "(null)");
}

static void a_device_that_somebody_else_reattached_is_left_alone_and_forgotten(void **state)
{
	RUN_WELL("vfiobind", "detach", VF, "--driver", DRIVER);
	write_file(DEVICES "/" VF "/driver_override", "\n");
	write_file("/sys/bus/pci/drivers/" DRIVER "/unbind", VF);
	write_file("/sys/bus/pci/drivers_probe", VF);
	trace_clear();
	RUN_WELL("vfiobind", "reattach", VF);
	assert_nothing_written();
	assert_false(exists(STATE "/devices/" VF));
}

/* A VF that was removed and made again is another device at the same address. */
static void a_record_of_a_device_that_is_gone_is_forgotten(void **state)
{
	RUN_WELL("vfiobind", "detach", VF, "--driver", DRIVER);
	write_file(DEVICES "/0000:04:00.0/sriov_numvfs", "0");
	{
		_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "repair", "--json");
		_cleanup_json_ struct json_object *document = json_of(&output);

		assert_json_text(document, "devices.0.outcome", "forgotten");
	}
	assert_false(exists(STATE "/devices/" VF));
}

static void a_record_of_another_boot_is_no_reason_to_reattach(void **state)
{
	RUN_WELL("vfiobind", "detach", VF, "--driver", DRIVER);
	assert_int_equal(
		system("sed -i 's/^host-driver .*/&\\nhost-override igbvf/; s/^boot .*/boot x/' " STATE "/devices/" VF),
		0);
	RUN_WELL("vfiobind", "reattach", VF);
	assert_device(VF, "igbvf", "(null)");
	assert_false(exists(STATE "/devices/" VF));
}

/* ---- who has it now ---- */

static void check_second(const char *first_device, const char *second_device)
{
	const char *const first[] = {"vfiobind", "detach", first_device, "--driver", DRIVER, NULL};
	_cleanup_text_ char *note = NULL;
	pid_t pid;

	load_modules();
	add_fault("dd.probe driver=" DRIVER " hold");
	pid = beside_start(first);
	beside_wait_held("dd.probe");
	note = format_text("pid %d, vfiobind", pid);
	{
		_cleanup_output_ struct output output = RUN_EXPECTING(
			3, "vfiobind", "detach", second_device, "--driver", OTHER_DRIVER, "--timeout=1", "--json");
		_cleanup_json_ struct json_object *document = json_of(&output);

		assert_json_text(document, "error.code", "locked");
		assert_json_text(document, "error.found", note);
		assert_json_text(document, "state", "untouched");
	}
	beside_release_all();
	assert_int_equal(beside_end(pid), 0);
	RUN_WELL("vfiobind", "detach", second_device, "--driver", OTHER_DRIVER);
}

static void a_second_detach_of_a_device_is_told_who_has_it(void **state)
{
	check_second(VF, VF);
}

static void a_second_detach_waits_until_the_first_has_ended(void **state)
{
	static const char *const first[] = {"vfiobind", "detach", VF, "--driver", DRIVER, NULL};
	static const char *const second[] = {"vfiobind", "detach", VF, "--driver", OTHER_DRIVER, NULL};
	pid_t pids[2];

	load_modules();
	add_fault("dd.probe driver=" DRIVER " hold");
	pids[0] = beside_start(first);
	beside_wait_held("dd.probe");
	pids[1] = beside_start(second);
	beside_release_all();
	assert_int_equal(beside_end(pids[0]), 0);
	assert_int_equal(beside_end(pids[1]), 0);
	assert_device(VF, OTHER_DRIVER, OTHER_DRIVER);
	RUN_WELL("vfiobind", "reattach", VF);
	assert_device(VF, "igbvf", "(null)");
}

/* ---- in bad company ---- */

static void leave_record(const char *text)
{
	RUN_WELL("vfiobind", "detach", VF, "--driver", DRIVER);
	assert_return_code(unlink(STATE "/devices/" VF), errno);
	if (text) {
		int fd = open(STATE "/devices/" VF, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

		assert_return_code(fd, errno);
		assert_int_equal(write(fd, text, strlen(text)), strlen(text));
		close(fd);
	}
}

/* As a disk that was full leaves it, if nobody sees to it. */
static void a_record_that_was_cut_off_is_refused(void **state)
{
	struct stat status;

	RUN_WELL("vfiobind", "detach", VF, "--driver", DRIVER);
	assert_return_code(stat(STATE "/devices/" VF, &status), errno);
	assert_return_code(truncate(STATE "/devices/" VF, status.st_size - (off_t)strlen("\nend\n")), errno);
	ASSERT_FAILS(3, "state-malformed", "untouched", "reattach", VF);
}

static void a_record_that_cannot_be_understood_is_refused_and_kept(void **state)
{
	static const char *const texts[] = {
		"",
		"garbage",
		"vfiobind-record 1\n",
		"vfiobind-record 1\nend\n",
		"vfiobind-record 1\naddress 0000:04:10.0\nend",
		"vfiobind-record 2\nsomething new\nend\n",
		"vfiobind-record 99999999999999999999\nend\n",
		"\177ELF",
	};

	needs_no_kernel();
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		machine_reset(NULL);
		leave_record(texts[i]);
		trace_clear();
		ASSERT_FAILS(3, "state-malformed", "untouched", "reattach", VF);
		ASSERT_FAILS(3, "state-malformed", "untouched", "detach", VF, "--driver", OTHER_DRIVER);
		assert_nothing_written();
		RUN_WELL("vfiobind", "show", VF);
		{
			_cleanup_output_ struct output output = RUN_EXPECTING(3, "vfiobind", "repair", "--json");
			_cleanup_json_ struct json_object *document = json_of(&output);

			assert_json_text(document, "devices.0.outcome", "malformed");
			assert_json_text(
				document, "devices.0.note",
				strstr(texts[i], "something new")
					? "cannot read " VF ": it cannot be understood (a later version) [" STATE
					  "/devices/" VF "]; use the newer vfiobind that wrote it"
					: "cannot read " VF ": it cannot be understood (what no vfiobind writes) "
					  "[" STATE "/devices/" VF "]; see what the device is bound to, then remove "
					  "the file");
		}
		assert_text(STATE "/devices/" VF, texts[i]);
	}
}

static void check_unsafe(void)
{
	ASSERT_FAILS(3, "state-unsafe", "untouched", "detach", VF, "--driver", DRIVER);
	ASSERT_FAILS(3, "state-unsafe", "untouched", "reattach", VF);
	assert_device(VF, "igbvf", "(null)");
	assert_int_equal(system("rm -rf " STATE "/*"), 0);
}

static void links_are_not_followed(void **state)
{
	static const char *const names[] = {"locks", "journals", "devices"};

	needs_no_kernel();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_text_ char *path = format_text(STATE "/%s", names[i]);

		machine_reset(NULL);
		mkdir(STATE, 0755);
		assert_return_code(mkdir(STATE "/elsewhere", 0755), errno);
		assert_return_code(symlink(STATE "/elsewhere", path), errno);
		check_unsafe();
	}
	mkdir(STATE "/journals", 0700);
	assert_return_code(symlink("/etc/passwd", STATE "/journals/" VF), errno);
	check_unsafe();
	mkdir(STATE "/locks", 0700);
	assert_return_code(symlink(STATE "/elsewhere", STATE "/locks/" VF), errno);
	check_unsafe();
	assert_false(exists(STATE "/elsewhere"));
}

static void what_others_could_have_written_is_not_believed(void **state)
{
	needs_no_kernel();
	mkdir(STATE, 0755);
	mkdir(STATE "/devices", 0755);
	assert_return_code(chmod(STATE "/devices", 0777), errno);
	check_unsafe();
	mkdir(STATE "/journals", 0700);
	assert_return_code(close(open(STATE "/journals/" VF, O_WRONLY | O_CREAT | O_CLOEXEC, 0644)), errno);
	assert_return_code(chmod(STATE "/journals/" VF, 0666), errno);
	check_unsafe();
	mkdir(STATE "/journals", 0700);
	assert_return_code(mkfifo(STATE "/journals/" VF, 0600), errno);
	check_unsafe();
	mkdir(STATE "/devices", 0755);
	assert_return_code(mkdir(STATE "/devices/" VF, 0755), errno);
	check_unsafe();
	if (geteuid() == 0 && chown(STATE, 1, 1) == 0) {
		check_unsafe();
		assert_return_code(chown(STATE, 0, 0), errno);
	}
}

static const struct CMUnitTest two_vfs_tests[] = {
	SCENARIO(show_tells_what_had_the_device_before),
	SCENARIO(reattach_finds_the_driver_that_had_the_device),
	SCENARIO(a_device_that_was_on_no_driver_is_left_on_none),
	SCENARIO(reattach_finds_the_driver_that_had_the_device_despite_its_override),
	SCENARIO(another_host_driver_than_before_is_told),
	SCENARIO(an_override_that_came_since_stays),
	SCENARIO(what_another_process_binds_during_a_reattach_is_told),
	SCENARIO(a_device_that_somebody_else_reattached_is_left_alone_and_forgotten),
	SCENARIO(a_record_of_a_device_that_is_gone_is_forgotten),
	SCENARIO(a_record_of_another_boot_is_no_reason_to_reattach),
	SCENARIO(a_second_detach_of_a_device_is_told_who_has_it),
	SCENARIO(a_second_detach_waits_until_the_first_has_ended),
	SCENARIO(a_record_that_was_cut_off_is_refused),
	SCENARIO(a_record_that_cannot_be_understood_is_refused_and_kept),
	SCENARIO(links_are_not_followed),
	SCENARIO(what_others_could_have_written_is_not_believed),
};

SCENARIO_MAIN(SUITE("two-vfs", two_vfs_tests))
