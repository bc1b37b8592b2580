/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is written down: the form of a record, the files it is in. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tree.h"

#include "record.h"
#include "state.h"

/* ---- the form ---- */

/* All keys but "borrowed" and "reattach", as record_format() writes them. */
static const char whole[] = "vfiobind-record 1\n"
			    "address 0000:04:11.5\n"
			    "identity pci:v00008086d000010CAsv00001AF4sd00001100bc02sc00i00\n"
			    "boot 6a9c1f0e-0b8b-4a43-9b1e-7e6b0cf6a3a4\n"
			    "transaction 00000000deadbeef\n"
			    "operation prepare\n"
			    "since 1700000000\n"
			    "process 4711\n"
			    "command vfiobind\n"
			    "worker 4712\n"
			    "worker-start 18446744073709551615\n"
			    "owned\n"
			    "host-driver igbvf\n"
			    "host-override pci-stub\n"
			    "before-driver vfio-pci\n"
			    "before-override vfio-pci\n"
			    "had-vfs\n"
			    "target vfio-pci-igbvf\n"
			    "target-module vfio_pci_igbvf\n"
			    "vfio-device vfio0\n"
			    "iommu-group 14\n"
			    "domain the web server\n"
			    "stays\n"
			    "netdev eth0\n"
			    "netdev eth1\n"
			    "disk nvme0n1\n"
			    "reset-methods flr bus\n"
			    "reset-method bus\n"
			    "numvfs 7\n"
			    "target-numvfs 0\n"
			    "autoprobe\n"
			    "target-autoprobe\n"
			    "member 0000:04:11.5\n"
			    "member 10000:e1:00.0\n"
			    "end\n";

/* Room for "vfio" and these. */
#define DIGITS_27 "123456789012345678901234567"

/* Only what every record must have. */
static const char least[] = "vfiobind-record 1\n"
			    "address 0000:04:11.5\n"
			    "identity unknown\n"
			    "boot unknown\n"
			    "transaction 0\n"
			    "operation detach\n"
			    "since 0\n"
			    "process 1\n"
			    "end\n";

/* A record that is nothing else; freed by its reader. */
static struct record *parse(const char *text, int expected)
{
	struct arena arena = {.head = NULL};
	struct record *record = malloc(sizeof(*record)), *before = malloc(sizeof(*before));
	char *copy = strdup(text);
	int r;

	assert_true(record && before && copy);
	memset(record, 0x5a, sizeof(*record));
	memcpy(before, record, sizeof(*record));
	r = record_parse(copy, &arena, record);
	if (r != expected)
		print_error("%d instead of %d for:\n%s\n", r, expected, text);
	assert_int_equal(r, expected);
	/* What fails leaves it alone. */
	if (r < 0)
		assert_memory_equal(record, before, sizeof(*record));
	free(before);
	free(copy);
	arena_free(&arena);
	return record;
}

static void refuse(const char *text, int expected)
{
	free(parse(text, expected));
}

/* The record with this text in place of the @old one, which it has once. */
static char *replaced(const char *text, const char *old, const char *new)
{
	const char *at = strstr(text, old);
	char *changed;

	assert_non_null(at);
	assert_null(strstr(at + 1, old));
	assert_true(asprintf(&changed, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old)) >= 0);
	return changed;
}

static void a_record_is_read_as_it_is_written(void **state)
{
	static const char *const texts[] = {whole, least};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct arena arena = {.head = NULL};
		struct record *record = calloc(1, sizeof(*record));
		char *copy = strdup(texts[i]), *written = NULL;

		assert_true(record && copy);
		assert_int_equal(record_parse(copy, &arena, record), 0);
		assert_true(record_format(record, &written) > 0);
		/* A number is always written. */
		if (texts[i] == whole)
			assert_string_equal(written, whole);
		else
			assert_non_null(strstr(written, "worker 0\nworker-start 0\nnumvfs 0\ntarget-numvfs 0\nend\n"));
		free(written);
		free(copy);
		free(record);
		arena_free(&arena);
	}
}

static void a_value_that_cannot_be_is_refused(void **state)
{
	static const struct {
		const char *old, *new;
	} cases[] = {
		{"since 1700000000", "since"},
		{"since 1700000000", "since "},
		{"since 1700000000", "since -1"},
		{"since 1700000000", "since +1"},
		{"since 1700000000", "since  1"},
		{"since 1700000000", "since 1 "},
		{"since 1700000000", "since 0x10"},
		{"since 1700000000", "since now"},
		{"since 1700000000", "since 18446744073709551616"},
		{"operation prepare", "operation Prepare"},
		{"operation prepare", "operation"},
		{"operation prepare", "operation resets"},
		{"address 0000:04:11.5\ni", "address\ni"},
		{"address 0000:04:11.5\ni", "address 0000:04:11.8\ni"},
		{"member 10000:e1:00.0", "member eth0"},
		{"owned", "owned yes"},
		{"vfio-device vfio0", "vfio-device"},
		{"vfio-device vfio0", "vfio-device "},
		{"vfio-device vfio0", "vfio-device vfio" DIGITS_27 "0"},
		{"netdev eth1", "netdev"},
		{"netdev eth1", "netdev an-interface-of-a-name-far-too-long"},
		/* Of another form. */
		{"owned", "Owned"},
		{"owned", "owned\nowned"},
		{"owned", ""},
		{"owned", " owned"},
		{"disk nvme0n1", "disk nvme0n1\ndisk nvme1n1"},
		{"end\n", "end"},
		{"end\n", "end\n\n"},
		{"end\n", "end\nowned\n"},
		{"end\n", "end now\n"},
		{"end\n", ""},
		{"vfiobind-record 1", "vfiobind-record 0"},
		{"vfiobind-record 1", "vfiobind-record one"},
		{"vfiobind-record 1", "vfiobind-record"},
		{"vfiobind-record 1", "vfiobind-records 1"},
		{"vfiobind-record 1", ""},
		/* Who has the device must be known. */
		{"domain the web server\n", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *text = replaced(whole, cases[i].old, cases[i].new);

		refuse(text, -EBADMSG);
		free(text);
	}
}

static void a_text_as_long_as_there_is_room_is_read(void **state)
{
	char *text = replaced(whole, "vfio0", "vfio" DIGITS_27);
	struct record *record = parse(text, 0);

	assert_string_equal(record->vfio_device, "vfio" DIGITS_27);
	free(record);
	free(text);
}

static void a_release_has_a_domain_too(void **state)
{
	char *release = replaced(whole, "operation prepare", "operation release");
	char *nobodys = replaced(release, "domain the web server\n", "");

	refuse(release, 0);
	refuse(nobodys, -EBADMSG);
	free(nobodys);
	free(release);
}

static void a_record_of_a_later_version_is_told_from_garbage(void **state)
{
	char *later = replaced(least, "vfiobind-record 1", "vfiobind-record 2\nof what nobody knows yet");

	refuse(later, -EPROTONOSUPPORT);
	free(later);
}

/* Each of the lines, but of those that are no record's but this one's. */
static void what_every_record_has_must_be_there(void **state)
{
	for (const char *line = least; *line; line = strchr(line, '\n') + 1) {
		const char *next = strchr(line, '\n') + 1;
		char *text;

		assert_true(asprintf(&text, "%.*s%s", (int)(line - least), least, next) >= 0);
		refuse(text, -EBADMSG);
		free(text);
	}
}

/* A crash may cut it off anywhere. */
static void what_was_cut_off_is_refused(void **state)
{
	for (size_t length = 0; length < strlen(whole); length++) {
		char *text = strndup(whole, length);

		assert_non_null(text);
		refuse(text, -EBADMSG);
		free(text);
	}
}

static void a_record_that_no_file_has_room_for_is_not_written(void **state)
{
	struct arena arena = {.head = NULL};
	struct record *record = calloc(1, sizeof(*record));
	char *copy = strdup(least), *text = NULL;

	assert_true(record && copy);
	assert_int_equal(record_parse(copy, &arena, record), 0);
	record->n_members = STATE_FILE_SIZE / strlen("member 0000:00:00.0\n");
	record->members = calloc(record->n_members, sizeof(*record->members));
	assert_non_null(record->members);
	assert_int_equal(record_format(record, &text), -EFBIG);
	assert_null(text);
	record->n_members -= 10;
	assert_true(record_format(record, &text) > STATE_FILE_SIZE - 256);
	free(text);
	free(record->members);
	free(copy);
	free(record);
	arena_free(&arena);
}

static void each_operation_has_its_word(void **state)
{
	static const char *const words[] = {
		[RECORD_DETACH] = "detach", [RECORD_REATTACH] = "reattach", [RECORD_RESET] = "reset",
		[RECORD_SRIOV] = "sriov",   [RECORD_PREPARE] = "prepare",   [RECORD_RELEASE] = "release",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		char line[32], *text;
		struct record *record;

		snprintf(line, sizeof(line), "operation %s", words[i]);
		text = replaced(whole, "operation prepare", line);
		record = parse(text, 0);
		assert_int_equal(record->operation, i);
		assert_string_equal(record_operation_name(record->operation), words[i]);
		free(record);
		free(text);
	}
}

/* ---- the files ---- */

static int open_root(const struct tree *tree)
{
	int fd = open(tree->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void put_socket(const struct tree *tree, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", tree_path(tree, "%s", name));
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
}

static void only_files_are_read(void **state)
{
	const struct tree *tree = *state;
	char *buffer = malloc(STATE_FILE_SIZE);
	int fd = open_root(tree);

	assert_non_null(buffer);
	put(tree, "text", "file");
	put_link(tree, "file", "link");
	put_socket(tree, "socket");
	assert_int_equal(mkfifo(tree_path(tree, "fifo"), 0600), 0);
	put(tree, "", "directory/file");
	assert_int_equal(state_read(fd, "file", buffer), 4);
	assert_string_equal(buffer, "text");
	assert_int_equal(state_read(fd, "none", buffer), -ENOENT);
	for (size_t i = 0; i < 4; i++) {
		static const char *const names[] = {"link", "socket", "fifo", "directory"};

		assert_int_equal(state_read(fd, names[i], buffer), -EPERM);
		assert_int_equal(state_open_file(fd, names[i]), -EPERM);
	}
	close(fd);
	free(buffer);
}

static void a_file_longer_than_any_of_ours_is_not_read(void **state)
{
	const struct tree *tree = *state;
	char *buffer = malloc(STATE_FILE_SIZE);
	int fd = open_root(tree);

	assert_non_null(buffer);
	memset(buffer, 'x', STATE_FILE_SIZE);
	put_bytes(tree, buffer, STATE_FILE_SIZE, "file");
	assert_int_equal(state_read(fd, "file", buffer), -EFBIG);
	put_bytes(tree, buffer, STATE_FILE_SIZE - 1, "file");
	assert_int_equal(state_read(fd, "file", buffer), STATE_FILE_SIZE - 1);
	close(fd);
	free(buffer);
}

/* As its new name, which comes first, is longer than the old one. */
static void a_name_that_has_no_room_is_refused(void **state)
{
	const struct tree *tree = *state;
	char name[NAME_MAX + 1];
	int fd = open_root(tree);

	memset(name, 'x', NAME_MAX);
	name[NAME_MAX] = '\0';
	assert_int_equal(state_write(fd, name, "text", 4), -ENAMETOOLONG);
	name[NAME_MAX - 1] = '\0';
	assert_int_equal(state_write(fd, name, "text", 4), 0);
	assert_string_equal(slurp(tree, "%s", name), "text");
	close(fd);
}

/* What a crash has left under the new name is nobody's; a directory there is. */
static void a_file_is_replaced_whole_or_not_at_all(void **state)
{
	const struct tree *tree = *state;
	int fd = open_root(tree);

	put(tree, "old", "file");
	put(tree, "half", ".file");
	assert_int_equal(state_write(fd, "file", "new", 3), 0);
	assert_string_equal(slurp(tree, "file"), "new");
	assert_int_equal(access(tree_path(tree, ".file"), F_OK), -1);
	put(tree, "", ".file/in the way");
	assert_true(state_write(fd, "file", "newer", 5) < 0);
	assert_string_equal(slurp(tree, "file"), "new");
	/* And one in the place of the file. */
	put(tree, "", "directory/in the way");
	assert_true(state_write(fd, "directory", "new", 3) < 0);
	assert_int_equal(access(tree_path(tree, ".directory"), F_OK), -1);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_is_read_as_it_is_written),
		cmocka_unit_test(a_value_that_cannot_be_is_refused),
		cmocka_unit_test(a_text_as_long_as_there_is_room_is_read),
		cmocka_unit_test(a_release_has_a_domain_too),
		cmocka_unit_test(a_record_of_a_later_version_is_told_from_garbage),
		cmocka_unit_test(what_every_record_has_must_be_there),
		cmocka_unit_test(what_was_cut_off_is_refused),
		cmocka_unit_test(a_record_that_no_file_has_room_for_is_not_written),
		cmocka_unit_test(each_operation_has_its_word),
		test_on_tree(only_files_are_read),
		test_on_tree(a_file_longer_than_any_of_ours_is_not_read),
		test_on_tree(a_name_that_has_no_room_is_refused),
		test_on_tree(a_file_is_replaced_whole_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
