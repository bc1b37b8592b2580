/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Open files of the tree: what open, read and write do to an attribute (fs/kernfs/file.c, fs/sysfs/file.c). */
#include "kernel/background.h"
#include "kernel/kernfs-internal.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

struct kernfs_file {
	struct kernfs_node *node;
	bool can_read, can_write;
	bool busy;    /* reads and writes of one open file take turns */
	char *buffer; /* what show() said, kept until the next read from 0 */
	size_t length;
	bool filled, was_read;
	void *stream_state;
};

int kernfs_get_active(struct kernfs_node *node)
{
	if (node->removed)
		return -ENODEV;
	node->active++;
	return 0;
}

void kernfs_put_active(struct kernfs_node *node)
{
	node->active--;
	if (node->removed)
		kernel_changed(node->k);
}

static bool is_control(const struct kernfs_node *node)
{
	return node->attr && (node->attr->flags & ATTRIBUTE_CONTROL);
}

static bool has_show(const struct attribute *attr)
{
	return attr->show || attr->text || attr->show_long || attr->read || attr->stream;
}

/* kernfs_fop_open(): the mode must have the bit and the attribute the method, for root too. */
static int check_open(struct kernfs_node *node, int flags)
{
	int access_mode = flags & O_ACCMODE;
	bool wants_read = access_mode != O_WRONLY, wants_write = access_mode != O_RDONLY;

	if (node->removed)
		return refused(ENODEV, "the file is being removed");
	if (node->type != KERNFS_FILE)
		return refused(EISDIR, "it is a directory");
	if (flags & O_DIRECT)
		return refused(EINVAL, "sysfs has no O_DIRECT");
	if (kernel_client()->uid != 0 && kernfs_access(node, (wants_read ? R_OK : 0) | (wants_write ? W_OK : 0)))
		return refused(EACCES, "the file's mode forbids it to this user");
	if (node->blob)
		return wants_write ? refused(EACCES, "the file is read-only") : 0;
	if (wants_read && (!(node->mode & 0444) || !has_show(node->attr)))
		return refused(EACCES, "nobody may read the attribute, root neither");
	if (wants_write && (!(node->mode & 0222) || !kernfs_has_store(node)))
		return refused(EACCES, "nobody may write the attribute, root neither");
	return 0;
}

int kernfs_open(struct kernfs_node *node, int flags, struct kernfs_file **ret_file)
{
	struct kernfs_file *file;
	int ret;

	step_forget_reason();
	ret = check_open(node, flags);
	if (!is_control(node))
		ret = (int)STEP(node->k, SYS_OPEN, .path = node->path, .result = ret, .why = step_reason());
	if (!ret && node->attr && node->attr->open)
		ret = node->attr->open(node->kobj, flags);
	if (ret)
		return ret;
	file = xcalloc(sizeof(*file));
	file->node = kernfs_get(node);
	file->can_read = (flags & O_ACCMODE) != O_WRONLY;
	file->can_write = (flags & O_ACCMODE) != O_RDONLY;
	if (node->attr && node->attr->stream)
		file->stream_state = node->attr->stream->open(node->kobj);
	*ret_file = file;
	return 0;
}

void kernfs_release(struct kernfs_file *file)
{
	const struct attribute *attr = file->node->attr;

	if (attr && attr->release)
		attr->release(file->node->kobj);
	if (attr && attr->stream)
		attr->stream->release(file->stream_state);
	free(file->buffer);
	kernfs_put(file->node);
	free(file);
}

bool kernfs_read_may_wait(const struct kernfs_file *file)
{
	const struct kernfs_node *node = file->node;

	if (!node->attr)
		return false;
	return file->busy || (node->attr->flags & ATTRIBUTE_SHOW_WAITS) ||
	       (!is_control(node) && step_has_rules(node->k));
}

bool kernfs_write_may_wait(const struct kernfs_file *file)
{
	const struct kernfs_node *node = file->node;

	if (!node->attr)
		return false;
	return file->busy || !(node->attr->flags & ATTRIBUTE_STORE_INLINE) ||
	       (!is_control(node) && step_has_rules(node->k));
}

static bool is_free(const void *file)
{
	return !((const struct kernfs_file *)file)->busy;
}

/* The open file's own mutex. */
static int begin(struct kernfs_file *file)
{
	int ret;

	if ((ret = kernel_wait_for(file->node->k, is_free, file)))
		return ret;
	if ((ret = kernfs_get_active(file->node)))
		return ret;
	file->busy = true;
	kernel_operation_begin(file->node->k);
	return 0;
}

static void end(struct kernfs_file *file)
{
	kernel_operation_end(file->node->k);
	file->busy = false;
	kernfs_put_active(file->node);
	kernel_changed(file->node->k);
	/* What this has made possible is done before the client goes on. */
	background_settle(file->node->k);
}

/* sysfs_kf_seq_show(): at most a page less one byte reaches the reader. */
static int fill(struct kernfs_file *file)
{
	struct kernfs_node *node = file->node;
	const struct attribute *attr = node->attr;
	ssize_t length;

	free(file->buffer);
	file->buffer = NULL;
	file->filled = false;
	if (attr->show_long) {
		file->buffer = attr->show_long(node->kobj, attr);
		length = (ssize_t)strlen(file->buffer);
	} else if (attr->text) {
		file->buffer = xstrdup(attr->text);
		length = (ssize_t)strlen(attr->text);
	} else {
		file->buffer = xcalloc(PAGE);
		length = attr->show(node->kobj, attr, file->buffer);
		if (length >= PAGE)
			length = PAGE - 1;
	}
	if (length < 0)
		return (int)length;
	file->length = (size_t)length;
	file->filled = true;
	return 0;
}

static ssize_t read_text(struct kernfs_file *file, char *buffer, size_t size, off_t offset)
{
	size_t rest;

	if (offset == 0 || !file->filled) {
		int ret = fill(file);

		if (ret)
			return ret;
	}
	if ((size_t)offset >= file->length)
		return 0;
	rest = file->length - (size_t)offset;
	if (size > rest)
		size = rest;
	memcpy(buffer, file->buffer + offset, size);
	return (ssize_t)size;
}

static ssize_t read_binary(struct kernfs_file *file, char *buffer, size_t size, off_t offset)
{
	struct kernfs_node *node = file->node;

	if ((size_t)offset >= node->size)
		return 0;
	if (size > node->size - (size_t)offset)
		size = node->size - (size_t)offset;
	if (size > PAGE)
		size = PAGE;
	return node->attr->read(node->kobj, node->attr, buffer, size, offset);
}

static ssize_t read_blob(const struct kernfs_node *node, char *buffer, size_t size, off_t offset)
{
	if ((size_t)offset >= node->size)
		return 0;
	if (size > node->size - (size_t)offset)
		size = node->size - (size_t)offset;
	memcpy(buffer, (const char *)node->blob + offset, size);
	return (ssize_t)size;
}

ssize_t kernfs_read(struct kernfs_file *file, char *buffer, size_t size, off_t offset)
{
	struct kernfs_node *node = file->node;
	ssize_t ret;

	if (!file->can_read)
		return -EBADF;
	if (node->blob)
		return read_blob(node, buffer, size, offset);
	if (node->removed && offset > 0 && file->filled)
		return read_text(file, buffer, size, offset); /* the rest of what was said before it went */
	ret = begin(file);
	if (ret)
		return ret;
	file->was_read = true;
	if (!is_control(node))
		ret = STEP(node->k, SYS_READ, .path = node->path);
	if (!ret && node->attr->stream)
		ret = node->attr->stream->read(node->kobj, file->stream_state, buffer, size);
	else if (!ret)
		ret = node->attr->read ? read_binary(file, buffer, size, offset)
				       : read_text(file, buffer, size, offset);
	end(file);
	return ret;
}

static ssize_t write_binary(struct kernfs_node *node, const char *data, size_t size, off_t offset)
{
	if (node->size) {
		if ((size_t)offset >= node->size)
			return refused(EFBIG, "past the end of the file");
		if (size > node->size - (size_t)offset)
			size = node->size - (size_t)offset;
	}
	return node->attr->write(node->kobj, node->attr, data, size, offset);
}

/* kernfs_fop_write_iter(): one write is one store of at most a page, NUL-terminated; the offset means nothing. */
static ssize_t write_text(struct kernfs_node *node, const char *data, size_t size)
{
	char page[PAGE + 1];

	if (size > PAGE)
		size = PAGE;
	memcpy(page, data, size);
	page[size] = '\0';
	return node->attr->store(node->kobj, node->attr, page, size);
}

static ssize_t call_store(struct kernfs_file *file, const char *data, size_t size, off_t offset)
{
	struct kernfs_node *node = file->node;

	if (node->attr->stream)
		return node->attr->stream->write(node->kobj, file->stream_state, data, size);
	if (node->attr->write)
		return write_binary(node, data, size, offset);
	if (node->attr->store_long)
		return node->attr->store_long(node->kobj, node->attr, data, size);
	return write_text(node, data, size);
}

static ssize_t run_store(struct kernfs_file *file, const char *data, size_t size, off_t offset)
{
	struct kernel *k = file->node->k;
	ssize_t ret = call_store(file, data, size, offset);

	deferred_probe_work(k);
	kernel_run_works(k);
	/* What an abort cut short must not look done. */
	return k->abort_error ? refused(-k->abort_error, step_aborted) : ret;
}

/* The store between its two steps: asked, and answered. */
static ssize_t store_in_steps(struct kernfs_file *file, const char *data, size_t size, off_t offset)
{
	struct kernfs_node *node = file->node;
	struct kernel *k = node->k;
	char value[64];
	ssize_t ret;

	snprintf(value, sizeof(value), "%.*s", (int)(size < sizeof(value) ? size : sizeof(value) - 1), data);
	step_forget_reason();
	ret = STEP(k, SYS_WRITE, .path = node->path, .value = value);
	if (!ret)
		ret = run_store(file, data, size, offset);
	return STEP(k, SYS_RETURN, .path = node->path, .value = value, .result = ret,
		    .why = ret < 0 ? step_reason() : NULL);
}

ssize_t kernfs_write(struct kernfs_file *file, const char *data, size_t size, off_t offset)
{
	struct kernfs_node *node = file->node;
	ssize_t ret;

	if (!file->can_write)
		return -EBADF;
	if (size == 0)
		return 0; /* never reaches the store */
	ret = begin(file);
	if (ret)
		return ret;
	ret = is_control(node) ? run_store(file, data, size, offset) : store_in_steps(file, data, size, offset);
	end(file);
	return ret;
}

unsigned kernfs_poll(struct kernfs_file *file)
{
	if (file->node->blob)
		return POLLIN | POLLOUT;
	/* None of these attributes ever notifies: PRI and ERR show only until the first read. */
	if (file->node->removed || !file->was_read)
		return POLLIN | POLLOUT | POLLPRI | POLLERR;
	return POLLIN | POLLOUT;
}
