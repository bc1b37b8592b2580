/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A captured /sys is recorded, and the machine that the fake makes of the recording is compared with the capture. */
#include "fixture/fixture.h"
#include "fixture/record.h"
#include "nodes.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

enum { CAPTURE_TEXT = 900 }; /* what it has of a text */

static const char *capture_path; /* argv[1] */

/* Beside what is never claimed. */
static const struct exemption of_this_capture[] = {
	{"*/power/*", 'n', "left out of the capture"},
	{"*/queues/*", 'n', "left out of the capture"},
	{"*/wakeup/*", 'n', "left out of the capture"},
	{"/sys/class/net*", 'n', "left out of the capture"},
	{"/sys/class/pci_bus*", 'n', "left out of the capture"},
	{"/sys/class/block*", 'n', "left out of the capture"},
	{"/sys/class/nvme*", 'n', "left out of the capture"},
	{"/sys/devices/virtual/*", 'n', "left out of the capture"},
	{"*/0000:00:0[234].0/resource", 'c', "the capture ends in the middle of the windows"},
	{"*/0000:00:0[234].0/config/0x02[4-9a-f]", 'c', "the last window: the same"},
	{"*/0000:03:00.0/config/0x14[4-9ab]", 'c', "serial number: scrubbed"},
	{"*/0000:01:11.4/*dma_mask_bits", 'c', "what a driver before the present one left behind"},
};

struct state {
	char root[32], fixture_path[64];
	struct node_list capture;
};

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	return remove(path);
}

static int set_up(void **context)
{
	struct state *state = calloc(1, sizeof(*state));

	strcpy(state->root, "/tmp/record-XXXXXX");
	assert_non_null(mkdtemp(state->root));
	snprintf(state->fixture_path, sizeof(state->fixture_path), "%s/machine.yaml", state->root);
	nodes_from_capture(&state->capture, capture_path);
	nodes_write(&state->capture, state->root);
	*context = state;
	return 0;
}

static int tear_down(void **context)
{
	struct state *state = *context;

	nftw(state->root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	nodes_free(&state->capture);
	free(state);
	return 0;
}

/* Records the tree; the caller frees. */
static char *record(const struct state *state, bool keep_serials)
{
	struct record_options options = {.root = state->root, .release = "6.12.117+deb", .keep_serials = keep_serials};
	FILE *messages = tmpfile();
	char *text = NULL;

	assert_int_equal(fixture_record(&options, messages, &text), 0);
	fclose(messages);
	return text;
}

static void save(const struct state *state, const char *text)
{
	FILE *stream = fopen(state->fixture_path, "we");

	assert_non_null(stream);
	fputs(text, stream);
	assert_int_equal(fclose(stream), 0);
}

static void the_fake_shows_what_was_captured(void **context)
{
	struct state *state = *context;
	char *text = record(state, false);

	save(state, text);
	assert_int_equal(recording_compare(state->fixture_path, &state->capture, of_this_capture,
					   COUNT(of_this_capture), CAPTURE_TEXT, stderr),
			 0);
	free(text);
}

static void addresses_and_serial_numbers_are_made_up(void **context)
{
	char *text = record(*context, false);

	assert_null(strstr(text, "52:54:00"));
	assert_null(strstr(text, "57 34 12 ff ff 00 54 52"));
	assert_non_null(strstr(text, "00 00 03 ff ff 00 00 02"));
	free(text);
	text = record(*context, true);
	assert_non_null(strstr(text, "mac: \"52:54:00:12:34:56\""));
	assert_non_null(strstr(text, "57 34 12 ff ff 00 54 52"));
	free(text);
}

static void a_recording_is_the_same_each_time(void **context)
{
	char *one = record(*context, false), *two = record(*context, false);

	assert_string_equal(one, two);
	free(one);
	free(two);
}

struct hostile {
	const char *path, *text; /* what is written there */
	const char *message;     /* a part of what is said */
};

static const struct hostile hostiles[] = {
	{"vendor", "0x80860\n", "is no number"},  {"vendor", "-1\n", "is no number"},
	{"vendor", "", "is no number"},           {"class", "network\n", "is no number"},
	{"device", "0x10\x01", "byte 4 is 0x01"}, {"resource", "0x0 0x0 0x0\n", "line 1 is not"},
	{"config", "short", "5 bytes"},           {"secondary_bus_number", "256\n", "is no number"},
};

static void what_no_kernel_writes_is_refused_with_its_path(void **context)
{
	static const char directory[] = "/sys/devices/pci0000:00/0000:00:01.0";
	struct state *state = *context;

	for (size_t i = 0; i < COUNT(hostiles); i++) {
		struct record_options options = {.root = state->root, .release = "6.12.117"};
		char path[256], kept[8192], *text = NULL, *said = NULL, name[64];
		size_t n = 0, size;
		FILE *stream, *messages = open_memstream(&said, &size);

		snprintf(path, sizeof(path), "%s%s/%s", state->root, directory, hostiles[i].path);
		stream = fopen(path, "re");
		if (stream) {
			n = fread(kept, 1, sizeof(kept), stream);
			fclose(stream);
			unlink(path);
		}
		stream = fopen(path, "we");
		assert_non_null(stream);
		fputs(hostiles[i].text, stream);
		fclose(stream);
		assert_int_equal(fixture_record(&options, messages, &text), -EINVAL);
		fclose(messages);
		assert_null(text);
		snprintf(name, sizeof(name), "/0000:00:01.0/%s: ", hostiles[i].path);
		assert_non_null(strstr(said, name));
		assert_non_null(strstr(said, hostiles[i].message));
		free(said);
		unlink(path);
		stream = n ? fopen(path, "we") : NULL;
		if (stream) {
			fwrite(kept, 1, n, stream);
			fclose(stream);
		}
	}
}

static void a_pipe_and_an_endless_file_keep_nobody_waiting(void **context)
{
	struct state *state = *context;
	struct record_options options = {.root = state->root, .release = "6.12.117"};
	FILE *messages = tmpfile();
	char path[256], *text = NULL;

	snprintf(path, sizeof(path), "%s/sys/devices/pci0000:00/0000:00:01.0/vendor", state->root);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(fixture_record(&options, messages, &text), -EINVAL);
	unlink(path);
	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_int_equal(fixture_record(&options, messages, &text), -EINVAL);
	fclose(messages);
	assert_null(text);
}

static void a_machine_without_pci_is_told(void **context)
{
	struct record_options options = {.root = "/nonexistent", .release = "6.12.117"};
	FILE *messages = tmpfile();
	char *text = NULL;

	assert_int_equal(fixture_record(&options, messages, &text), -ENOENT);
	fclose(messages);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_fake_shows_what_was_captured, set_up, tear_down),
		cmocka_unit_test_setup_teardown(addresses_and_serial_numbers_are_made_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_recording_is_the_same_each_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_no_kernel_writes_is_refused_with_its_path, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_pipe_and_an_endless_file_keep_nobody_waiting, set_up, tear_down),
		cmocka_unit_test(a_machine_without_pci_is_told),
	};

	if (argc < 2) {
		fprintf(stderr, "usage: %s CAPTURE [TEST]\n", argv[0]);
		return 2;
	}
	capture_path = argv[1];
	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
