# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2154 # $new
#
# For the scripts beside it, which set $new, the directory that they work in: apt as anybody may use it.

# Nobody but apt's own user reads what it downloads as root otherwise.
host_options='-q -o APT::Sandbox::User=root'
apt_options=$host_options

fail() {
	echo "$*" >&2
	exit 1
}

need_tools() {
	for tool; do
		command -v "$tool" >/dev/null || fail "needs $tool"
	done
}

# REPOSITORY SUITE of the host's sources, as far as they are Debian's.
host_sources() {
	# shellcheck disable=SC2086
	apt-get $host_options -o Dir::State::Lists="$new/apt/lists" --print-uris update |
		sed -n "s|^'\(.*/debian\)\(-security\)\{0,1\}/dists/\(.*\)/InRelease' .*|\1\2/ \3|p" | sort -u
}

# The same repositories' SUITE.
other_suite() {
	sed -n "s,^\(.*/debian/\) .*,\1 $1,p" "$new/apt/host"
	sed -n "s,^\(.*/debian-security/\) .*,\1 $1-security,p" "$new/apt/host"
}

# Lists of our own: those of the host may be missing or old, and they are not ours to change. `host`: of the host's sources;
# SUITE: of that one, too; `only` SUITE: of nothing else, as if nothing was installed.
use_own_lists() {
	mkdir -p "$new/apt/lists/partial" "$new/apt/cache/archives/partial"
	: >"$new/apt/status"
	host_sources >"$new/apt/host"
	status=''
	case $1 in
	host) cat "$new/apt/host" ;;
	only) other_suite "$2" ;;
	*)
		other_suite "$1"
		cat "$new/apt/host"
		;;
	esac | sort -u >"$new/apt/wanted"
	[ "$1" != only ] || status="-o Dir::State::status=$new/apt/status"
	keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	option=''
	[ ! -e $keyring ] || option="[signed-by=$keyring] "
	sed "s,.*,deb $option& main," "$new/apt/wanted" >"$new/apt/sources.list"
	apt_options="$host_options -o Dir::Etc::SourceList=$new/apt/sources.list -o Dir::Etc::SourceParts=/dev/null
		-o Dir::State::Lists=$new/apt/lists -o Dir::Cache=$new/apt/cache $status"
	# shellcheck disable=SC2086
	apt-get $apt_options update >&2
}
