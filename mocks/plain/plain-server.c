/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plain-server.h"

#include "mirror.h"
#include "wire/file-server.h"
#include "wire/protocol.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct plain_server {
	struct mirror *mirror;
	struct file_server *wire;
};

/* A machine that is not what it looks like is no machine to test anything on. */
static void end_with_mirror(void *context)
{
	struct plain_server *server = context;

	if (server->wire)
		file_server_stop(server->wire);
}

static int set_up(struct plain_server *server, struct kernel *k, const char *directory)
{
	char fake[PATH_MAX], workshop[PATH_MAX], path[PATH_MAX];
	int r;

	if (snprintf(fake, sizeof(fake), "%s/fake", directory) >= PATH_MAX ||
	    snprintf(workshop, sizeof(workshop), "%s/workshop", directory) >= PATH_MAX ||
	    snprintf(path, sizeof(path), "%s/" WIRE_FILES, directory) >= PATH_MAX)
		return -ENAMETOOLONG;
	if ((mkdir(fake, 0755) < 0 && errno != EEXIST) || mkdir(workshop, 0700) < 0)
		return -errno;
	r = mirror_new(k, fake, workshop, end_with_mirror, server, &server->mirror);
	return r < 0 ? r : file_server_new(k, path, mirror_fd(server->mirror), &server->wire);
}

int plain_server_new(struct kernel *k, const char *directory, struct plain_server **ret_server)
{
	struct plain_server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return -ENOMEM;
	r = set_up(server, k, directory);
	if (r < 0) {
		plain_server_free(server);
		return r;
	}
	*ret_server = server;
	return 0;
}

int plain_server_run(struct plain_server *server)
{
	int r = file_server_run(server->wire), error = mirror_error(server->mirror);

	return error < 0 ? error : r;
}

void plain_server_stop(struct plain_server *server)
{
	file_server_stop(server->wire);
}

void plain_server_free(struct plain_server *server)
{
	if (!server)
		return;
	file_server_free(server->wire);
	mirror_free(server->mirror);
	free(server);
}
