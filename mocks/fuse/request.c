/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "request.h"

#include <errno.h>

struct fuse_server *request_server(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static struct fuse_server *enter_as(fuse_req_t req, struct client *client, bool certain)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct fuse_server *server = request_server(req);

	*client = (struct client){.pid = ctx->pid};
	if (ctx->uid != server->root) {
		client->uid = ctx->uid;
		client->gid = ctx->gid;
	}
	client_cache_name(&server->clients, client, certain);
	kernel_enter(client);
	kernel_lock(server->k);
	return server;
}

struct fuse_server *request_enter(fuse_req_t req, struct client *client)
{
	return enter_as(req, client, false);
}

struct fuse_server *request_enter_step(fuse_req_t req, struct client *client)
{
	return enter_as(req, client, true);
}

void request_leave(struct fuse_server *server)
{
	kernel_unlock(server->k);
}

struct kernfs_node *server_node(struct fuse_server *server, fuse_ino_t id)
{
	uint64_t ino = node_ids_ino(&server->ids, id);

	return ino ? kernfs_by_ino(server->k, ino) : NULL;
}

void reply_error(fuse_req_t req, int error)
{
	fuse_reply_err(req, error <= -512 ? EIO : -error);
}
