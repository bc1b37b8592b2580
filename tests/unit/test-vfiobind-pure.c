/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The functions of libvfiobind that need no /sys. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "descriptor.h"
#include "diagnose.h"
/* cmocka has a fail() of its own. */
#undef fail
#include "error.h"
#include "modalias.h"
#include "module.h"
#include "vfiobind.h"

/* The arguments of this program: what the tests compare the library with. */
static const char *man_page = "", *header = "";

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 1 << 17);
	size_t n;

	assert_non_null(file);
	assert_non_null(text);
	n = fread(text, 1, (1 << 17) - 1, file);
	assert_true(n > 0 && n < (1 << 17) - 1);
	fclose(file);
	return text;
}

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static void addresses_are_read_in_all_spellings(void **state)
{
	static const struct {
		const char *text, *canonical;
	} cases[] = {
		{"0000:04:11.5", "0000:04:11.5"},         {"04:11.5", "0000:04:11.5"},
		{"pci_0000_04_11_5", "0000:04:11.5"},     {"10000:e1:00.0", "10000:e1:00.0"},
		{"ABCD:EF:1F.7", "abcd:ef:1f.7"},         {"pci_10000_E1_00_0", "10000:e1:00.0"},
		{"ffffffff:ff:1f.7", "ffffffff:ff:1f.7"}, {"00000000:00:00.0", "0000:00:00.0"},
	};
	struct vfiobind_address address;
	char text[VFIOBIND_ADDRESS_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(vfiobind_address_parse(cases[i].text, &address), 0);
		assert_int_equal(vfiobind_address_format(&address, text, sizeof(text)), 0);
		assert_string_equal(text, cases[i].canonical);
	}
}

static void what_is_no_address_is_refused_and_the_output_left_alone(void **state)
{
	static const char *const cases[] = {
		"",
		"0000:00:1f.8",
		"0000:00:20.0",
		"0000:04:11.5 ",
		" 0000:04:11.5",
		"0000:04:11.5x",
		"0000:04:11",
		"0000:04:11.",
		"04:11.5\n",
		"../../x",
		"0000:4:11.5",
		"000:04:11.5",
		"004:11.5",
		"0000-04-11-5",
		"0000-04:11.5",
		"0000:04-11.5",
		"0000:04:11:5",
		"0000_04_11_5",
		"pci_04_11_5",
		"pci_0000:04:11.5",
		"pci_0000_04_11_8",
		"PCI_0000_04_11_5",
		"0x00:04:11.5",
		"123456789:04:11.5",
		"+000:04:11.5",
		"eth0",
		"pci_",
		":",
		"0000:04:11.-1",
		"0000:zz:11.5",
	};
	struct vfiobind_address address = {.domain = 0x1234, .bus = 0x56, .slot = 7, .function = 1};
	char *longest = malloc(5001);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(vfiobind_address_parse(cases[i], &address), -EINVAL);
	assert_non_null(longest);
	memset(longest, '0', 5000);
	longest[5000] = '\0';
	assert_int_equal(vfiobind_address_parse(longest, &address), -EINVAL);
	free(longest);
	assert_int_equal(vfiobind_address_parse(NULL, &address), -EINVAL);
	assert_int_equal(address.domain, 0x1234);
	assert_int_equal(address.bus, 0x56);
}

static void an_address_that_does_not_fit_is_not_written(void **state)
{
	static const struct vfiobind_address address = {.domain = 0x10000, .bus = 1};
	char text[VFIOBIND_ADDRESS_SIZE] = "before";

	assert_int_equal(vfiobind_address_format(&address, text, 13), -ENOSPC);
	assert_string_equal(text, "before");
	assert_int_equal(vfiobind_address_format(&address, text, 14), 0);
	assert_string_equal(text, "10000:01:00.0");
}

static void addresses_sort_by_each_part_in_turn(void **state)
{
	static const struct vfiobind_address sorted[] = {
		{0, 0, 0, 0}, {0, 0, 0, 1}, {0, 0, 1, 0}, {0, 1, 0, 0}, {1, 0, 0, 0}, {0x80000000u, 0, 0, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(sorted); i++)
		for (size_t j = 0; j < ARRAY_SIZE(sorted); j++) {
			int order = vfiobind_address_compare(&sorted[i], &sorted[j]);

			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
}

static void the_fields_of_a_modalias_are_taken_apart(void **state)
{
	struct modalias modalias;

	assert_int_equal(modalias_parse("pci:v00008086d000010CAsv00001AF4sd00001100bc02sc00i01", "pci:", &modalias), 0);
	assert_string_equal(modalias.fields[MODALIAS_VENDOR], "00008086");
	assert_string_equal(modalias.fields[MODALIAS_DEVICE], "000010CA");
	assert_string_equal(modalias.fields[MODALIAS_SUBSYSTEM_VENDOR], "00001AF4");
	assert_string_equal(modalias.fields[MODALIAS_SUBSYSTEM_DEVICE], "00001100");
	assert_string_equal(modalias.fields[MODALIAS_BASE_CLASS], "02");
	assert_string_equal(modalias.fields[MODALIAS_SUBCLASS], "00");
	assert_string_equal(modalias.fields[MODALIAS_INTERFACE], "01");
}

static void what_is_no_modalias_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"pci:",
		"usb:v1",
		"pci:v*d*sv*sd*bc*sc*",
		"pci:v*d*sv*sd*bc*sc*i",
		"pci:v*d*sv*sd*bc*sc*i*x",
		"pci:vd*sv*sd*bc*sc*i*",
		"vfio_pci:v*d*sv*sd*bc*sc*i*",
		"pci:v*d*sd*sv*bc*sc*i*",
		"pci:v00000000000000000000000000000000000000d*sv*sd*bc*sc*i*",
	};
	struct modalias modalias;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(modalias_parse(cases[i], "pci:", &modalias), -EINVAL);
}

static struct modalias parse(const char *text, const char *prefix)
{
	struct modalias modalias;

	assert_int_equal(modalias_parse(text, prefix, &modalias), 0);
	return modalias;
}

static void patterns_match_field_by_field(void **state)
{
	static const struct {
		const char *pattern;
		bool match;
	} cases[] = {
		{"vfio_pci:v*d*sv*sd*bc*sc*i*", true},
		{"vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i*", true},
		{"vfio_pci:v000015B3d0000101Fsv*sd*bc*sc*i*", false},
		{"vfio_pci:v000015B3d*sv*sd*bc0[0-3]sc*i*", true},
		{"vfio_pci:v000015B3d*sv*sd*bc0[3-9]sc*i*", false},
		{"vfio_pci:v*d0000101?sv*sd*bc*sc*i*", true},
		{"vfio_pci:v*d*sv*sd*bc*sc*i01", false},
	};
	struct modalias device = parse("pci:v000015B3d0000101Esv000015B3sd00000058bc02sc00i00", "pci:");

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct modalias pattern = parse(cases[i].pattern, "vfio_pci:");

		assert_int_equal(modalias_match(&pattern, &device), cases[i].match);
	}
}

static void a_subsystem_outweighs_a_device_that_a_vendor_that_a_class(void **state)
{
	/* Each is more specific than the next. */
	static const char *const ranking[] = {
		"vfio_pci:v*d*sv00000001sd00000001bc*sc*i*",
		"vfio_pci:v*d*sv00000001sd*bc*sc*i*",
		"vfio_pci:v00000001d00000001sv*sd*bc02sc00i00",
		"vfio_pci:v00000001d00000001sv*sd*bc*sc*i*",
		"vfio_pci:v*d00000001sv*sd*bc*sc*i*",
		"vfio_pci:v00000001d*sv*sd*bc02sc00i00",
		"vfio_pci:v00000001d*sv*sd*bc*sc*i*",
		"vfio_pci:v*d*sv*sd*bc02sc00i00",
		"vfio_pci:v*d*sv*sd*bc02sc*i*",
		"vfio_pci:v*d*sv*sd*bc*sc*i*",
	};

	for (size_t i = 1; i < ARRAY_SIZE(ranking); i++) {
		struct modalias better = parse(ranking[i - 1], "vfio_pci:"), worse = parse(ranking[i], "vfio_pci:");

		assert_true(modalias_specificity(&better) > modalias_specificity(&worse));
	}
}

static void module_names_differ_in_more_than_hyphens(void **state)
{
	char name[] = "vfio-pci_igbvf-x";

	assert_true(module_names_equal("vfio-pci_igbvf", "vfio_pci-igbvf"));
	assert_false(module_names_equal("vfio-pci", "vfio-pcix"));
	assert_false(module_names_equal("vfio-pci", "vfio.pci"));
	assert_false(module_names_equal("", "-"));
	module_normalise(name);
	assert_string_equal(name, "vfio_pci_igbvf_x");
}

static void hostile_text_is_escaped_onto_one_line(void **state)
{
	char text[64];

	assert_int_equal(vfiobind_text_escape("a\n\t\r\\\x1b[31m\x7f\xc2\x9b", text, sizeof(text)), 29);
	assert_string_equal(text, "a\\n\\t\\r\\\\\\x1b[31m\\x7f\\xc2\\x9b");
	/* Cut between two escapes. */
	assert_int_equal(vfiobind_text_escape("ab\x01", text, 6), 6);
	assert_string_equal(text, "ab");
	assert_int_equal(vfiobind_text_escape("ab\x01z", text, 6), 7);
	assert_string_equal(text, "ab");
	assert_int_equal(vfiobind_text_escape("abc", NULL, 0), 3);
}

static void an_error_is_one_line_whatever_it_holds(void **state)
{
	static const struct vfiobind_address address = {.bus = 4, .slot = 0x11, .function = 5};
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	char line[1024], full[4096];

	assert_int_equal(fail(&error, .code = VFIOBIND_ERROR_UNBIND_FAILED, .number = EBUSY, .device = &address,
			      .operation = "unbind from", .object = "ig\nbvf", .path = "/sys/\x1bx"),
			 -EBUSY);
	vfiobind_error_format(&error, line, sizeof(line));
	assert_string_equal(line, "0000:04:11.5: cannot unbind from ig\\nbvf: the kernel refused the unbind: "
				  "Device or resource busy [/sys/\\x1bx]");
	/* Cut anywhere, it is a prefix of the whole, and the length is that of the whole. */
	size_t length = vfiobind_error_format(&error, full, sizeof(full));

	assert_int_equal(length, strlen(full));
	for (size_t size = 1; size < length; size++) {
		assert_int_equal(vfiobind_error_format(&error, line, size), length);
		assert_true(strlen(line) < size);
		assert_memory_equal(line, full, strlen(line));
	}
	assert_int_equal(vfiobind_error_format(&error, NULL, 0), length);
}

/* All bytes but NUL, from @first on. */
static void fill(char *text, size_t size, unsigned int first)
{
	for (size_t i = 0; i < size - 1; i++)
		text[i] = (char)(1 + (first + i) % 255);
	text[size - 1] = '\0';
}

static void every_error_is_one_printable_line_in_every_state_whatever_its_texts_hold(void **state)
{
	enum vfiobind_error_code code;
	size_t n = 0;

	for (size_t i = 0; vfiobind_error_code_at(i, &code) == 0; i++)
		for (int at = VFIOBIND_STATE_UNTOUCHED; at <= VFIOBIND_STATE_BROKEN + 1; at++)
			for (unsigned int first = 0; first < 255; first += 5) {
				struct vfiobind_error error = VFIOBIND_ERROR_INIT;
				char line[8192];

				error.code = code;
				error.state = (enum vfiobind_state)at;
				error.number = (int)first - 100;
				error.has_device = first % 2;
				memset(&error.device, (int)first, sizeof(error.device));
				fill(error.operation, sizeof(error.operation), first);
				fill(error.path, sizeof(error.path), first + 1);
				fill(error.expected, sizeof(error.expected), first + 2);
				fill(error.found, sizeof(error.found), first + 3);
				fill(error.hint, sizeof(error.hint), first + 4);
				assert_true(vfiobind_error_format(&error, line, sizeof(line)) < sizeof(line));
				for (const char *c = line; *c; c++)
					assert_in_range(*c, 0x20, 0x7e);
				n++;
			}
	print_message("%zu errors\n", n);
}

static void an_older_caller_gets_what_fits_its_error(void **state)
{
	char line[256];
	struct {
		struct vfiobind_error error;
	} guarded;

	memset(&guarded, 0x5a, sizeof(guarded));
	guarded.error.size = offsetof(struct vfiobind_error, hint);
	assert_int_equal(fail(&guarded.error, .code = VFIOBIND_ERROR_PF_HAS_VFS, .hint = "not seen"), -EBUSY);
	assert_int_equal(guarded.error.code, VFIOBIND_ERROR_PF_HAS_VFS);
	assert_int_equal(guarded.error.size, offsetof(struct vfiobind_error, hint));
	assert_int_equal((unsigned char)guarded.error.hint[0], 0x5a);
	/* What lies behind it is none of its members. */
	vfiobind_error_format(&guarded.error, line, sizeof(line));
	assert_string_equal(line, vfiobind_error_code_summary(VFIOBIND_ERROR_PF_HAS_VFS));
	assert_int_equal(fail(NULL, .code = VFIOBIND_ERROR_PF_HAS_VFS), -EBUSY);
}

/* With as many of them closed as there can be: what nobody has open is the next number. */
static void descriptors_are_none_of_the_standard_streams(void **state)
{
	int kept[3], files[3] = {-1, -1, -1}, sockets[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};

	fflush(NULL);
	for (int fd = 0; fd < 3; fd++)
		kept[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 100);
	for (int closed = 0; closed < 3; closed++) {
		close(closed);
		files[closed] = descriptor_open(AT_FDCWD, "/", O_RDONLY | O_CLOEXEC, 0);
		descriptor_socket_pair(SOCK_SEQPACKET | SOCK_CLOEXEC, sockets[closed]);
	}
	for (int fd = 0; fd < 3; fd++) {
		dup2(kept[fd], fd);
		close(kept[fd]);
	}
	for (int closed = 0; closed < 3; closed++) {
		assert_true(files[closed] > STDERR_FILENO);
		assert_true(sockets[closed][0] > STDERR_FILENO && sockets[closed][1] > STDERR_FILENO);
		close(files[closed]);
		close(sockets[closed][0]);
		close(sockets[closed][1]);
	}
}

/* The enumerators of the header, as a person reads them; each must have a name. */
static size_t count_codes(void)
{
	char *text = read_file(header), *rest = strstr(text, "enum vfiobind_error_code {");
	size_t n = 0;

	assert_non_null(rest);
	for (char *line; (line = strsep(&rest, "\n")) && strcmp(line, "};") != 0;) {
		int number;

		if (sscanf(line, " VFIOBIND_ERROR_%*[A-Z_] = %d", &number) != 1)
			continue;
		if (!vfiobind_error_code_name((enum vfiobind_error_code)number))
			print_error("no row in the table of codes: %s\n", line);
		assert_non_null(vfiobind_error_code_name((enum vfiobind_error_code)number));
		n++;
	}
	free(text);
	return n;
}

static void every_code_has_a_name_of_its_own_and_is_in_the_man_page(void **state)
{
	char *page = read_file(man_page);
	enum vfiobind_error_code code, other;
	size_t n = 0;

	for (; vfiobind_error_code_at(n, &code) == 0; n++) {
		const char *name = vfiobind_error_code_name(code);
		static const char *const statuses[] = {
			[VFIOBIND_ERROR_CLASS_USAGE] = "2",
			[VFIOBIND_ERROR_CLASS_PRECONDITION] = "3",
			[VFIOBIND_ERROR_CLASS_FAILURE] = "1",
			[VFIOBIND_ERROR_CLASS_TIME_OUT] = "4",
		};
		char row[128];

		assert_non_null(name);
		assert_true(strlen(vfiobind_error_code_summary(code)) > 0);
		for (size_t i = 0; i < n; i++) {
			vfiobind_error_code_at(i, &other);
			assert_string_not_equal(vfiobind_error_code_name(other), name);
		}
		if (code == VFIOBIND_ERROR_NONE)
			continue;
		snprintf(row, sizeof(row), "\n%s;%s%s;", name, statuses[vfiobind_error_code_class(code)],
			 vfiobind_error_code_can_be_forced(code) ? ", force" : "");
		if (!strstr(page, row))
			print_error("the man page has no row \"%s\"\n", row + 1);
		assert_non_null(strstr(page, row));
	}
	assert_int_equal(n, count_codes());
	assert_null(vfiobind_error_code_name((enum vfiobind_error_code)9999));
	free(page);
}

static void the_kernels_log_tells_the_errno_of_a_probe(void **state)
{
	static const struct {
		const char *records;
		int number;
		const char *message;
	} cases[] = {
		{"4,99,12,-;vfio-pci 0000:04:11.5: probe with driver vfio-pci failed with error -16\n SUBSYSTEM=pci\n",
		 16, "vfio-pci 0000:04:11.5: probe with driver vfio-pci failed with error -16"},
		{"4,99,12,-;vfio-pci: probe of 0000:04:11.5 failed with error -22\n", 22,
		 "vfio-pci: probe of 0000:04:11.5 failed with error -22"},
		{"7,99,12,-;igbvf 0000:04:11.5: probe with driver igbvf rejects match -19\n", 19,
		 "igbvf 0000:04:11.5: probe with driver igbvf rejects match -19"},
		/* Another device, user space's word, and a message without an errno. */
		{"4,99,12,-;vfio-pci 0000:04:11.4: probe with driver vfio-pci failed with error -16\n", 0, ""},
		{"4,99,12,-;vfio-pci 10000:04:11.5: probe with driver vfio-pci failed with error -16\n", 0, ""},
		{"4,99,12,-;vfio-pci f:0000:04:11.5: probe with driver vfio-pci failed with error -16\n", 0, ""},
		{"4,99,12,-;vfio-pci 0000:04:11.50: probe with driver vfio-pci failed with error -16\n", 0, ""},
		{"4,99,12,-;vfio-pci 10000:04:11.5, 0000:04:11.5: probe failed with error -16\n", 16,
		 "vfio-pci 10000:04:11.5, 0000:04:11.5: probe failed with error -16"},
		{"4,99,12,-;probe of 0000:04:11.5", 0, "probe of 0000:04:11.5"},
		{"12,99,12,-;vfio-pci 0000:04:11.5: probe with driver vfio-pci failed with error -16\n", 0, ""},
		{"4,99,12,-;vfio-pci 0000:04:11.5: Cannot bind\n", 0, "vfio-pci 0000:04:11.5: Cannot bind"},
		/* No driver had it when this was said. What is said of another function may have to do with it. */
		{"6,99,12,-;pci 0000:04:11.5: Adding to iommu group 5\n", 0, ""},
		{"6,99,12,-;pci 0000:04:11.50: above 0000:04:11.5\n", 0, "pci 0000:04:11.50: above 0000:04:11.5"},
		{"6,99,12,-;pci 0000:04:01.0: above 0000:04:11.5\n", 0, "pci 0000:04:01.0: above 0000:04:11.5"},
		{" DEVICE=+pci:0000:04:11.5;probe failed with error -5\n", 0, ""},
		{"", 0, ""},
		{"garbage 0000:04:11.5", 0, ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct log_clue clue = {.number = 0};
		char records[512];

		snprintf(records, sizeof(records), "%s", cases[i].records);
		diagnose_parse_log(records, "0000:04:11.5", &clue);
		assert_int_equal(clue.number, cases[i].number);
		assert_string_equal(clue.message, cases[i].message);
	}
}

static void deferred_devices_are_known_by_their_whole_name(void **state)
{
	assert_true(diagnose_is_deferred("0000:04:11.5\t\n", "0000:04:11.5"));
	assert_true(diagnose_is_deferred("x\n0000:04:11.5\tsupplier\ny\n", "0000:04:11.5"));
	assert_false(diagnose_is_deferred("0000:04:11.50\n", "0000:04:11.5"));
	assert_false(diagnose_is_deferred("10000:04:11.5\n", "0000:04:11.5"));
	assert_false(diagnose_is_deferred("", "0000:04:11.5"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_in_all_spellings),
		cmocka_unit_test(what_is_no_address_is_refused_and_the_output_left_alone),
		cmocka_unit_test(an_address_that_does_not_fit_is_not_written),
		cmocka_unit_test(addresses_sort_by_each_part_in_turn),
		cmocka_unit_test(the_fields_of_a_modalias_are_taken_apart),
		cmocka_unit_test(what_is_no_modalias_is_refused),
		cmocka_unit_test(patterns_match_field_by_field),
		cmocka_unit_test(a_subsystem_outweighs_a_device_that_a_vendor_that_a_class),
		cmocka_unit_test(module_names_differ_in_more_than_hyphens),
		cmocka_unit_test(hostile_text_is_escaped_onto_one_line),
		cmocka_unit_test(an_error_is_one_line_whatever_it_holds),
		cmocka_unit_test(every_error_is_one_printable_line_in_every_state_whatever_its_texts_hold),
		cmocka_unit_test(an_older_caller_gets_what_fits_its_error),
		cmocka_unit_test(descriptors_are_none_of_the_standard_streams),
		cmocka_unit_test(every_code_has_a_name_of_its_own_and_is_in_the_man_page),
		cmocka_unit_test(the_kernels_log_tells_the_errno_of_a_probe),
		cmocka_unit_test(deferred_devices_are_known_by_their_whole_name),
	};

	if (argc != 3)
		return 2;
	man_page = argv[1];
	header = argv[2];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
