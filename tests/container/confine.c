/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * confine UID COMMAND...: runs COMMAND as the ordinary user UID, with the system calls that container engines take away
 * from those who have no capability: namespaces and mounts above all. To be called by root, and no way leads back.
 */
#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Docker's default profile lets through what it knows to be harmless; of the rest, this is what matters to anybody here. */
static const unsigned denied[] = {
	SYS_unshare,
	SYS_setns,
	SYS_mount,
	SYS_umount2,
	SYS_pivot_root,
	SYS_fsopen,
	SYS_fsconfig,
	SYS_fsmount,
	SYS_fspick,
	SYS_move_mount,
	SYS_open_tree,
	SYS_swapon,
	SYS_mount_setattr,
	SYS_swapoff,
	SYS_open_by_handle_at,
	SYS_bpf,
	SYS_acct,
	SYS_quotactl,
	SYS_userfaultfd,
	SYS_perf_event_open,
	SYS_keyctl,
	SYS_add_key,
	SYS_request_key,
	SYS_io_uring_setup,
	SYS_io_uring_enter,
	SYS_io_uring_register,
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_kexec_load,
	SYS_reboot,
	SYS_syslog,
};

#define NAMESPACES \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

#define LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, value)
#define UNLESS_EQUAL(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)
#define UNLESS_ANY_BIT(bits, skip) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, skip)
#define FAIL(error) RETURN(SECCOMP_RET_ERRNO | (error))

#define N_DENIED (sizeof(denied) / sizeof(denied[0]))

static int deny(void)
{
	const struct sock_filter head[] = {
		/* libc falls back to clone(), whose flags a filter can see. */
		LOAD(nr),      UNLESS_EQUAL(SYS_clone3, 1),   FAIL(ENOSYS), UNLESS_EQUAL(SYS_clone, 4),
		LOAD(args[0]), UNLESS_ANY_BIT(NAMESPACES, 1), FAIL(EPERM),  LOAD(nr),
	};
	struct sock_filter filter[sizeof(head) / sizeof(head[0]) + 2 * N_DENIED + 1];
	struct sock_fprog program = {.filter = filter};

	memcpy(filter, head, sizeof(head));
	program.len = sizeof(head) / sizeof(head[0]);
	for (size_t i = 0; i < N_DENIED; i++) {
		filter[program.len++] = (struct sock_filter)UNLESS_EQUAL(denied[i], 1);
		filter[program.len++] = (struct sock_filter)FAIL(EPERM);
	}
	filter[program.len++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(int argc, char **argv)
{
	uid_t user = argc > 2 ? (uid_t)atoi(argv[1]) : 0;

	if (!user) {
		fprintf(stderr, "usage: confine UID COMMAND...\n");
		return 2;
	}
	if (deny() < 0 || setgroups(0, NULL) < 0 || setresgid(user, user, user) < 0 ||
	    setresuid(user, user, user) < 0) {
		fprintf(stderr, "confine: %s\n", strerror(errno));
		return 125;
	}
	execvp(argv[2], argv + 2);
	fprintf(stderr, "confine: cannot run %s: %s\n", argv[2], strerror(errno));
	return 127;
}
