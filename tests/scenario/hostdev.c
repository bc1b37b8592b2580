/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a domain gets, what it is refused, who else is, and what it gives back: of one device. */
#include "beside.h"
#include "domain-file.h"
#include "harness.h"
#include "steps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ==== e1000e: one device ==== */

#define NIC "0000:03:00.0"
#define VARIANT "vfio-pci-e1000e"

static void prepare_detaches_and_prints_the_arguments_of_qemu(void **state)
{
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = NIC, .managed = "yes"});
	_cleanup_snapshot_ struct snapshot *before = NULL;

	RUN_WELL("modprobe", "vfio_pci_e1000e");
	before = snapshot_take();
	{
		_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "hostdev", "prepare", web.path);

		assert_string_equal(output.out, "-device vfio-pci,host=0000:03:00.0,id=hostdev0\n");
	}
	assert_device(NIC, VARIANT, VARIANT);
	assert_domain(NIC, "web");
	{
		_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "hostdev", "release", web.path);

		assert_string_equal(output.out, "0000:03:00.0: " VARIANT " -> e1000e (module e1000e), eth0\n");
		assert_string_equal(output.err, "");
	}
	assert_unchanged(before);
	assert_nothing_noted();
}

static void prepare_says_as_json_what_it_did(void **state)
{
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = NIC, .managed = "yes"});
	_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "hostdev", "prepare", web.path, "--json");
	_cleanup_text_ char *node = group_node(NIC);
	_cleanup_json_ struct json_object *document = json_of(&output);

	assert_json_text(document, "domain", "web");
	assert_json_text(document, "devices.0.address", NIC);
	assert_json_text(document, "devices.0.from", "e1000e");
	assert_json_text(document, "devices.0.to", VARIANT);
	assert_json_text(document, "devices.0.module", "vfio_pci_e1000e");
	assert_json_bool(document, "devices.0.variant", true);
	assert_json_bool(document, "devices.0.changed", true);
	assert_json_bool(document, "devices.0.managed", true);
	assert_json_text(document, "devices.0.vfio.group_node", node);
	assert_json_text(document, "devices.0.qemu.0", "-device");
	assert_json_text(document, "devices.0.qemu.1", "vfio-pci,host=0000:03:00.0,id=hostdev0");
	assert_int_equal(json_object_array_length(json_at(document, "devices.0.qemu")), 2);
}

/* Its network may be a pool of host devices, which only libvirt knows: that is no error, but to be told. */
static void an_interface_of_a_network_is_passed_over_with_a_note(void **state)
{
	static const char xml[] = "<domain><name>web</name>\n<devices><interface type='network'>"
				  "<source network='vfs'/></interface></devices></domain>";
	static const char note[] = "standard input:2: note: <interface type='network'> of network vfs: if that is a "
				   "pool of host devices, none is prepared; name one by <interface type='hostdev'>";
	_cleanup_text_ char *prepare = format_text("echo \"%s\" | vfiobind hostdev prepare -", xml),
			    *prepare_json = format_text("%s --json", prepare),
			    *release = format_text("echo \"%s\" | vfiobind hostdev release -", xml),
			    *line = format_text("vfiobind: %s\n", note);
	_cleanup_output_ struct output text = RUN_EXPECTING(0, "sh", "-c", prepare),
				       document = RUN_EXPECTING(0, "sh", "-c", prepare_json),
				       released = RUN_EXPECTING(0, "sh", "-c", release);
	_cleanup_json_ struct json_object *json = json_of(&document);

	assert_string_equal(text.out, "");
	assert_string_equal(text.err, line);
	assert_json_text(json, "warnings.0", note);
	assert_string_equal(document.err, "");
	assert_string_equal(released.err, "");
}

static void iommufd_and_a_name_of_its_own_are_for_who_asks(void **state)
{
	_cleanup_domain_ struct domain_file web =
		DOMAIN("web", {
				      .address = NIC,
				      .managed = "yes",
				      .inside = "<driver iommufd='yes'/><alias name='ua-nic'/>",
			      });
	_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "hostdev", "prepare", web.path);

	assert_string_equal(output.out, "-object iommufd,id=iommufd0 -device "
					"vfio-pci,host=0000:03:00.0,id=ua-nic,iommufd=iommufd0\n");
	/* The fake kernel, as Debian's, has no such node. */
	assert_non_null(strstr(output.err, "warning: it has no character device"));
}

/* Both variants match; the model asks for the generic driver, or the other one; the name asks for nothing. */
static void a_model_suppresses_the_search_and_a_name_does_not(void **state)
{
	static const struct {
		const char *driver, *expected;
	} cases[] = {
		{"<driver name='vfio'/>", VARIANT},
		{"<driver model='vfio-pci'/>", "vfio-pci"},
		{"<driver name='vfio' model='e1000e_vfio_pci'/>", "e1000e-vfio-pci"},
		{"<driver model='e1000e-vfio-pci'/>", "e1000e-vfio-pci"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_domain_ struct domain_file web =
			DOMAIN("web", {.address = NIC, .managed = "yes", .inside = cases[i].driver});

		machine_reset(NULL);
		RUN_WELL("vfiobind", "hostdev", "prepare", web.path);
		assert_device(NIC, cases[i].expected, cases[i].expected);
	}
}

static void kinds_of_driver_other_than_vfio_are_refused(void **state)
{
	_cleanup_domain_ struct domain_file kvm =
		DOMAIN("web", {.address = NIC, .managed = "yes", .inside = "<driver name='kvm'/>"});
	_cleanup_domain_ struct domain_file xen =
		DOMAIN("web", {.address = NIC, .managed = "yes", .inside = "<driver name='xen'/>"});

	ASSERT_REFUSED("driver-type-unsupported", "kvm", "hostdev", "prepare", kvm.path);
	ASSERT_REFUSED("driver-type-unsupported", "xen", "hostdev", "prepare", xen.path);
}

static void a_model_that_is_no_vfio_driver_is_refused(void **state)
{
	_cleanup_domain_ struct domain_file web =
		DOMAIN("web", {.address = NIC, .managed = "yes", .inside = "<driver model='e1000e'/>"});

	trace_clear();
	ASSERT_FAILS(3, "not-vfio-driver", "untouched", "hostdev", "prepare", web.path);
	assert_nothing_written();
}

static void an_unmanaged_device_on_a_host_driver_or_on_none_is_refused(void **state)
{
	_cleanup_domain_ struct domain_file no = DOMAIN("web", {.address = NIC, .managed = "no"});
	_cleanup_domain_ struct domain_file unsaid = DOMAIN("web", {.address = NIC});
	const char *const paths[] = {no.path, unsaid.path};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		machine_reset(NULL);
		ASSERT_REFUSED("not-detached", "e1000e, which is no VFIO driver", "hostdev", "prepare", paths[i]);
		write_file("/sys/bus/pci/drivers/e1000e/unbind", NIC);
		ASSERT_REFUSED("not-detached", "no driver", "hostdev", "prepare", paths[i]);
	}
}

/* Whoever has bound it: by vfiobind or by hand. */
static void an_unmanaged_device_on_any_vfio_driver_is_taken_as_it_is(void **state)
{
	static const char *const drivers[] = {"vfio-pci", VARIANT};
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = NIC, .managed = "no"});

	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		_cleanup_snapshot_ struct snapshot *before = NULL;

		machine_reset(NULL);
		RUN_WELL("vfiobind", "detach", NIC, "--driver", drivers[i]);
		before = snapshot_take();
		trace_clear();
		RUN_WELL("vfiobind", "hostdev", "prepare", web.path);
		assert_domain(NIC, "web");
		{
			_cleanup_output_ struct output output =
				RUN_EXPECTING(0, "vfiobind", "hostdev", "release", web.path);

			assert_string_equal(output.err, "");
		}
		assert_nothing_written();
		assert_unchanged(before);
		/* It is known as before what it was. */
		RUN_WELL("vfiobind", "reattach", NIC);
		assert_device(NIC, "e1000e", "(null)");
	}
}

static void bind_by_hand(const char *driver)
{
	RUN_WELL("modprobe", "-a", "vfio-pci", "vfio_pci_e1000e");
	write_file("/sys/bus/pci/drivers/e1000e/unbind", NIC);
	write_file(DEVICES "/" NIC "/driver_override", driver);
	write_file("/sys/bus/pci/drivers_probe", NIC);
}

static void what_was_bound_by_hand_is_borrowed_and_left_so(void **state)
{
	static const char *const managed[] = {"no", "yes"};

	for (size_t i = 0; i < ARRAY_SIZE(managed); i++) {
		_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = NIC, .managed = managed[i]});
		_cleanup_snapshot_ struct snapshot *before = NULL;

		machine_reset(NULL);
		bind_by_hand(VARIANT);
		before = snapshot_take();
		trace_clear();
		RUN_WELL("vfiobind", "hostdev", "prepare", web.path);
		{
			_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "show", NIC, "--json");
			_cleanup_json_ struct json_object *document = json_of(&output);

			assert_json_text(document, "domain", "web");
			assert_json_text(document, "detached", NULL);
		}
		RUN_WELL("vfiobind", "hostdev", "release", web.path);
		assert_nothing_written();
		assert_unchanged(before);
		assert_nothing_noted();
	}
}

/* The host has not had it: it stays on the better driver. */
static void what_was_bound_by_hand_to_another_driver_moves_and_stays(void **state)
{
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = NIC, .managed = "yes"});

	bind_by_hand("vfio-pci");
	RUN_WELL("vfiobind", "hostdev", "prepare", web.path);
	assert_device(NIC, VARIANT, VARIANT);
	RUN_WELL("vfiobind", "hostdev", "release", web.path);
	assert_device(NIC, VARIANT, VARIANT);
	assert_domain(NIC, NULL);
}

static void what_was_on_no_driver_goes_back_to_none(void **state)
{
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = NIC, .managed = "yes"});

	write_file("/sys/bus/pci/drivers/e1000e/unbind", NIC);
	RUN_WELL("vfiobind", "hostdev", "prepare", web.path);
	RUN_WELL("vfiobind", "hostdev", "release", web.path);
	assert_device(NIC, NULL, "(null)");
	assert_nothing_noted();
}

/* What is to be pasted can be: it is the same file, and the name that was given. */
static void assert_second_prepare(const char *file)
{
	_cleanup_output_ struct output output = RUN_EXPECTING(3, "vfiobind", "hostdev", "prepare", file),
				       named = RUN_EXPECTING(3, "vfiobind", "hostdev", "prepare", file, "--domain",
							     "web");
	_cleanup_text_ char *line = format_text(
		"vfiobind: " NIC ": cannot prepare it for the domain: a domain uses it (web); it is this domain, "
		"by an earlier prepare; to begin anew: vfiobind hostdev release %s\n",
		file);
	_cleanup_text_ char *named_line = format_text("%.*s --domain web\n", (int)strlen(line) - 1, line);

	assert_string_equal(output.err, line);
	assert_string_equal(named.err, named_line);
}

static void what_a_domain_uses_nobody_else_gets(void **state)
{
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = NIC, .managed = "yes"});
	_cleanup_domain_ struct domain_file mail = DOMAIN("mail", {.address = NIC, .managed = "no"});

	RUN_WELL("vfiobind", "hostdev", "prepare", web.path);
	ASSERT_REFUSED("used-by-domain", "web", "hostdev", "prepare", mail.path);
	ASSERT_REFUSED("used-by-domain", "web", "hostdev", "prepare", mail.path, "--force");
	ASSERT_REFUSED("used-by-domain", "web", "hostdev", "prepare", web.path);
	assert_second_prepare(web.path);
	ASSERT_REFUSED("used-by-domain", "web", "detach", NIC);
	ASSERT_REFUSED("used-by-domain", "web", "detach", NIC, "--force", "--driver", "vfio-pci");
	ASSERT_REFUSED("used-by-domain", "web", "detach", NIC, "--dry-run");
	ASSERT_REFUSED("used-by-domain", "web", "reattach", NIC);
	ASSERT_REFUSED("used-by-domain", "web", "reset", NIC, "--force");
	RUN_WELL("vfiobind", "hostdev", "release", web.path);
	/* mail has it unmanaged. */
	ASSERT_REFUSED("not-detached", "e1000e, which is no VFIO driver", "hostdev", "prepare", mail.path);
	RUN_WELL("vfiobind", "detach", NIC);
	RUN_WELL("vfiobind", "hostdev", "prepare", mail.path);
	ASSERT_REFUSED("used-by-domain", "mail", "hostdev", "prepare", web.path);
}

static void the_option_names_the_domain_before_the_file_does(void **state)
{
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = NIC, .managed = "yes"});

	RUN_WELL("vfiobind", "hostdev", "prepare", web.path, "--domain", "web, the second");
	assert_domain(NIC, "web, the second");
	{
		_cleanup_output_ struct output output =
			RUN_EXPECTING(0, "vfiobind", "hostdev", "release", web.path, "--json");
		_cleanup_json_ struct json_object *document = json_of(&output);

		assert_json_text(document, "domain", "web");
		assert_json_bool(document, "devices.0.changed", false);
		assert_json_text(document, "devices.0.warnings.0", "web, the second uses it: left alone");
	}
	assert_domain(NIC, "web, the second");
	RUN_WELL("vfiobind", "hostdev", "release", web.path, "--domain", "web, the second");
	assert_device(NIC, "e1000e", "(null)");
}

static void a_domain_needs_a_name_that_can_be_written_down(void **state)
{
	static const char one_device[] =
		"printf '%s' \"<hostdev type='pci'><source><address bus='3' slot='0'/></source>"
		"</hostdev>\" | vfiobind hostdev prepare - \"$@\"";
	_cleanup_text_ char *long_name = format_text("%0256d", 0);
	const char *const names[] = {"", "a\nb", "\x7f", long_name};
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = NIC, .managed = "yes"});

	trace_clear();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		ASSERT_FAILS(2, "invalid-argument", "untouched", "hostdev", "prepare", web.path, "--domain", names[i]);
	RUN_WELL("sh", "-c", "! vfiobind hostdev prepare /dev/null");
	{
		_cleanup_output_ struct output none = RUN_EXPECTING(2, "sh", "-c", one_device);
		_cleanup_output_ struct output named =
			RUN_EXPECTING(3, "sh", "-c", one_device, "sh", "--domain", "web");

		assert_non_null(strstr(none.err, "--domain, or a <name> in the file"));
		assert_non_null(strstr(named.err, "it is not detached"));
	}
	assert_nothing_written();
}

static void a_file_that_is_wrong_is_wrong_use(void **state)
{
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = NIC, .managed = "perhaps"});
	_cleanup_text_ char *line = format_text("%s:4", web.path);
	_cleanup_output_ struct output output = RUN_EXPECTING(2, "vfiobind", "hostdev", "prepare", web.path, "--json");
	_cleanup_json_ struct json_object *document = json_of(&output);

	assert_json_text(document, "error.code", "invalid-domain");
	assert_json_text(document, "error.path", line);
	assert_json_text(document, "error.found", "perhaps");
	ASSERT_FAILS(2, "invalid-domain", "untouched", "hostdev", "release", "/nowhere/web.xml");
	ASSERT_FAILS(2, "invalid-argument", "untouched", "hostdev", "prepare");
	ASSERT_FAILS(2, "invalid-argument", "untouched", "hostdev", "start", web.path);
	ASSERT_FAILS(2, "invalid-argument", "untouched", "hostdev", "release", web.path, "--force");
	assert_nothing_written();
}

static void a_domain_without_devices_gets_none(void **state)
{
	_cleanup_domain_ struct domain_file web = domain_file("web", NULL, 0);
	_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "hostdev", "prepare", web.path);

	assert_string_equal(output.out, "");
	RUN_WELL("vfiobind", "hostdev", "release", web.path);
	assert_nothing_written();
}

static void an_address_of_another_kind_of_device_is_a_warning(void **state)
{
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = NIC, .managed = "yes", .namespace = "1"});
	_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "hostdev", "prepare", web.path);

	assert_non_null(strstr(output.err, "warning: its class is not that of an NVMe controller"));
}

static void a_device_that_is_not_there_is_refused_and_can_be_released(void **state)
{
	_cleanup_domain_ struct domain_file web =
		DOMAIN("web", {.address = NIC, .managed = "yes"}, {.address = "0000:09:00.0", .managed = "yes"});

	ASSERT_FAILS(3, "device-not-found", "untouched", "hostdev", "prepare", web.path);
	{
		_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "hostdev", "release", web.path);

		assert_non_null(strstr(output.err, "0000:09:00.0: warning: web does not use it: left alone"));
	}
	assert_nothing_written();
}

static void an_interface_that_is_up_is_refused_unless_forced(void **state)
{
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = NIC, .managed = "yes"});

	assert_int_equal(system("cd " DEVICES "/" NIC "/net/eth* && echo 0x1003 >flags"), 0);
	trace_clear();
	ASSERT_FAILS(3, "netdev-in-use", "untouched", "hostdev", "prepare", web.path);
	assert_nothing_written();
	RUN_WELL("vfiobind", "hostdev", "prepare", web.path, "--force");
	assert_device(NIC, VARIANT, VARIANT);
}

/* As /proc says it; under valgrind that is not what the program is called. */
static const char *own_name(void)
{
	static char name[32];
	_cleanup_text_ char *comm = read_file("/proc/self/comm");

	assert_non_null(comm);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(comm, "\n"), comm);
	return name;
}

static void what_a_guest_has_open_is_neither_prepared_nor_released(void **state)
{
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = NIC, .managed = "yes"});
	_cleanup_domain_ struct domain_file mail = DOMAIN("mail", {.address = NIC, .managed = "no"});
	_cleanup_text_ char *node = group_node(NIC);
	_cleanup_text_ char *held = format_text("held by %s (pid %d)", own_name(), getpid());
	int fd;

	RUN_WELL("vfiobind", "hostdev", "prepare", web.path);
	fd = open(node, O_RDWR | O_CLOEXEC);
	assert_return_code(fd, errno);
	ASSERT_REFUSED("vfio-in-use", held, "hostdev", "release", web.path);
	assert_domain(NIC, "web");
	close(fd);
	RUN_WELL("vfiobind", "hostdev", "release", web.path);
	RUN_WELL("vfiobind", "detach", NIC);
	fd = open(node, O_RDWR | O_CLOEXEC);
	assert_return_code(fd, errno);
	ASSERT_REFUSED("vfio-in-use", held, "hostdev", "prepare", mail.path);
	close(fd);
}

/* The attributes that were stored into, in their order: "unbind drivers_probe ". */
static char *stores(void)
{
	static const char step[] = " sys.write path=";
	_cleanup_text_ char *trace = trace_read();
	char *kept = calloc(1, strlen(trace) + 1), *rest = trace;

	assert_non_null(kept);
	for (char *line; (line = strsep(&rest, "\n"));) {
		char *path = strstr(line, step);

		if (!path)
			continue;
		path += strlen(step);
		path[strcspn(path, " ")] = '\0';
		strcat(strcat(kept, strrchr(path, '/') + 1), " ");
	}
	return kept;
}

/* There is no guest's state in it that a reset would have to clear: its VFIO driver has let go of it. */
static void what_somebody_has_unbound_meanwhile_goes_back_to_the_host(void **state)
{
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = NIC, .managed = "yes"});

	RUN_WELL("vfiobind", "hostdev", "prepare", web.path);
	write_file("/sys/bus/pci/drivers/" VARIANT "/unbind", NIC);
	trace_clear();
	RUN_WELL("vfiobind", "hostdev", "release", web.path);
	assert_device(NIC, "e1000e", "(null)");
	assert_int_equal(TRACE_COUNT(" pci.reset "), 0);
	assert_nothing_noted();
}

static void release_resets_the_device_before_the_host_gets_it(void **state)
{
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = NIC, .managed = "yes"});
	_cleanup_text_ char *prepared = NULL, *released = NULL;

	RUN_WELL("modprobe", "vfio_pci_e1000e");
	trace_clear();
	RUN_WELL("vfiobind", "hostdev", "prepare", web.path);
	prepared = stores();
	trace_clear();
	RUN_WELL("vfiobind", "hostdev", "release", web.path);
	released = stores();
	assert_string_equal(prepared, "driver_override unbind drivers_probe ");
	assert_string_equal(released, "reset driver_override unbind drivers_probe ");
}

static void that_a_device_cannot_be_reset_is_a_warning(void **state)
{
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = NIC, .managed = "yes"});

	RUN_WELL("vfiobind", "hostdev", "prepare", web.path);
	add_fault("sys.write path=*/" NIC "/reset fail=ENOTTY");
	{
		_cleanup_output_ struct output output =
			RUN_EXPECTING(0, "vfiobind", "hostdev", "release", web.path, "--json");
		_cleanup_json_ struct json_object *document = json_of(&output);

		assert_json_text(document, "devices.0.to", "e1000e");
		assert_json_text(document, "devices.0.warnings.0",
				 "it could not be reset: Inappropriate ioctl for device");
	}
	assert_int_equal(fault_fired("sys.write"), 1);
	clear_faults();
}

static void a_reset_that_does_not_end_is_pending_until_repaired(void **state)
{
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = NIC, .managed = "yes"});

	RUN_WELL("vfiobind", "hostdev", "prepare", web.path);
	add_fault("sys.write path=*/" NIC "/reset hold times=1");
	ASSERT_FAILS(4, "timed-out", "pending", "hostdev", "release", web.path, ENOUGH);
	ASSERT_FAILS(3, "repair-needed", "untouched", "hostdev", "release", web.path);
	assert_true(beside_release_all());
	{
		_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "repair", "--json");
		_cleanup_json_ struct json_object *document = json_of(&output);

		assert_json_text(document, "devices.0.operation", "release");
		assert_json_text(document, "devices.0.outcome", "finished");
	}
	assert_device(NIC, "e1000e", "(null)");
	assert_nothing_noted();
}

static void somebody_who_reattached_it_by_hand_is_not_overruled(void **state)
{
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = NIC, .managed = "yes"});

	RUN_WELL("vfiobind", "hostdev", "prepare", web.path);
	write_file(DEVICES "/" NIC "/driver_override", "\n");
	write_file("/sys/bus/pci/drivers/" VARIANT "/unbind", NIC);
	write_file("/sys/bus/pci/drivers_probe", NIC);
	trace_clear();
	RUN_WELL("vfiobind", "hostdev", "release", web.path);
	assert_nothing_written();
	assert_device(NIC, "e1000e", "(null)");
	assert_nothing_noted();
}

static const struct CMUnitTest e1000e_tests[] = {
	SCENARIO(prepare_detaches_and_prints_the_arguments_of_qemu),
	SCENARIO(prepare_says_as_json_what_it_did),
	SCENARIO(an_interface_of_a_network_is_passed_over_with_a_note),
	SCENARIO(iommufd_and_a_name_of_its_own_are_for_who_asks),
	SCENARIO(a_model_suppresses_the_search_and_a_name_does_not),
	SCENARIO(kinds_of_driver_other_than_vfio_are_refused),
	SCENARIO(a_model_that_is_no_vfio_driver_is_refused),
	SCENARIO(an_unmanaged_device_on_a_host_driver_or_on_none_is_refused),
	SCENARIO(an_unmanaged_device_on_any_vfio_driver_is_taken_as_it_is),
	SCENARIO(what_was_bound_by_hand_is_borrowed_and_left_so),
	SCENARIO(what_was_bound_by_hand_to_another_driver_moves_and_stays),
	SCENARIO(what_was_on_no_driver_goes_back_to_none),
	SCENARIO(what_a_domain_uses_nobody_else_gets),
	SCENARIO(the_option_names_the_domain_before_the_file_does),
	SCENARIO(a_domain_needs_a_name_that_can_be_written_down),
	SCENARIO(a_file_that_is_wrong_is_wrong_use),
	SCENARIO(a_domain_without_devices_gets_none),
	SCENARIO(an_address_of_another_kind_of_device_is_a_warning),
	SCENARIO(a_device_that_is_not_there_is_refused_and_can_be_released),
	SCENARIO(an_interface_that_is_up_is_refused_unless_forced),
	SCENARIO(what_a_guest_has_open_is_neither_prepared_nor_released),
	SCENARIO(what_somebody_has_unbound_meanwhile_goes_back_to_the_host),
	SCENARIO(release_resets_the_device_before_the_host_gets_it),
	SCENARIO(that_a_device_cannot_be_reset_is_a_warning),
	SCENARIO(a_reset_that_does_not_end_is_pending_until_repaired),
	SCENARIO(somebody_who_reattached_it_by_hand_is_not_overruled),
};

/* ==== mlx5-sriov: unmanaged, with vfio-dev and on a kernel without ==== */

#define MLX5_VF "0000:3b:00.2"

static void mlx5_vfio_pci_is_taken_by_its_vfio_dev(void **state)
{
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = MLX5_VF, .managed = "no"});
	_cleanup_domain_ struct domain_file interface =
		DOMAIN("mail", {.address = "0000:3b:00.3", .managed = "no", .is_interface = 1});

	RUN_WELL("vfiobind", "detach", MLX5_VF, "0000:3b:00.3");
	assert_device(MLX5_VF, "mlx5_vfio_pci", "mlx5_vfio_pci");
	trace_clear();
	RUN_WELL("vfiobind", "hostdev", "prepare", web.path);
	RUN_WELL("vfiobind", "hostdev", "prepare", interface.path);
	assert_nothing_written();
	assert_domain(MLX5_VF, "web");
	assert_domain("0000:3b:00.3", "mail");
	ASSERT_REFUSED("used-by-domain", "mail", "hostdev", "prepare", interface.path, "--domain", "web");
}

/* Against no force: the domain would lose it. */
static void vfs_that_a_domain_uses_are_not_removed(void **state)
{
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = MLX5_VF, .managed = "yes"});

	RUN_WELL("vfiobind", "hostdev", "prepare", web.path);
	ASSERT_REFUSED("used-by-domain", "web", "sriov", "0000:3b:00.0", "--numvfs", "0", "--force");
	ASSERT_REFUSED("used-by-domain", "web", "sriov", "0000:3b:00.0", "--numvfs", "2");
	assert_domain(MLX5_VF, "web");
	RUN_WELL("vfiobind", "hostdev", "release", web.path);
	RUN_WELL("vfiobind", "sriov", "0000:3b:00.0", "--numvfs", "0");
}

static void an_interface_gets_a_vf_and_says_what_is_not_set(void **state)
{
	_cleanup_domain_ struct domain_file unmanaged =
		DOMAIN("web", {.address = MLX5_VF, .managed = "no", .is_interface = 1});
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {
									.address = MLX5_VF,
									.managed = "yes",
									.is_interface = 1,
									.inside = "<mac address='52:54:00:6d:90:02'/>",
								});
	_cleanup_output_ struct output output = {.out = NULL};

	ASSERT_REFUSED("not-detached", "mlx5_core, which is no VFIO driver", "hostdev", "prepare", unmanaged.path);
	output = RUN_EXPECTING(0, "vfiobind", "hostdev", "prepare", web.path);
	assert_string_equal(output.out, "-device vfio-pci,host=0000:3b:00.2,id=hostdev0\n");
	assert_non_null(strstr(output.err, "warning: the MAC address, VLAN and port profile of the interface are not"));
	assert_device(MLX5_VF, "mlx5_vfio_pci", "mlx5_vfio_pci");
	RUN_WELL("vfiobind", "hostdev", "release", web.path);
	assert_device(MLX5_VF, "mlx5_core", "(null)");
}

static const struct CMUnitTest mlx5_tests[] = {
	SCENARIO(mlx5_vfio_pci_is_taken_by_its_vfio_dev),
	SCENARIO(vfs_that_a_domain_uses_are_not_removed),
	SCENARIO(an_interface_gets_a_vf_and_says_what_is_not_set),
};

/* The same with Linux 5.19, which has variant drivers, but no vfio-dev. */
static void without_vfio_dev_a_variant_driver_is_refused_and_says_why(void **state)
{
	_cleanup_domain_ struct domain_file hostdev = DOMAIN("web", {.address = MLX5_VF, .managed = "no"});
	_cleanup_domain_ struct domain_file interface =
		DOMAIN("web", {.address = MLX5_VF, .managed = "no", .is_interface = 1});
	static const char why[] =
		"mlx5_vfio_pci, and this kernel, without vfio-dev, does not say that this is a VFIO driver";

	RUN_WELL("vfiobind", "detach", MLX5_VF);
	assert_device(MLX5_VF, "mlx5_vfio_pci", "mlx5_vfio_pci");
	ASSERT_REFUSED("not-detached", why, "hostdev", "prepare", hostdev.path);
	ASSERT_REFUSED("not-detached", why, "hostdev", "prepare", interface.path);
	RUN_WELL("vfiobind", "detach", MLX5_VF, "--driver", "vfio-pci");
	trace_clear();
	RUN_WELL("vfiobind", "hostdev", "prepare", hostdev.path);
	assert_nothing_written();
}

static void without_vfio_dev_a_managed_device_comes_and_goes(void **state)
{
	_cleanup_domain_ struct domain_file web = DOMAIN("web", {.address = MLX5_VF, .managed = "yes"});

	RUN_WELL("vfiobind", "hostdev", "prepare", web.path);
	assert_device(MLX5_VF, "mlx5_vfio_pci", "mlx5_vfio_pci");
	RUN_WELL("vfiobind", "hostdev", "release", web.path);
	assert_device(MLX5_VF, "mlx5_core", "(null)");
}

static const struct CMUnitTest mlx5_old_tests[] = {
	SCENARIO(without_vfio_dev_a_variant_driver_is_refused_and_says_why),
	SCENARIO(without_vfio_dev_a_managed_device_comes_and_goes),
};

/* ==== xen: a device that Xen has ==== */

static void what_xen_has_is_refused(void **state)
{
	_cleanup_domain_ struct domain_file managed = DOMAIN("web", {.address = NIC, .managed = "yes"});
	_cleanup_domain_ struct domain_file unmanaged = DOMAIN("web", {.address = NIC, .managed = "no"});

	ASSERT_REFUSED("xen-driver", "pciback", "hostdev", "prepare", managed.path);
	ASSERT_REFUSED("xen-driver", "pciback", "hostdev", "prepare", unmanaged.path);
	assert_device(NIC, "pciback", "(null)");
}

static const struct CMUnitTest xen_tests[] = {
	SCENARIO(what_xen_has_is_refused),
};

SCENARIO_MAIN(SUITE("e1000e", e1000e_tests), SUITE("mlx5-sriov", mlx5_tests), SUITE("mlx5-sriov-5.19", mlx5_old_tests),
	      SUITE("xen", xen_tests))
