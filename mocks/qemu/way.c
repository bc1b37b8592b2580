/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qemu/way.h"
#include "qemu/archive.h"
#include "qemu/cache.h"
#include "qemu/devices.h"
#include "qemu/emulator.h"
#include "qemu/modules.h"
#include "qemu/protocol.h"
#include "qemu/relay.h"
#include "qemu/scripts.h"
#include "qemu/util.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>

/*
 * All groups are identity mapped, as a host that assigns devices has them. The rest makes the boot short, or short to
 * tell, or keeps a guest that gets little of the processor from giving up: nothing of it concerns devices.
 */
#define COMMAND_LINE                                                                               \
	"console=ttyS0 quiet panic=-1 intel_iommu=on iommu=pt mitigations=off audit=0 apparmor=0 " \
	"8250.nr_uarts=1 cryptomgr.notests random.trust_cpu=on nowatchdog no_timer_check oops=panic"

#define QEMU "qemu-system-x86_64"

/* A boot takes some 4 s, on a busy machine ten times that. */
#define BOOT_SECONDS 40
#define N_BOOTS 3

struct run {
	const struct qemu_way_options *options;
	struct cache *cache;
	struct words devices, spec;
	unsigned helpers_slot;
	char *kernel, *modules;
	bool terminal;
	int initial_files;
	FILE *console;
	struct relay *relay;
	struct emulator emulator;
};

static void end_run(struct run *run)
{
	if (run->console)
		fclose(run->console);
	close_descriptor(&run->initial_files);
	words_free(&run->devices);
	words_free(&run->spec);
	cache_close(run->cache);
	free(run->kernel);
	free(run->modules);
}

/* ---- what the guest is told ---- */

static bool same_file(int a, int b)
{
	struct stat one, two;

	return fstat(a, &one) == 0 && fstat(b, &two) == 0 && one.st_dev == two.st_dev && one.st_ino == two.st_ino;
}

static void describe_command(struct run *run)
{
	const struct qemu_way_options *options = run->options;
	char directory[PATH_MAX], host[HOST_NAME_MAX + 1] = "";
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	mode_t mask = umask(0);

	umask(mask);
	gethostname(host, sizeof(host) - 1);
	words_add(&run->spec, "host=%s", host);
	words_add(&run->spec, "cwd=%s", getcwd(directory, sizeof(directory)) ?: "/");
	words_add(&run->spec, "umask=%o", mask);
	if (options->ordinary_user)
		words_add(&run->spec, "uid=%u", options->uid);
	if (run->terminal) {
		ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
		words_add(&run->spec, "terminal=%u %u", size.ws_row, size.ws_col);
	}
	if (same_file(STDOUT_FILENO, STDERR_FILENO))
		words_add(&run->spec, "merge=1");
	if (options->machine->modprobe_config)
		words_add(&run->spec, "modprobe=%s", options->machine->modprobe_config);
	for (char **variable = environ; *variable; variable++)
		if (strncmp(*variable, "MOCKSYS_WAY=", 12))
			words_add(&run->spec, "environment=%s", *variable);
	words_add(&run->spec, "environment=MOCKSYS_WAY=qemu");
	for (char *const *argument = options->command; *argument; argument++)
		words_add(&run->spec, "argument=%s", *argument);
}

/* ---- the guest's initial file system, in memory ---- */

static int append_file(int to, const char *path)
{
	_cleanup_close_ int from = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (from < 0 || fstat(from, &st) < 0)
		return -errno;
	for (off_t left = st.st_size; left > 0;) {
		ssize_t n = sendfile(to, from, NULL, (size_t)left);

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		left -= n;
	}
	return 0;
}

static int add_spec(FILE *archive, const struct words *spec)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	if (!file)
		return -errno;
	for (size_t i = 0; i < spec->n; i++)
		fwrite(spec->all[i], 1, strlen(spec->all[i]) + 1, file);
	if (fclose(file) < 0)
		return -errno;
	return archive_add(archive, &GUEST_SPEC[1], S_IFREG | 0600, text, size);
}

static int write_initial_files(struct run *run, const char *init, FILE *archive)
{
	int r = archive_add_file(archive, "init", S_IFREG | 0755, init);

	/* What the kernel gives init for its standard input, output and error. */
	if (r == 0)
		r = archive_add(archive, "dev", S_IFDIR | 0755, "", 0);
	if (r == 0)
		r = add_spec(archive, &run->spec);
	if (r == 0)
		r = archive_end(archive);
	return r < 0 ? r : append_file(fileno(archive), run->modules);
}

static int make_initial_files(struct run *run, char **ret_error)
{
	char init[PATH_MAX];
	FILE *archive;
	int r;

	tool_path("mocksys-guest-init", init, sizeof(init));
	run->initial_files = memfd_create("initial-files", MFD_CLOEXEC);
	archive = run->initial_files < 0 ? NULL : fdopen(dup(run->initial_files), "we");
	if (!archive)
		return fail(ret_error, -errno, "no memory for the guest's files: %s", strerror(errno));
	r = run->spec.failed ? -ENOMEM : write_initial_files(run, init, archive);
	fclose(archive);
	return r < 0 ? fail(ret_error, r, "cannot prepare the guest's files from %s and %s: %s", init, run->modules,
			    strerror(-r))
		     : 0;
}

/* ---- a run ---- */

static int prepare(struct run *run, char **ret_error)
{
	const struct machine *machine = run->options->machine;
	_cleanup_free_ char *list = NULL;
	int r = qemu_devices(machine, &run->devices, &run->spec, &run->helpers_slot, ret_error);

	if (r == 0)
		r = guest_modules(machine, &run->spec, &list);
	if (r == 0)
		r = cache_open(&run->cache, ret_error);
	if (r == 0)
		r = cache_kernel(run->cache, run->options->profile ?: machine->profile, &run->kernel, ret_error);
	if (r == 0)
		r = cache_modules(run->cache, run->kernel, list, &run->modules, ret_error);
	if (r < 0)
		return r;
	run->terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	describe_command(run);
	if (run->options->console_path) {
		run->console = fopen(run->options->console_path, "we");
		if (!run->console)
			return fail(ret_error, -errno, "cannot write %s: %s", run->options->console_path,
				    strerror(errno));
	}
	return make_initial_files(run, ret_error);
}

static int start(struct run *run, const char *qemu, char **ret_error)
{
	_cleanup_free_ char *kernel = NULL;
	struct emulator_options options = {
		.qemu = qemu,
		.devices = &run->devices,
		.helpers_slot = run->helpers_slot,
		.initial_files = run->initial_files,
		.command_line = COMMAND_LINE,
	};

	if (asprintf(&kernel, "%s/vmlinux", run->kernel) < 0)
		return -ENOMEM;
	options.kernel = kernel;
	return emulator_start(&options, &run->emulator, ret_error);
}

static int boot(struct run *run, const char *qemu, unsigned seconds, int *ret_status, char **ret_error)
{
	const struct relay_options options = {run->terminal, run->console, seconds};
	int r = relay_open(&options, &run->relay);

	if (r == 0)
		r = start(run, qemu, ret_error);
	if (r == 0)
		r = relay_run(run->relay, &run->emulator, ret_status, ret_error);
	emulator_stop(&run->emulator);
	relay_close(run->relay);
	run->relay = NULL;
	return r;
}

/*
 * An emulated boot may come to nothing on a busy machine. It has no effect but on the machine that goes with it, so it can be
 * done again.
 */
static int attempt(struct run *run, const char *qemu, int *ret_status, char **ret_error)
{
	const char *patience = getenv("MOCKSYS_QEMU_PATIENCE");
	unsigned seconds = patience ? (unsigned)strtoul(patience, NULL, 10) : BOOT_SECONDS;
	int r;

	for (unsigned i = 1; (r = boot(run, qemu, i * seconds, ret_status, ret_error)) == -EAGAIN && i < N_BOOTS; i++) {
		fprintf(stderr, "mocksys: way qemu: %s\nmocksys: way qemu: booting once more\n",
			*ret_error ?: "no answer");
		free(*ret_error);
		*ret_error = NULL;
	}
	return r;
}

/* By the host's QEMU; when that lacks a device by one that has it. */
static int run_machine(struct run *run, int *ret_status, char **ret_error)
{
	_cleanup_free_ char *newer = NULL, *refusal = NULL;
	const char *named = getenv("MOCKSYS_QEMU");
	int r = attempt(run, named ?: QEMU, ret_status, &refusal);

	if (r == -EOPNOTSUPP && qemu_devices_explain(run->options->machine, &refusal) && !named &&
	    cache_qemu(run->cache, &newer) == 0) {
		free(refusal);
		refusal = NULL;
		r = attempt(run, newer, ret_status, &refusal);
	}
	*ret_error = refusal;
	refusal = NULL;
	return r;
}

int qemu_way_run(const struct qemu_way_options *options, int *ret_status, char **ret_error)
{
	struct run run = {.options = options, .initial_files = -1};
	int r = prepare(&run, ret_error);

	if (r == 0)
		r = run_machine(&run, ret_status, ret_error);
	end_run(&run);
	return r;
}
