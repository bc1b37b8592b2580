/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

#define HEADER "vfiobind-record"
#define VERSION 1

enum kind {
	TEXT,      /* char[size]; a key that is missing is the empty text */
	NUMBER,    /* uint64_t, decimal */
	FLAG,      /* bool: the key alone */
	OPERATION, /* enum record_operation */
	ADDRESS,   /* struct vfiobind_address */
	NETDEV,    /* one of a list */
	MEMBER,    /* one of a list */
};

/* Adding a member is adding a row; one that older versions must understand needs another version. */
static const struct row {
	const char *key;
	enum kind kind;
	size_t offset;
	size_t size;
	bool required;
} rows[] = {
#define ROW(key, kind, member, required)                                                                            \
	{                                                                                                           \
		(key), (kind), offsetof(struct record, member), sizeof(((struct record *)NULL)->member), (required) \
	}
	ROW("address", ADDRESS, address, true),
	ROW("identity", TEXT, identity, true),
	ROW("boot", TEXT, boot, true),
	ROW("transaction", TEXT, transaction, true),
	ROW("operation", OPERATION, operation, true),
	ROW("since", NUMBER, since, true),
	ROW("process", NUMBER, process, true),
	ROW("command", TEXT, command, false),
	ROW("worker", NUMBER, worker, false),
	ROW("worker-start", NUMBER, worker_start, false),
	ROW("owned", FLAG, owned, false),
	ROW("host-driver", TEXT, host.driver, false),
	ROW("host-override", TEXT, host.driver_override, false),
	ROW("before-driver", TEXT, before.driver, false),
	ROW("before-override", TEXT, before.driver_override, false),
	ROW("had-vfs", FLAG, had_vfs, false),
	ROW("target", TEXT, target, false),
	ROW("target-module", TEXT, target_module, false),
	ROW("vfio-device", TEXT, vfio_device, false),
	ROW("iommu-group", TEXT, iommu_group, false),
	ROW("domain", TEXT, domain, false),
	ROW("stays", FLAG, stays, false),
	ROW("borrowed", FLAG, borrowed, false),
	ROW("reattach", FLAG, reattach, false),
	ROW("netdev", NETDEV, netdevs, false),
	ROW("disk", TEXT, disk, false),
	ROW("reset-methods", TEXT, reset_methods, false),
	ROW("reset-method", TEXT, reset_method, false),
	ROW("numvfs", NUMBER, numvfs, false),
	ROW("target-numvfs", NUMBER, target_numvfs, false),
	ROW("autoprobe", FLAG, autoprobe, false),
	ROW("target-autoprobe", FLAG, target_autoprobe, false),
	ROW("member", MEMBER, members, false),
#undef ROW
};

static const char *const operations[] = {
	[RECORD_DETACH] = "detach", [RECORD_REATTACH] = "reattach", [RECORD_RESET] = "reset",
	[RECORD_SRIOV] = "sriov",   [RECORD_PREPARE] = "prepare",   [RECORD_RELEASE] = "release",
};

const char *record_operation_name(enum record_operation operation)
{
	return operations[operation];
}

static void format_member(FILE *stream, const struct record *record, const struct row *row)
{
	const void *member = (const char *)record + row->offset;
	char address[VFIOBIND_ADDRESS_SIZE];

	switch (row->kind) {
	case TEXT:
		if (*(const char *)member)
			fprintf(stream, "%s %s\n", row->key, (const char *)member);
		break;
	case NUMBER:
		fprintf(stream, "%s %llu\n", row->key, (unsigned long long)*(const uint64_t *)member);
		break;
	case FLAG:
		if (*(const bool *)member)
			fprintf(stream, "%s\n", row->key);
		break;
	case OPERATION:
		fprintf(stream, "%s %s\n", row->key, operations[record->operation]);
		break;
	case ADDRESS:
		vfiobind_address_format(member, address, sizeof(address));
		fprintf(stream, "%s %s\n", row->key, address);
		break;
	case NETDEV:
		for (size_t i = 0; i < record->n_netdevs; i++)
			fprintf(stream, "%s %s\n", row->key, record->netdevs[i]);
		break;
	case MEMBER:
		for (size_t i = 0; i < record->n_members; i++) {
			vfiobind_address_format(&record->members[i], address, sizeof(address));
			fprintf(stream, "%s %s\n", row->key, address);
		}
		break;
	}
}

ssize_t record_format(const struct record *record, char **ret_text)
{
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);
	bool failed;

	if (!stream)
		return -ENOMEM;
	fprintf(stream, HEADER " %d\n", VERSION);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		format_member(stream, record, &rows[i]);
	fputs("end\n", stream);
	failed = ferror(stream);
	if (fclose(stream) != 0 || failed || length >= STATE_FILE_SIZE) {
		free(text);
		return length >= STATE_FILE_SIZE ? -EFBIG : -ENOMEM;
	}
	*ret_text = text;
	return (ssize_t)length;
}

static int parse_number(const char *value, uint64_t *ret_number)
{
	char *end;

	errno = 0;
	*ret_number = strtoull(value, &end, 10);
	/* Also of nothing, of a sign and of blanks strtoull(3) makes a number. */
	return errno || *end || value[0] < '0' ? -EBADMSG : 0;
}

static int parse_operation(const char *value, enum record_operation *ret_operation)
{
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		if (strcmp(value, operations[i]) == 0) {
			*ret_operation = (enum record_operation)i;
			return 0;
		}
	return -EBADMSG;
}

static int parse_text(const char *value, char *text, size_t size)
{
	if (!*value || strlen(value) >= size)
		return -EBADMSG;
	strcpy(text, value);
	return 0;
}

static int parse_netdev(const char *value, struct arena *arena, struct record *record)
{
	if (arena_extend(arena, (void **)&record->netdevs, &record->n_netdevs, sizeof(*record->netdevs)) < 0)
		return -ENOMEM;
	return parse_text(value, record->netdevs[record->n_netdevs - 1], sizeof(*record->netdevs));
}

static int parse_member(const char *value, struct arena *arena, struct record *record)
{
	if (arena_extend(arena, (void **)&record->members, &record->n_members, sizeof(*record->members)) < 0)
		return -ENOMEM;
	return vfiobind_address_parse(value, &record->members[record->n_members - 1]) < 0 ? -EBADMSG : 0;
}

static int parse_value(const struct row *row, const char *value, struct arena *arena, struct record *record)
{
	void *member = (char *)record + row->offset;

	switch (row->kind) {
	case TEXT:
		return parse_text(value, member, row->size);
	case NUMBER:
		return parse_number(value, member);
	case FLAG:
		*(bool *)member = true;
		return *value ? -EBADMSG : 0;
	case OPERATION:
		return parse_operation(value, member);
	case ADDRESS:
		return vfiobind_address_parse(value, member) < 0 ? -EBADMSG : 0;
	case NETDEV:
		return parse_netdev(value, arena, record);
	case MEMBER:
		return parse_member(value, arena, record);
	}
	return -EBADMSG;
}

/* The first line, cut off: it tells whether the rest can be understood. */
static int parse_header(char **rest)
{
	const char *line = strsep(rest, "\n");
	uint64_t version;

	if (strncmp(line, HEADER " ", strlen(HEADER " ")) != 0 || parse_number(line + strlen(HEADER " "), &version) < 0)
		return -EBADMSG;
	return version == VERSION ? 0 : version > VERSION ? -EPROTONOSUPPORT : -EBADMSG;
}

static const struct row *find_row(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(rows[i].key, key) == 0)
			return &rows[i];
	return NULL;
}

int record_parse(char *text, struct arena *arena, struct record *ret_record)
{
	_cleanup_free_ struct record *record = calloc(1, sizeof(*record));
	bool seen[ARRAY_SIZE(rows)] = {false}, ended = false;
	char *rest = text;
	int r;

	if (!record)
		return -ENOMEM;
	r = parse_header(&rest);
	for (char *line; r == 0 && !ended && (line = strsep(&rest, "\n"));) {
		const char *key = strsep(&line, " ");
		const struct row *row = find_row(key);

		ended = strcmp(key, "end") == 0 && !line;
		if (ended)
			continue;
		if (!row || (seen[row - rows] && row->kind != NETDEV && row->kind != MEMBER))
			return -EBADMSG;
		seen[row - rows] = true;
		r = parse_value(row, line ? line : "", arena, record);
	}
	if (r < 0)
		return r;
	if (!ended || !rest || *rest)
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].required && !seen[i])
			return -EBADMSG;
	if ((record->operation == RECORD_PREPARE || record->operation == RECORD_RELEASE) && !record->domain[0])
		return -EBADMSG;
	*ret_record = *record;
	return 0;
}
