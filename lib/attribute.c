/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attribute.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "util.h"

static ssize_t read_at(struct vfiobind_context *context, const char *directory, const char *name, off_t offset,
		       void *buffer, size_t size)
{
	char path[PATH_MAX];
	ssize_t n;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", directory, name) >= sizeof(path))
		return -ENAMETOOLONG;
	/* The host is looked over also where there is no sysfs. */
	if (context->sysfs_fd < 0)
		return -ENOENT;
	/* A read changes nothing: if its worker was killed, another may do it. */
	for (int attempt = 0; attempt < 2; attempt++) {
		n = worker_start(&context->worker, context->sysfs_fd, context->deadline);
		if (n == 0)
			n = worker_read(&context->worker, context->deadline, path, offset, buffer, size);
		if (n != -ECONNRESET)
			break;
	}
	return n;
}

ssize_t attribute_read(struct vfiobind_context *context, const char *directory, const char *name, char *buffer,
		       size_t size)
{
	/* show() runs once and its text is at most a page: one read gets all of it. */
	ssize_t n = read_at(context, directory, name, 0, buffer, size);

	if (n < 0)
		return n;
	if ((size_t)n == size)
		return -EOVERFLOW;
	buffer[n] = '\0';
	n = (ssize_t)strlen(buffer);
	if (n && buffer[n - 1] == '\n')
		buffer[--n] = '\0';
	return n;
}

int attribute_read_byte(struct vfiobind_context *context, const char *directory, const char *name, off_t offset,
			unsigned char *ret_byte)
{
	unsigned char byte;
	ssize_t n = read_at(context, directory, name, offset, &byte, 1);

	if (n < 0)
		return (int)n;
	if (n == 0)
		return -ENODATA;
	*ret_byte = byte;
	return 0;
}

int attribute_read_hex(struct vfiobind_context *context, const char *directory, const char *name, unsigned long maximum,
		       unsigned long *ret_value)
{
	char text[32], *end;
	ssize_t n = attribute_read(context, directory, name, text, sizeof(text));
	unsigned long value;

	if (n < 0)
		return (int)n;
	if (strncmp(text, "0x", 2) != 0 || text[2] == '\0' ||
	    strspn(text + 2, "0123456789abcdefABCDEF") != (size_t)n - 2)
		return -EBADMSG;
	errno = 0;
	value = strtoul(text + 2, &end, 16);
	if (errno || value > maximum)
		return -EBADMSG;
	*ret_value = value;
	return 0;
}

int attribute_open(struct vfiobind_context *context, const char *path, struct attribute_store *ret_store)
{
	int file = worker_start(&context->worker, context->sysfs_fd, context->deadline);

	if (file == 0)
		file = worker_open(&context->worker, context->deadline, path);
	if (file < 0)
		return file;
	*ret_store = (struct attribute_store){.file = file, .worker = context->worker.pid};
	snprintf(ret_store->path, sizeof(ret_store->path), "%s", path);
	return 0;
}

/* A worker that is gone has taken the files that it had open with it. */
static bool is_open(const struct vfiobind_context *context, const struct attribute_store *store)
{
	return store->file >= 0 && context->worker.socket >= 0 && context->worker.pid == store->worker;
}

int attribute_store(struct vfiobind_context *context, const struct attribute_store *store, const char *text)
{
	char path[PATH_MAX];
	int r;

	if (!is_open(context, store))
		return -ECONNRESET;
	r = worker_store(&context->worker, context->deadline, store->file, text);
	snprintf(path, sizeof(path), "%s/%s", context->sysfs_root, store->path);
	context_tell(context, VFIOBIND_ACTION_WRITE, path, text, r);
	return r;
}

void attribute_close(struct vfiobind_context *context, struct attribute_store *store)
{
	if (is_open(context, store))
		worker_close(&context->worker, context->deadline, store->file);
	*store = (struct attribute_store)ATTRIBUTE_STORE_NONE;
}

enum vfiobind_error_code attribute_error_code(const struct vfiobind_context *context, ssize_t number,
					      enum vfiobind_error_code otherwise, int *ret_number)
{
	static const struct {
		int number;
		enum vfiobind_error_code code;
	} failures[] = {
		{ETIMEDOUT, VFIOBIND_ERROR_TIMED_OUT},
		{ECONNRESET, VFIOBIND_ERROR_WORKER_KILLED},
		{ECHILD, VFIOBIND_ERROR_WORKER_UNAVAILABLE},
	};

	*ret_number = number == -ECHILD ? context->worker.start_error : (int)-number;
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
		if (number == -failures[i].number)
			return failures[i].code;
	return otherwise;
}
