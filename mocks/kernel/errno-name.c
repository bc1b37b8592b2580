/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of the errnos that a driver or a bus can give. EPROBE_DEFER is the kernel's own and has no name in libc. */
#include "kernel/base.h"

static const struct {
	const char *name;
	int value;
} errnos[] = {
#define E(name)             \
	{                   \
#name, name \
	}
	E(EPERM),        E(ENOENT),      E(EINTR),     E(EIO),       E(ENXIO),        E(E2BIG),     E(EBADF),
	E(EAGAIN),       E(ENOMEM),      E(EACCES),    E(EFAULT),    E(EBUSY),        E(EEXIST),    E(EXDEV),
	E(ENODEV),       E(ENOTDIR),     E(EISDIR),    E(EINVAL),    E(ENFILE),       E(EMFILE),    E(ENOTTY),
	E(EFBIG),        E(ENOSPC),      E(ESPIPE),    E(EROFS),     E(EPIPE),        E(ERANGE),    E(EDEADLK),
	E(ENAMETOOLONG), E(ENOSYS),      E(ENOTEMPTY), E(ENODATA),   E(EOVERFLOW),    E(ETIMEDOUT), E(EOPNOTSUPP),
	E(EALREADY),     E(EINPROGRESS), E(ESTALE),    E(ECANCELED), E(EPROBE_DEFER), E(EREMOTEIO), E(ELOOP),
	E(ENOTUNIQ),
#undef E
};

const char *errno_name(int error)
{
	for (size_t i = 0; i < ARRAY_SIZE(errnos); i++)
		if (errnos[i].value == error)
			return errnos[i].name;
	return NULL;
}

int errno_parse(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(errnos); i++)
		if (!strcmp(errnos[i].name, name))
			return errnos[i].value;
	return 0;
}
