/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuse-server.h"

#include "fuse-mount.h"
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/*
 * Ending the loop. It sits in read(2), alone (a poll before each read would cost every request two system calls). A
 * signal ends a read(2) that waits, but is lost when it comes just before one. So what it reads from is replaced by
 * /dev/null first: a read that starts later finds the end of file. Replies go through another descriptor of the same
 * open file, so that they still arrive.
 */
#define WAKE_SIGNAL SIGRTMIN

static void do_nothing(int signal)
{
}

static ssize_t read_request(int fd, void *buffer, size_t size, void *userdata)
{
	const struct fuse_server *server = userdata;
	/* libfuse has room for 1 MiB: valgrind would look at all of it, for each request. */
	ssize_t n = read(server->read_fd, buffer, size < MAX_REQUEST ? size : MAX_REQUEST);

	if (n == 0) {
		errno = ENODEV; /* as after an unmount */
		return -1;
	}
	return n;
}

static ssize_t write_reply(int fd, struct iovec *iov, int n_iov, void *userdata)
{
	return writev(fd, iov, n_iov);
}

static const struct fuse_custom_io session_io = {.read = read_request, .writev = write_reply};

static struct fuse_session *session_new(struct fuse_server *server, int fuse_fd)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *session = NULL;

	if (fuse_opt_add_arg(&args, "mocksys") == 0)
		session = fuse_session_new(&args, &fuse_operations, sizeof(fuse_operations), server);
	fuse_opt_free_args(&args);
	if (session && fuse_session_custom_io(session, &session_io, fuse_fd) != 0) {
		fuse_session_destroy(session);
		session = NULL;
	}
	return session;
}

static void server_free(struct fuse_server *server)
{
	if (server->read_fd >= 0)
		close(server->read_fd);
	if (server->null_fd >= 0)
		close(server->null_fd);
	worker_pool_free(server->pool);
	node_ids_clear(&server->ids);
	client_cache_clear(&server->clients);
	munmap(server, sizeof(*server));
}

int fuse_server_new(struct kernel *k, int fuse_fd, struct fuse_server **ret_server)
{
	struct fuse_server *server;
	int r = 0;

	server = mmap(NULL, sizeof(*server), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (server == MAP_FAILED) {
		close(fuse_fd);
		return -ENOMEM;
	}
	server->k = k;
	server->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	server->read_fd = fcntl(fuse_fd, F_DUPFD_CLOEXEC, 0);
	if (server->null_fd < 0 || server->read_fd < 0)
		r = -errno;
	if (r == 0)
		r = worker_pool_new(&server->pool);
	if (r == 0) {
		server->session = session_new(server, fuse_fd);
		if (!server->session)
			r = -ENOMEM;
	}
	if (r < 0) {
		close(fuse_fd);
		server_free(server);
		return r;
	}
	*ret_server = server;
	return 0;
}

int fuse_server_mount(struct kernel *k, const char *directory, struct fuse_server **ret_server)
{
	struct fuse_mount *mount;
	int fd, r;

	fd = fuse_mount_new(directory, &mount);
	if (fd < 0)
		return fd;
	r = fuse_server_new(k, fd, ret_server);
	if (r < 0) {
		fuse_mount_free(mount);
		return r;
	}
	(*ret_server)->mount = mount;
	/*
	 * An ordinary user's mount lets nobody else in, and all nodes belong to root: who made it is root there, as in a
	 * user namespace.
	 */
	(*ret_server)->root = geteuid();
	return 0;
}

static void unblock_wake_signal(sigset_t *ret_before)
{
	/* No SA_RESTART: the read(2) shall end. */
	const struct sigaction action = {.sa_handler = do_nothing};
	sigset_t wake;

	sigaction(WAKE_SIGNAL, &action, NULL);
	sigemptyset(&wake);
	sigaddset(&wake, WAKE_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &wake, ret_before);
}

int fuse_server_run(struct fuse_server *server)
{
	struct fuse_buf request = {0};
	sigset_t before;
	int r = 0;

	unblock_wake_signal(&before);
	atomic_store(&server->loop_tid, gettid());
	while (!fuse_session_exited(server->session)) {
		r = fuse_session_receive_buf(server->session, &request);
		if (r == -EINTR) {
			r = 0;
			continue;
		}
		if (r <= 0)
			break;
		fuse_session_process_buf(server->session, &request);
	}
	atomic_store(&server->loop_tid, 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	kernel_enter(NULL);
	free(request.mem);
	return r < 0 ? r : 0;
}

void fuse_server_stop(struct fuse_server *server)
{
	int saved_errno = errno, tid;

	dup3(server->null_fd, server->read_fd, O_CLOEXEC);
	tid = atomic_load(&server->loop_tid);
	if (tid != 0)
		syscall(SYS_tgkill, getpid(), tid, WAKE_SIGNAL);
	errno = saved_errno;
}

void fuse_server_free(struct fuse_server *server)
{
	struct fuse_mount *mount;

	if (!server)
		return;
	/* Clients get the answer of the model, -ENODEV, rather than that of a lost connection. */
	kernel_lock(server->k);
	kernel_abort(server->k);
	kernel_unlock(server->k);
	worker_pool_free(server->pool);
	server->pool = NULL;
	kernel_lock(server->k);
	fuse_operations_end(server);
	kernel_unlock(server->k);
	/* All descriptors of the connection first: fusermount3 leaves a mount alone that still answers. */
	mount = server->mount;
	fuse_session_destroy(server->session);
	server_free(server);
	fuse_mount_free(mount);
}
