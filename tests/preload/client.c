/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One small thing a run, named by the first argument, for preload.py to look at from outside. Calls print their errno's
 * name ("0" for success).
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

int init_module(void *image, unsigned long size, const char *parameters);
int delete_module(const char *name, unsigned flags);

static int say(long result)
{
	puts(result < 0 ? strerrorname_np(errno) : "0");
	return 0;
}

/* Modules. */

static int finit(char **arguments)
{
	int fd = open(arguments[0], O_RDONLY | O_CLOEXEC);

	return say(syscall(SYS_finit_module, fd, arguments[1], arguments[2] ? atoi(arguments[2]) : 0));
}

static void *map(const char *path, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	void *image;

	if (fd < 0 || fstat(fd, &status) < 0)
		return NULL;
	*ret_size = (size_t)status.st_size;
	/*
	 * Behind the last page there is nothing: reading past the end of the image ends the program when it is a whole
	 * page.
	 */
	image = mmap(NULL, *ret_size, PROT_READ, MAP_PRIVATE, fd, 0);
	return image == MAP_FAILED ? NULL : image;
}

static int init(char **arguments)
{
	size_t size = 0;
	void *image = map(arguments[0], &size);

	return say(init_module(image, size, arguments[1]));
}

static int raw_init(char **arguments)
{
	size_t size = 0;
	void *image = map(arguments[0], &size);

	return say(syscall(SYS_init_module, image, size, arguments[1]));
}

static int delete (char **arguments)
{
	return say(delete_module(arguments[0], O_NONBLOCK));
}

static int raw_delete(char **arguments)
{
	return say(syscall(SYS_delete_module, arguments[0], O_NONBLOCK));
}

/* Null pointers, as errors and not as the end. */
static int null_modules(char **arguments)
{
	say(init_module(NULL, 0, ""));
	say(syscall(SYS_finit_module, 0, NULL, 0));
	say(delete_module(NULL, 0));
	return say(syscall(SYS_finit_module, -1, "", 0));
}

/* Programs: each way to start /bin/cat on a path, with an environment that holds nothing. */

static char *const no_environment[] = {NULL};

static void run_child(int way, const char *path)
{
	char *const arguments[] = {(char *)"cat", (char *)path, NULL};
	int fd;

	switch (way) {
	case 0:
		execve("/bin/cat", arguments, no_environment);
		break;
	case 1:
		clearenv();
		execv("/bin/cat", arguments);
		break;
	case 2:
		execvpe("cat", arguments, no_environment);
		break;
	case 3:
		clearenv();
		execvp("cat", arguments);
		break;
	case 4:
		clearenv();
		execl("/bin/cat", "cat", path, NULL);
		break;
	case 5:
		execle("/bin/cat", "cat", path, NULL, no_environment);
		break;
	case 6:
		clearenv();
		execlp("cat", "cat", path, NULL);
		break;
	case 7:
		fd = open("/bin/cat", O_RDONLY | O_CLOEXEC);
		fexecve(fd, arguments, no_environment);
		break;
	case 8:
		execveat(AT_FDCWD, "/bin/cat", arguments, no_environment, 0);
		break;
	case 9:
		execve("/bin/cat", arguments, NULL);
		break;
	case 10:
		/* Somebody else's preload: ours is put behind it. */
		execve("/bin/cat", arguments, (char *const[]){(char *)"LD_PRELOAD=libdl.so.2", NULL});
		break;
	}
	_exit(126);
}
#define CHILD_WAYS 11

static void wait_for(pid_t pid)
{
	int status;

	waitpid(pid, &status, 0);
	if (status)
		printf("status %#x\n", (unsigned)status);
	fflush(stdout);
}

static int children(char **arguments)
{
	const char *path = arguments[0];
	char *const words[] = {(char *)"cat", (char *)path, NULL};
	char command[4096];
	pid_t pid;

	setlinebuf(stdout);
	for (int way = 0; way < CHILD_WAYS; way++) {
		pid = fork();
		if (!pid)
			run_child(way, path);
		wait_for(pid);
	}
	pid = vfork();
	if (!pid) {
		execve("/bin/cat", words, no_environment);
		_exit(126);
	}
	wait_for(pid);
	if (!posix_spawn(&pid, "/bin/cat", NULL, NULL, words, no_environment))
		wait_for(pid);
	if (!posix_spawnp(&pid, "cat", NULL, NULL, words, no_environment))
		wait_for(pid);
	snprintf(command, sizeof(command), "cat %s", path);
	return system(command);
}

/* posix_spawn() opens files and changes the directory inside libc. */
static int spawn_actions(char **arguments)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, arguments[0], O_RDONLY, 0);
	posix_spawn_file_actions_addchdir_np(&actions, arguments[1]);
	if (posix_spawn(&pid, "/bin/sh", &actions, NULL,
			(char *const[]){(char *)"sh", (char *)"-c", (char *)"cat; pwd -P", NULL}, no_environment))
		return 1;
	wait_for(pid);
	posix_spawn_file_actions_destroy(&actions);
	return 0;
}

/* Before any constructor, the shim's too. */

static const char *early_path = "/sys/through/file";
static int early_fd = -1;

static void open_early(void)
{
	early_fd = open(early_path, O_RDONLY);
}

__attribute__((section(".preinit_array"), used)) static void (*const early)(void) = open_early;

static int show_early(char **arguments)
{
	char text[64];
	ssize_t length = read(early_fd, text, sizeof(text));

	return length > 0 ? (int)(write(STDOUT_FILENO, text, (size_t)length) != length) : 1;
}

/* In handlers on a small stack, in threads, and in children forked while all that goes on. */

static const char *stress_path;
static volatile sig_atomic_t wrong, handled;

static void look(void)
{
	char target[4096], cwd[4096];
	struct stat status;
	int fd = open(stress_path, O_RDONLY);

	if (fd < 0 || fstat(fd, &status) < 0 || stat(stress_path, &status) < 0 || access("../file", R_OK) < 0 ||
	    readlink("/sys/through/link", target, sizeof(target)) != 4 || !getcwd(cwd, sizeof(cwd)) ||
	    strcmp(cwd, "/sys/through/sub"))
		wrong = 1;
	if (fd >= 0)
		close(fd);
}

static void handle(int signal_number)
{
	int saved_errno = errno;

	look();
	handled++;
	errno = saved_errno;
}

static volatile sig_atomic_t stop;

static void *look_always(void *argument)
{
	while (!stop) {
		free(malloc(100));
		look();
	}
	return NULL;
}

static int stress(char **arguments)
{
	static char stack[64 * 1024];
	const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
	const struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK | SA_RESTART};
	const struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
	pthread_t thread;

	stress_path = arguments[0];
	if (chdir("/sys/through/sub") < 0)
		return 1;
	sigaltstack(&alternate, NULL);
	sigaction(SIGALRM, &action, NULL);
	pthread_create(&thread, NULL, look_always, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 100 || handled < 100; i++) {
		pid_t pid = fork();
		int status;

		if (!pid) {
			look();
			_exit(wrong);
		}
		waitpid(pid, &status, 0);
		wrong |= status != 0;
	}
	setitimer(ITIMER_REAL, &never, NULL);
	stop = 1;
	pthread_join(thread, NULL);
	puts(wrong ? "wrong" : "right");
	return 0;
}

/* A path with @length bytes after /sys. */
static int long_path(char **arguments)
{
	size_t length = strtoul(arguments[0], NULL, 10);
	char *path = malloc(sizeof("/sys") + length);
	int result;

	memset(stpcpy(path, "/sys"), '/', length);
	path[strlen("/sys") + length] = '\0';
	for (size_t i = 1; i < length; i += 2)
		path[strlen("/sys") + i] = 'x';
	result = say(open(path, O_RDONLY));
	free(path);
	return result;
}

/* Sends the open file @fd to this process itself: another descriptor of it, or -1. */
static int send_and_receive(int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(fd))] = {0};
	char byte = 0;
	struct iovec part = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int pair[2], received = -1;
	FILE *stream;

	*header = (struct cmsghdr){CMSG_LEN(sizeof(fd)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || sendmsg(pair[0], &message, 0) != 1)
		return -1;
	/* What was open under the number that comes next was closed inside of libc. */
	stream = fopen("/dev/null", "r");
	if (stream)
		fclose(stream);
	if (recvmsg(pair[1], &message, 0) == 1)
		memcpy(&received, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(received));
	return received;
}

/* Prints the file, as a process finds it that another one has sent it to. */
static int sent(char **arguments)
{
	int fd = send_and_receive(open(arguments[0], O_RDONLY));
	char text[4096];
	ssize_t n = read(fd, text, sizeof(text));

	return n < 0 ? say(n) : fwrite(text, 1, (size_t)n, stdout) != (size_t)n;
}

/* Prints the file before and after a child of vfork(2), which has this memory, puts something else in its descriptor's place. */
static int beside_vfork(char **arguments)
{
	int fd = open(arguments[0], O_RDWR), null = open("/dev/null", O_RDWR);
	char text[4096];

	for (int i = 0; i < 3; i++) {
		ssize_t n = pread(fd, text, sizeof(text), 0);
		pid_t pid;

		if (n < 0)
			return say(n);
		fwrite(text, 1, (size_t)n, stdout);
		pid = vfork();
		if (!pid) {
			if (i)
				dup2(null, fd);
			else
				close(fd);
			open("/dev/null", O_RDONLY);
			execl("/bin/true", "true", NULL);
			_exit(1);
		}
		waitpid(pid, NULL, 0);
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(char **arguments);
} verbs[] = {
	{"finit", finit},
	{"init", init},
	{"raw-init", raw_init},
	{"delete", delete},
	{"raw-delete", raw_delete},
	{"null-modules", null_modules},
	{"children", children},
	{"spawn-actions", spawn_actions},
	{"early", show_early},
	{"stress", stress},
	{"long-path", long_path},
	{"sent", sent},
	{"beside-vfork", beside_vfork},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(*verbs); i++)
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].run(argv + 2);
	fprintf(stderr, "usage: %s VERB [ARGUMENT...]\n", argv[0]);
	return 2;
}
