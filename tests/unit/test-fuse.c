/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The FUSE requests as Linux sends them, over a socketpair: no mount, no /dev/fuse, so it runs everywhere and under
 * valgrind. One packet is one request.
 */
#include "fuse/fuse-server.h"
#include "kernel/kernfs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct client_end {
	struct kernel *k;
	struct fuse_server *server;
	pthread_t thread;
	int fd;
	uint64_t unique;
	uint32_t pid;
	struct fuse_init_out init;
};

/* Room for the largest request and answer that these tests make. */
#define PACKET (64 * 1024)

static const char blob_data[] = "alias pci:v00008086d000010CAsv*sd*bc*sc*i* igbvf\n";

static const struct kernel_file files[] = {
	{.path = "lib/modules/6.1.0/modules.alias", .data = blob_data, .size = sizeof(blob_data) - 1, .mode = 0644},
};

static const struct kernel_host host = {.files = files, .n_files = 1};

static const struct machine machine = {.name = "empty", .file = "empty.yaml", .profile = "6.12"};

/* Sends a request whose argument has up to two parts; its number. */
static uint64_t send_request(struct client_end *client, uint32_t opcode, uint64_t node, const void *a, size_t a_size,
			     const void *b, size_t b_size)
{
	static char packet[PACKET];
	struct fuse_in_header header = {.len = sizeof(header) + a_size + b_size,
					.opcode = opcode,
					.unique = ++client->unique,
					.nodeid = node,
					.pid = client->pid};

	assert_true(header.len <= sizeof(packet));
	memcpy(packet, &header, sizeof(header));
	if (a_size)
		memcpy(packet + sizeof(header), a, a_size);
	if (b_size)
		memcpy(packet + sizeof(header) + a_size, b, b_size);
	assert_int_equal(send(client->fd, packet, header.len, MSG_NOSIGNAL), header.len);
	return header.unique;
}

/* The answer to request @unique: its errno as a number not above 0. What it holds, to @out; how much, to *ret_size. */
static int receive_answer(struct client_end *client, uint64_t unique, void *out, size_t room, size_t *ret_size)
{
	static char packet[PACKET];
	struct fuse_out_header header;
	ssize_t n = recv(client->fd, packet, sizeof(packet), 0);
	size_t size;

	assert_true(n >= (ssize_t)sizeof(header));
	memcpy(&header, packet, sizeof(header));
	assert_int_equal(header.len, n);
	assert_int_equal(header.unique, unique);
	size = n - sizeof(header);
	assert_true(size <= room);
	if (size)
		memcpy(out, packet + sizeof(header), size);
	if (ret_size)
		*ret_size = size;
	return header.error;
}

static int ask(struct client_end *client, uint32_t opcode, uint64_t node, const void *a, size_t a_size, const void *b,
	       size_t b_size, void *out, size_t room, size_t *ret_size)
{
	uint64_t unique = send_request(client, opcode, node, a, a_size, b, b_size);

	return receive_answer(client, unique, out, room, ret_size);
}

static bool is_silent(const struct client_end *client)
{
	struct pollfd waiting = {.fd = client->fd, .events = POLLIN};

	return poll(&waiting, 1, 50) == 0;
}

static int lookup(struct client_end *client, uint64_t parent, const char *name, struct fuse_entry_out *ret_entry)
{
	return ask(client, FUSE_LOOKUP, parent, name, strlen(name) + 1, NULL, 0, ret_entry, sizeof(*ret_entry), NULL);
}

/* Looks up each part of @path, which must be there. */
static struct fuse_entry_out walk(struct client_end *client, const char *path)
{
	struct fuse_entry_out entry = {.nodeid = FUSE_ROOT_ID};
	char *copy = strdup(path), *rest = copy, *name;

	while ((name = strsep(&rest, "/")))
		assert_int_equal(lookup(client, entry.nodeid, name, &entry), 0);
	free(copy);
	return entry;
}

static int open_node(struct client_end *client, uint64_t node, int flags, struct fuse_open_out *ret_open)
{
	struct fuse_open_in in = {.flags = flags};

	return ask(client, FUSE_OPEN, node, &in, sizeof(in), NULL, 0, ret_open, sizeof(*ret_open), NULL);
}

static uint64_t open_path(struct client_end *client, const char *path, int flags, uint64_t *ret_node)
{
	struct fuse_entry_out entry = walk(client, path);
	struct fuse_open_out opened;

	assert_int_equal(open_node(client, entry.nodeid, flags, &opened), 0);
	*ret_node = entry.nodeid;
	return opened.fh;
}

/* The bytes that were taken, or the negative errno. */
static int write_open(struct client_end *client, uint64_t node, uint64_t fh, const char *data, size_t size)
{
	struct fuse_write_in in = {.fh = fh, .size = size};
	struct fuse_write_out out;
	int r = ask(client, FUSE_WRITE, node, &in, sizeof(in), data, size, &out, sizeof(out), NULL);

	return r < 0 ? r : (int)out.size;
}

static void release(struct client_end *client, uint64_t node, uint64_t fh)
{
	struct fuse_release_in in = {.fh = fh};

	assert_int_equal(ask(client, FUSE_RELEASE, node, &in, sizeof(in), NULL, 0, NULL, 0, NULL), 0);
}

static int write_path(struct client_end *client, const char *path, const char *text)
{
	uint64_t node, fh = open_path(client, path, O_WRONLY, &node);
	int r = write_open(client, node, fh, text, strlen(text));

	release(client, node, fh);
	return r;
}

static void read_path(struct client_end *client, const char *path, char *text, size_t room)
{
	uint64_t node, fh = open_path(client, path, O_RDONLY, &node);
	struct fuse_read_in in = {.fh = fh, .size = room - 1};
	size_t size;

	assert_int_equal(ask(client, FUSE_READ, node, &in, sizeof(in), NULL, 0, text, room - 1, &size), 0);
	text[size] = '\0';
	release(client, node, fh);
}

static int getattr(struct client_end *client, uint64_t node, struct fuse_attr_out *ret_attr)
{
	struct fuse_getattr_in in = {0};

	return ask(client, FUSE_GETATTR, node, &in, sizeof(in), NULL, 0, ret_attr, sizeof(*ret_attr), NULL);
}

static void forget(struct client_end *client, uint64_t node, uint64_t n_lookups)
{
	struct fuse_forget_in in = {.nlookup = n_lookups};

	send_request(client, FUSE_FORGET, node, &in, sizeof(in), NULL, 0);
}

static void *serve(void *server)
{
	assert_int_equal(fuse_server_run(server), 0);
	return NULL;
}

static int set_up(void **state)
{
	const struct fuse_init_in in = {.major = FUSE_KERNEL_VERSION,
					.minor = 38,
					.max_readahead = 128 * 1024,
					.flags = ~(uint32_t)FUSE_INIT_EXT};
	struct client_end *client = calloc(1, sizeof(*client));
	char *error = NULL;
	int sockets[2];

	assert_non_null(client);
	client->pid = getpid();
	assert_int_equal(kernel_new(&machine, NULL, &host, &client->k, &error), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	client->fd = sockets[0];
	assert_int_equal(fuse_server_new(client->k, sockets[1], &client->server), 0);
	assert_int_equal(pthread_create(&client->thread, NULL, serve, client->server), 0);
	assert_int_equal(ask(client, FUSE_INIT, 0, &in, sizeof(in), NULL, 0, &client->init, sizeof(client->init), NULL),
			 0);
	*state = client;
	return 0;
}

static int tear_down(void **state)
{
	struct client_end *client = *state;

	fuse_server_stop(client->server);
	pthread_join(client->thread, NULL);
	fuse_server_free(client->server);
	close(client->fd);
	kernel_free(client->k);
	free(client);
	return 0;
}

static void init_takes_only_what_keeps_each_write_one_store(void **state)
{
	const struct client_end *client = *state;
	uint32_t refused = FUSE_WRITEBACK_CACHE | FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO | FUSE_CACHE_SYMLINKS |
			   FUSE_SPLICE_READ | FUSE_AUTO_INVAL_DATA;

	assert_int_equal(client->init.flags & refused, 0);
	assert_int_equal(client->init.flags & FUSE_ATOMIC_O_TRUNC, FUSE_ATOMIC_O_TRUNC);
	assert_in_range(client->init.max_write, 4096 + 1, 64 * 1024);
}

static void a_missing_name_is_an_error_so_that_linux_asks_again(void **state)
{
	struct fuse_entry_out entry;

	assert_int_equal(lookup(*state, FUSE_ROOT_ID, "nothing", &entry), -ENOENT);
}

static void directories_keep_their_node_id(void **state)
{
	struct fuse_entry_out first = walk(*state, "sys/bus/pci"), second = walk(*state, "sys/bus/pci");

	assert_int_equal(first.nodeid, second.nodeid);
	assert_int_equal(first.nodeid, first.attr.ino);
	assert_true(S_ISDIR(first.attr.mode));
	assert_true(first.entry_valid >= 3600);
	/* The number of links changes with what is in it. */
	assert_int_equal(first.attr_valid, 0);
}

static void files_with_a_store_get_a_fresh_node_id_and_keep_st_ino(void **state)
{
	struct fuse_entry_out first = walk(*state, "sys/bus/pci/drivers_probe");
	struct fuse_entry_out second = walk(*state, "sys/bus/pci/drivers_probe");

	assert_int_not_equal(first.nodeid, second.nodeid);
	assert_int_equal(first.attr.ino, second.attr.ino);
	assert_int_equal(first.entry_valid, 0);
	assert_true(first.attr_valid >= 3600);
}

static void forget_ends_a_fresh_node_id(void **state)
{
	struct client_end *client = *state;
	struct fuse_entry_out first = walk(client, "sys/bus/pci/drivers_probe");
	struct fuse_entry_out second = walk(client, "sys/bus/pci/drivers_probe");
	struct fuse_attr_out attr;

	assert_int_equal(getattr(client, first.nodeid, &attr), 0);
	assert_int_equal(attr.attr.ino, first.attr.ino);
	forget(client, first.nodeid, 1);
	assert_int_equal(getattr(client, first.nodeid, &attr), -ENOENT);
	assert_int_equal(getattr(client, second.nodeid, &attr), 0);
}

static void batch_forget_ends_each_of_its_node_ids(void **state)
{
	struct client_end *client = *state;
	struct {
		struct fuse_batch_forget_in in;
		struct fuse_forget_one one[2];
	} batch = {.in = {.count = 2}};
	struct fuse_attr_out attr;

	for (size_t i = 0; i < 2; i++)
		batch.one[i] =
			(struct fuse_forget_one){.nodeid = walk(client, "sys/bus/pci/rescan").nodeid, .nlookup = 1};
	send_request(client, FUSE_BATCH_FORGET, 0, &batch, sizeof(batch), NULL, 0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(getattr(client, batch.one[i].nodeid, &attr), -ENOENT);
}

static void a_write_is_one_store_with_its_own_errno(void **state)
{
	struct client_end *client = *state;
	uint64_t node, fh = open_path(client, "sys/bus/pci/drivers_probe", O_WRONLY, &node);

	assert_int_equal(write_open(client, node, fh, "0000:00:00.0", 12), -ENODEV);
	release(client, node, fh);
	assert_int_equal(write_path(client, "sys/bus/pci/rescan", "maybe"), -EINVAL);
}

static void what_was_stored_is_read_back(void **state)
{
	char text[16];

	assert_int_equal(write_path(*state, "sys/bus/pci/drivers_autoprobe", "0\n"), 2);
	read_path(*state, "sys/bus/pci/drivers_autoprobe", text, sizeof(text));
	assert_string_equal(text, "0\n");
}

static void a_page_of_a_longer_write_is_stored(void **state)
{
	struct client_end *client = *state;
	uint64_t node, fh = open_path(client, "sys/bus/pci/drivers_autoprobe", O_WRONLY, &node);
	char data[5000];

	memset(data, '1', sizeof(data));
	assert_int_equal(write_open(client, node, fh, data, sizeof(data)), 4096);
	release(client, node, fh);
}

static void attributes_are_opened_for_direct_io_and_blobs_are_cached(void **state)
{
	struct fuse_entry_out entry = walk(*state, "sys/bus/pci/drivers_autoprobe");
	struct fuse_open_out opened;
	char text[sizeof(blob_data)];

	assert_int_equal(open_node(*state, entry.nodeid, O_RDONLY, &opened), 0);
	assert_int_equal(opened.open_flags & (FOPEN_DIRECT_IO | FOPEN_KEEP_CACHE), FOPEN_DIRECT_IO);
	release(*state, entry.nodeid, opened.fh);

	entry = walk(*state, "lib/modules/6.1.0/modules.alias");
	assert_int_equal(entry.attr.size, sizeof(blob_data) - 1);
	assert_int_equal(open_node(*state, entry.nodeid, O_RDONLY, &opened), 0);
	assert_int_equal(opened.open_flags & (FOPEN_DIRECT_IO | FOPEN_KEEP_CACHE), FOPEN_KEEP_CACHE);
	release(*state, entry.nodeid, opened.fh);
	read_path(*state, "lib/modules/6.1.0/modules.alias", text, sizeof(text));
	assert_string_equal(text, blob_data);
}

static void open_refuses_what_has_no_method(void **state)
{
	uint64_t probe = walk(*state, "sys/bus/pci/drivers_probe").nodeid;
	uint64_t autoprobe = walk(*state, "sys/bus/pci/drivers_autoprobe").nodeid;
	struct fuse_open_out opened;

	assert_int_equal(open_node(*state, probe, O_RDONLY, &opened), -EACCES);
	assert_int_equal(open_node(*state, probe, O_RDWR, &opened), -EACCES);
	assert_int_equal(open_node(*state, autoprobe, O_RDONLY | O_DIRECT, &opened), -EINVAL);
}

static void truncation_has_no_effect(void **state)
{
	struct client_end *client = *state;
	uint64_t node, fh = open_path(client, "sys/bus/pci/drivers_autoprobe", O_WRONLY | O_TRUNC, &node);
	const struct fuse_setattr_in in = {.valid = FATTR_SIZE};
	struct fuse_attr_out attr;
	char text[16];

	assert_int_equal(ask(client, FUSE_SETATTR, node, &in, sizeof(in), NULL, 0, &attr, sizeof(attr), NULL), 0);
	assert_int_equal(attr.attr.size, 4096);
	release(client, node, fh);
	read_path(client, "sys/bus/pci/drivers_autoprobe", text, sizeof(text));
	assert_string_equal(text, "1\n");
}

static void the_tree_cannot_be_changed(void **state)
{
	static const struct {
		uint32_t opcode;
		size_t size; /* of the fixed part of its argument */
		int error;
	} requests[] = {
		{FUSE_MKDIR, sizeof(struct fuse_mkdir_in), -EPERM},
		{FUSE_UNLINK, 0, -EPERM},
		{FUSE_RMDIR, 0, -EPERM},
		{FUSE_SYMLINK, 0, -EPERM},
		{FUSE_LINK, sizeof(struct fuse_link_in), -EPERM},
		{FUSE_RENAME, sizeof(struct fuse_rename_in), -EPERM},
		{FUSE_RENAME2, sizeof(struct fuse_rename2_in), -EPERM},
		{FUSE_CREATE, sizeof(struct fuse_create_in), -EACCES},
		{FUSE_MKNOD, sizeof(struct fuse_mknod_in), -EPERM},
	};
	static const char names[] = "old\0new"; /* those that take one name ignore the second */
	const struct fuse_mknod_in regular = {.mode = S_IFREG | 0644};
	const char zeroes[64] = {0};
	uint64_t dir = walk(*state, "sys/bus/pci").nodeid;

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		assert_int_equal(ask(*state, requests[i].opcode, dir, zeroes, requests[i].size, names, sizeof(names),
				     NULL, 0, NULL),
				 requests[i].error);
	assert_int_equal(ask(*state, FUSE_MKNOD, dir, &regular, sizeof(regular), names, sizeof(names), NULL, 0, NULL),
			 -EACCES);
}

static void extended_attributes_answer_as_on_sysfs(void **state)
{
	static const struct {
		const char *name;
		int error;
	} names[] = {
		{"user.x", -ENODATA},
		{"trusted.x", -ENODATA},
		{"security.selinux", -ENODATA},
		{"system.posix_acl_access", -EOPNOTSUPP},
	};
	uint64_t node = walk(*state, "sys/bus/pci").nodeid;
	const struct fuse_getxattr_in in = {.size = 128};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(ask(*state, FUSE_GETXATTR, node, &in, sizeof(in), names[i].name,
				     strlen(names[i].name) + 1, NULL, 0, NULL),
				 names[i].error);
	assert_int_equal(ask(*state, FUSE_LISTXATTR, node, &in, sizeof(in), NULL, 0, NULL, 0, NULL), 0);
}

static void statfs_has_the_numbers_of_sysfs(void **state)
{
	struct fuse_statfs_out out;

	assert_int_equal(ask(*state, FUSE_STATFS, FUSE_ROOT_ID, NULL, 0, NULL, 0, &out, sizeof(out), NULL), 0);
	assert_int_equal(out.st.bsize, 4096);
	assert_int_equal(out.st.frsize, 4096);
	assert_int_equal(out.st.namelen, 255);
	assert_int_equal(out.st.blocks, 0);
}

/* One READDIR of at most @size bytes: names, each with a '/', behind @names; the offset where the next one goes on. */
static uint64_t read_names(struct client_end *client, uint64_t node, uint64_t fh, uint64_t offset, size_t size,
			   char *names)
{
	const struct fuse_read_in in = {.fh = fh, .offset = offset, .size = size};
	static char entries[4096] __attribute__((aligned(8)));
	size_t n, used;

	assert_int_equal(ask(client, FUSE_READDIR, node, &in, sizeof(in), NULL, 0, entries, sizeof(entries), &n), 0);
	assert_true(n <= size);
	for (size_t at = 0; at < n; at += FUSE_DIRENT_SIZE((struct fuse_dirent *)(entries + at))) {
		const struct fuse_dirent *entry = (const struct fuse_dirent *)(entries + at);

		used = strlen(names);
		sprintf(names + used, "%.*s/", (int)entry->namelen, entry->name);
		offset = entry->off;
	}
	return offset;
}

static void a_listing_in_parts_is_the_whole_listing(void **state)
{
	struct client_end *client = *state;
	const struct fuse_open_in in = {0};
	uint64_t node = walk(client, "sys/bus/pci").nodeid, before, offset = 0;
	char whole[1024] = "", parts[1024] = "", again[1024] = "";
	const struct fuse_release_in end = {0};
	struct fuse_release_in release_in = end;
	struct fuse_open_out opened;

	assert_int_equal(ask(client, FUSE_OPENDIR, node, &in, sizeof(in), NULL, 0, &opened, sizeof(opened), NULL), 0);
	read_names(client, node, opened.fh, 0, 4096, whole);
	do {
		before = offset;
		offset = read_names(client, node, opened.fh, offset, 64, parts);
	} while (offset != before);
	read_names(client, node, opened.fh, 0, 4096, again);
	release_in.fh = opened.fh;
	assert_int_equal(ask(client, FUSE_RELEASEDIR, node, &release_in, sizeof(release_in), NULL, 0, NULL, 0, NULL),
			 0);

	assert_memory_equal(whole, "./../", 5);
	assert_non_null(strstr(whole, "/drivers_probe/"));
	assert_string_equal(whole, parts);
	assert_string_equal(whole, again);
}

/* A write that waits in the model: its request's number. */
static uint64_t begin_waiting_write(struct client_end *client, uint64_t *ret_node, uint64_t *ret_fh)
{
	static const char data[] = "0000:00:00.0";
	struct fuse_write_in in = {.size = sizeof(data) - 1};

	assert_true(write_path(client, KERNFS_CONTROL "/faults", "sys.write path=*/drivers_probe delay=600000\n") > 0);
	*ret_fh = in.fh = open_path(client, "sys/bus/pci/drivers_probe", O_WRONLY, ret_node);
	return send_request(client, FUSE_WRITE, *ret_node, &in, sizeof(in), data, in.size);
}

static void a_store_that_waits_blocks_nobody_else_and_ends_with_the_server(void **state)
{
	struct client_end *client = *state;
	struct fuse_write_out out;
	uint64_t node, fh, unique = begin_waiting_write(client, &node, &fh);
	char text[16];

	read_path(client, "sys/bus/pci/drivers_autoprobe", text, sizeof(text));
	assert_string_equal(text, "1\n");

	fuse_server_stop(client->server);
	pthread_join(client->thread, NULL);
	fuse_server_free(client->server);
	assert_int_equal(receive_answer(client, unique, &out, sizeof(out), NULL), -ENODEV);
	close(client->fd);
	kernel_free(client->k);
	free(client);
}

static void an_interrupt_does_not_end_a_store(void **state)
{
	struct client_end *client = *state;
	uint64_t node, fh, unique = begin_waiting_write(client, &node, &fh);
	const struct fuse_interrupt_in in = {.unique = unique};
	uint64_t reset_node, reset_fh = open_path(client, KERNFS_CONTROL "/reset", O_WRONLY, &reset_node), reset;
	struct fuse_write_in reset_in = {.fh = reset_fh, .size = 1};
	struct fuse_out_header answers[2];

	send_request(client, FUSE_INTERRUPT, 0, &in, sizeof(in), NULL, 0);
	assert_true(is_silent(client));

	/* `reset` does, and says so. Two threads answer: in either order. */
	reset = send_request(client, FUSE_WRITE, reset_node, &reset_in, sizeof(reset_in), "1", 1);
	for (size_t i = 0; i < 2; i++) {
		char packet[64];

		assert_true(recv(client->fd, packet, sizeof(packet), 0) >= (ssize_t)sizeof(answers[i]));
		memcpy(&answers[i], packet, sizeof(answers[i]));
	}
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(answers[i].error, answers[i].unique == unique ? -EIO : 0);
	assert_int_equal(answers[0].unique + answers[1].unique, unique + reset);
	release(client, node, fh);
	release(client, reset_node, reset_fh);
}

static void an_interrupt_ends_a_wait_for_a_step(void **state)
{
	static const char wanted[] = "dd.probe";
	struct client_end *client = *state;
	uint64_t node, fh = open_path(client, KERNFS_CONTROL "/wait", O_RDWR, &node), unique;
	const struct fuse_write_in write_in = {.fh = fh, .size = sizeof(wanted) - 1};
	const struct fuse_read_in read_in = {.fh = fh, .size = 4096, .offset = 4096};
	struct fuse_interrupt_in interrupt;
	struct fuse_write_out out;

	assert_int_equal(ask(client, FUSE_WRITE, node, &write_in, sizeof(write_in), wanted, sizeof(wanted) - 1, &out,
			     sizeof(out), NULL),
			 0);
	unique = send_request(client, FUSE_READ, node, &read_in, sizeof(read_in), NULL, 0);
	assert_true(is_silent(client));
	interrupt.unique = unique;
	send_request(client, FUSE_INTERRUPT, 0, &interrupt, sizeof(interrupt), NULL, 0);
	assert_int_equal(receive_answer(client, unique, &out, sizeof(out), NULL), -EINTR);
	release(client, node, fh);
}

/* A process that does nothing but be somebody with @environment. */
static pid_t start_sleeper(char *const *environment)
{
	char *const arguments[] = {"sleep", "600", NULL};
	char path[32], byte;
	ssize_t n = 0;
	pid_t pid;

	assert_int_equal(posix_spawnp(&pid, "sleep", NULL, NULL, arguments, environment), 0);
	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	/* execve(2) lets us go on a moment before the new environment can be read. A real client asks only later. */
	while (n == 0) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		assert_true(fd >= 0);
		n = read(fd, &byte, 1);
		close(fd);
	}
	return pid;
}

static void a_client_is_called_by_its_environment_or_its_pid(void **state)
{
	struct client_end *client = *state;
	char *const alice[] = {"PATH=/usr/bin", "MOCKSYS_ACTOR=alice", NULL}, *const nobody[] = {"PATH=/usr/bin", NULL};
	pid_t pids[] = {start_sleeper(alice), start_sleeper(nobody)};
	char *trace, number[32];

	for (size_t i = 0; i < 2; i++) {
		client->pid = pids[i];
		write_path(client, "sys/bus/pci/drivers_autoprobe", "1");
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	client->pid = getpid();
	kernel_lock(client->k);
	trace = kernel_trace(client->k);
	kernel_unlock(client->k);
	snprintf(number, sizeof(number), " %d sys.write ", pids[1]);
	assert_non_null(strstr(trace, " alice sys.write "));
	assert_non_null(strstr(trace, number));
	free(trace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(init_takes_only_what_keeps_each_write_one_store, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_missing_name_is_an_error_so_that_linux_asks_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(directories_keep_their_node_id, set_up, tear_down),
		cmocka_unit_test_setup_teardown(files_with_a_store_get_a_fresh_node_id_and_keep_st_ino, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(forget_ends_a_fresh_node_id, set_up, tear_down),
		cmocka_unit_test_setup_teardown(batch_forget_ends_each_of_its_node_ids, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_write_is_one_store_with_its_own_errno, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_stored_is_read_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_page_of_a_longer_write_is_stored, set_up, tear_down),
		cmocka_unit_test_setup_teardown(attributes_are_opened_for_direct_io_and_blobs_are_cached, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(open_refuses_what_has_no_method, set_up, tear_down),
		cmocka_unit_test_setup_teardown(truncation_has_no_effect, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_tree_cannot_be_changed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(extended_attributes_answer_as_on_sysfs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(statfs_has_the_numbers_of_sysfs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_listing_in_parts_is_the_whole_listing, set_up, tear_down),
		cmocka_unit_test_setup(a_store_that_waits_blocks_nobody_else_and_ends_with_the_server, set_up),
		cmocka_unit_test_setup_teardown(an_interrupt_does_not_end_a_store, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_interrupt_ends_a_wait_for_a_step, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_client_is_called_by_its_environment_or_its_pid, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("fuse", tests, NULL, NULL);
}
