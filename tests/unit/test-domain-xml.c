/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domains and what is read of them: tests/domain-xml/NAME.xml must give exactly NAME.expected. And those that want to do
 * harm.
 *
 *   test-domain-xml            all
 *   test-domain-xml NAME...    these
 *   test-domain-xml --update   writes the .expected files anew; then read the difference
 */
#include "domain-xml.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <libxml/parser.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* ---- golden files ---- */

static void print_device(FILE *stream, const struct vfiobind_hostdev *hostdev, const struct domain_device *device)
{
	static const char *const kinds[] = {
		[VFIOBIND_HOSTDEV_KIND_HOSTDEV] = "hostdev",
		[VFIOBIND_HOSTDEV_KIND_INTERFACE] = "interface",
		[VFIOBIND_HOSTDEV_KIND_NVME] = "nvme",
	};
	char address[VFIOBIND_ADDRESS_SIZE];

	vfiobind_address_format(&hostdev->address, address, sizeof(address));
	fprintf(stream, "line %lu: %s %s%s", device->line, kinds[hostdev->kind], address,
		hostdev->managed ? " managed" : "");
	if (hostdev->driver_name)
		fprintf(stream, " name=%s", hostdev->driver_name);
	if (hostdev->driver_model)
		fprintf(stream, " model=%s", hostdev->driver_model);
	if (device->alias)
		fprintf(stream, " alias=%s", device->alias);
	fprintf(stream, "%s%s", device->iommufd ? " iommufd" : "",
		device->has_network_address ? " network-address" : "");
	for (size_t i = 0; i < device->n_namespaces; i++)
		fprintf(stream, " namespace=%lu", device->namespaces[i]);
	fprintf(stream, "\n");
}

static void print_error_line(FILE *stream, const struct vfiobind_error *error)
{
	char line[2048];

	assert_true(vfiobind_error_format(error, line, sizeof(line)) < sizeof(line));
	fprintf(stream, "%s: %s\n", vfiobind_error_code_name(error->code), line);
}

/* What is read of @file (malloc'd). */
static char *describe(const char *file)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct domain *domain;
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(stream);
	if (domain_read(file, &domain, &error) < 0) {
		print_error_line(stream, &error);
	} else {
		fprintf(stream, "domain %s\n", domain->name ? domain->name : "without a name");
		for (size_t i = 0; i < domain->n_devices; i++)
			print_device(stream, &domain->hostdevs[i], &domain->devices[i]);
		for (size_t i = 0; i < domain->n_networks; i++)
			fprintf(stream, "line %lu: network %s\n", domain->networks[i].line,
				domain->networks[i].name ? domain->networks[i].name : "without a name");
		domain_free(domain);
	}
	fclose(stream);
	return text;
}

static char *read_all(const char *path)
{
	FILE *stream = fopen(path, "r");
	char *text = NULL;
	size_t capacity = 0;

	if (!stream)
		return NULL;
	if (getdelim(&text, &capacity, EOF, stream) < 0) {
		free(text);
		text = NULL;
	}
	fclose(stream);
	return text;
}

static void it_is_as_expected(void **state)
{
	const char *name = *state;
	char file[256], path[256], *text, *expected;

	snprintf(file, sizeof(file), "%s.xml", name);
	snprintf(path, sizeof(path), "%s.expected", name);
	text = describe(file);
	expected = read_all(path);
	if (!expected)
		fail_msg("%s is not there; run this program with --update", path);
	assert_string_equal(text, expected);
	free(expected);
	free(text);
}

static void update(const char *name)
{
	char file[256], path[256], *text;
	FILE *stream;

	snprintf(file, sizeof(file), "%s.xml", name);
	snprintf(path, sizeof(path), "%s.expected", name);
	text = describe(file);
	stream = fopen(path, "w");
	assert_non_null(stream);
	fputs(text, stream);
	fclose(stream);
	free(text);
}

/* ---- those that want to do harm ---- */

static unsigned int n_opened;

static xmlParserInput *count_entity(const char *url, const char *id, xmlParserCtxt *parser)
{
	n_opened++;
	return NULL;
}

static void refused(const char *text, size_t size, enum vfiobind_error_code code)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct domain *domain = NULL;
	char line[2048];

	xmlSetExternalEntityLoader(count_entity);
	n_opened = 0;
	assert_int_equal(domain_parse(text, size, "hostile.xml", &domain, &error), -1);
	assert_null(domain);
	assert_int_equal(error.code, code);
	assert_int_equal(error.state, VFIOBIND_STATE_UNTOUCHED);
	assert_int_equal(n_opened, 0);
	assert_true(vfiobind_error_format(&error, line, sizeof(line)) < sizeof(line));
	assert_null(strchr(line, '\n'));
}

static void a_document_type_is_refused_before_anything_is_opened(void **state)
{
	static const char *const texts[] = {
		"<!DOCTYPE domain><domain/>",
		"<!DOCTYPE domain SYSTEM 'file:///etc/passwd'><domain/>",
		"<!DOCTYPE domain PUBLIC 'x' 'http://127.0.0.1/x.dtd'><domain/>",
		"<!DOCTYPE domain [<!ENTITY % p SYSTEM 'file:///etc/passwd'> %p;]><domain/>",
		"<!DOCTYPE domain [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><domain><name>&e;</name></domain>",
		"<?xml version='1.0' standalone='no'?><!DOCTYPE domain SYSTEM 'x'><domain><name>&e;</name></domain>",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		refused(texts[i], strlen(texts[i]), VFIOBIND_ERROR_INVALID_DOMAIN);
}

static char *repeat(const char *before, const char *text, size_t n, const char *after)
{
	char *all = malloc(strlen(before) + n * strlen(text) + strlen(after) + 1), *end;

	assert_non_null(all);
	end = stpcpy(all, before);
	for (size_t i = 0; i < n; i++)
		end = stpcpy(end, text);
	strcpy(end, after);
	return all;
}

static void a_document_that_is_too_deep_is_refused(void **state)
{
	static const char disk[] = "<backingStore type='file'>";
	char *text = repeat("<domain>", "<a>", 20000, "");

	refused(text, strlen(text), VFIOBIND_ERROR_INVALID_DOMAIN);
	free(text);
	text = repeat("<domain><devices><disk type='file'>", disk, 8000, "");
	refused(text, strlen(text), VFIOBIND_ERROR_INVALID_DOMAIN);
	free(text);
}

static void what_is_cut_off_anywhere_is_refused(void **state)
{
	char *text = read_all("hostdevs.xml");
	size_t length;

	assert_non_null(text);
	length = strlen(text);
	while (length && text[length - 1] != '>')
		length--;
	for (size_t i = 0; i < length; i++)
		refused(text, i, VFIOBIND_ERROR_INVALID_DOMAIN);
	free(text);
}

/* One byte of it changed to any of these: it is read or refused, and all that is read can be freed. */
static void what_is_changed_anywhere_does_no_harm(void **state)
{
	static const char changes[] = {'\0', '<', '>', '&', '\'', '/', '\xff', '\xc3', '%', '9'};
	static const char *const files[] = {"hostdevs.xml", "nvme.xml", "interfaces.xml", "iommufd.xml"};

	xmlSetExternalEntityLoader(count_entity);
	n_opened = 0;
	for (size_t file = 0; file < ARRAY_SIZE(files); file++) {
		char *text = read_all(files[file]);
		size_t length;

		assert_non_null(text);
		length = strlen(text);
		for (size_t i = 0; i < length; i++)
			for (size_t j = 0; j < sizeof(changes); j++) {
				struct vfiobind_error error = VFIOBIND_ERROR_INIT;
				struct domain *domain = NULL;
				char kept = text[i];
				int r;

				text[i] = changes[j];
				r = domain_parse(text, length, files[file], &domain, &error);
				text[i] = kept;
				assert_true(r == 0 ? !!domain && error.code == VFIOBIND_ERROR_NONE
						   : !domain && error.code == VFIOBIND_ERROR_INVALID_DOMAIN);
				domain_free(domain);
			}
		free(text);
	}
	assert_int_equal(n_opened, 0);
}

static void many_devices_are_all_read(void **state)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct domain *domain;
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(stream);
	fprintf(stream, "<domain><devices>");
	for (unsigned int i = 0; i < 1000; i++)
		fprintf(stream, "<hostdev type='pci'><source><address bus='%u' slot='%u'/></source></hostdev>", i / 32,
			i % 32);
	fprintf(stream, "</devices></domain>");
	fclose(stream);
	assert_int_equal(domain_parse(text, size, "many.xml", &domain, &error), 0);
	assert_int_equal(domain->n_devices, 1000);
	assert_int_equal(domain->hostdevs[999].address.bus, 999 / 32);
	domain_free(domain);
	free(text);
}

/* ---- files ---- */

static void assert_unreadable(const char *file, int number)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct domain *domain = NULL;

	assert_int_equal(domain_read(file, &domain, &error), -1);
	assert_null(domain);
	assert_int_equal(error.code, VFIOBIND_ERROR_INVALID_DOMAIN);
	assert_int_equal(error.number, number);
	assert_string_equal(error.path, file);
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
	char name[] = "/tmp/domain-xml-XXXXXX";
	int fd = mkstemp(name);

	assert_return_code(fd, errno);
	assert_return_code(ftruncate(fd, DOMAIN_FILE_SIZE), errno);
	close(fd);
	assert_unreadable(name, EFBIG);
	unlink(name);
	assert_unreadable(name, ENOENT);
	assert_unreadable(".", EISDIR);
}

/* ---- the program ---- */

static const struct CMUnitTest fixed[] = {
	cmocka_unit_test(a_document_type_is_refused_before_anything_is_opened),
	cmocka_unit_test(a_document_that_is_too_deep_is_refused),
	cmocka_unit_test(what_is_cut_off_anywhere_is_refused),
	cmocka_unit_test(what_is_changed_anywhere_does_no_harm),
	cmocka_unit_test(many_devices_are_all_read),
	cmocka_unit_test(a_file_that_cannot_be_read_is_named),
};

static int is_document(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 4 && !strcmp(entry->d_name + length - 4, ".xml");
}

static bool is_wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc == 1;
}

int main(int argc, char **argv)
{
	struct dirent **entries;
	struct CMUnitTest *tests;
	bool updating = argc == 2 && !strcmp(argv[1], "--update");
	int n, failed = 0;
	size_t n_tests = 0;

	/* Relative paths, so that the messages are the same everywhere. */
	if (chdir(DOMAIN_XML) < 0) {
		perror(DOMAIN_XML);
		return 1;
	}
	n = scandir(".", &entries, is_document, alphasort);
	tests = n > 0 ? calloc((size_t)n + ARRAY_SIZE(fixed), sizeof(*tests)) : NULL;
	if (!tests) {
		fprintf(stderr, "no documents in %s\n", DOMAIN_XML);
		return 1;
	}
	for (int i = 0; i < n; i++) {
		char *name = entries[i]->d_name;

		name[strlen(name) - strlen(".xml")] = '\0';
		if (updating)
			update(name);
		else if (is_wanted(name, argc, argv))
			tests[n_tests++] = (struct CMUnitTest){
				.name = name, .test_func = it_is_as_expected, .initial_state = name};
	}
	for (size_t i = 0; i < ARRAY_SIZE(fixed) && !updating; i++)
		if (is_wanted(fixed[i].name, argc, argv))
			tests[n_tests++] = fixed[i];
	if (!updating)
		failed = n_tests ? _cmocka_run_group_tests("domain-xml", tests, n_tests, NULL, NULL) : 1;
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	free(tests);
	xmlCleanupParser();
	return failed;
}
