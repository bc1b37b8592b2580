// SPDX-License-Identifier: LGPL-2.1-or-later
// The headers are C++ too, and what they declare is found by a C++ program.
#include <mocksys.h>
#include <vfiobind.h>

#include <cerrno>
#include <cstring>

int main()
{
	struct mocksys *machine = nullptr;
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_address address;

	if (mocksys_new("/nowhere", &machine) != -ENODEV || machine || error.code != VFIOBIND_ERROR_NONE)
		return 1;
	if (vfiobind_address_parse("0000:00:00.0", &address) != 0)
		return 1;
	return std::strcmp(mocksys_library_version(), vfiobind_library_version()) != 0;
}
