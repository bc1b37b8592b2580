# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of vfiobind's command line for bash. What there is to complete is asked of the command: `vfiobind --help` has
# the verbs, `vfiobind VERB --help` the options. So nothing here has to be kept in step with it.

# Lines "KIND NAME ARGUMENT..." of a help: verbs, and options by their long and short names.
_vfiobind_words() {
	"$1" ${2:+"$2"} --help 2>/dev/null | awk '
		# The second column, up to where two blanks end it.
		/^  [a-z]/ {
			arguments = substr($0, 13)
			sub(/  .*/, "", arguments)
			print "verb", $1, arguments
		}
		/^  +-/ {
			line = substr($0, 1, 29)
			argument = match(line, / [A-Z]+ /) ? substr(line, RSTART + 1, RLENGTH - 2) : "-"
			while (match(line, /--?[a-zA-Z][a-z-]*/)) {
				print "option", substr(line, RSTART, RLENGTH), argument
				line = substr(line, RSTART + RLENGTH)
			}
		}'
}

# What an argument of this name can be: that of an option, or what the option itself tells more about.
_vfiobind_values() {
	case $1 in
	*'|'*) tr '|' '\n' <<<"$1" ;;
	DEVICE*) (cd /sys/bus/pci/devices 2>/dev/null && printf '%s\n' *:*) ;;
	FILE) compgen -f -- "$3" ;;
	TYPE) printf '%s\n' none host vfio xen userspace ;;
	WHEN) printf '%s\n' auto always never ;;
	esac
	case $2 in
	-d | --driver) (cd /sys/bus/pci/drivers 2>/dev/null && printf '%s\n' vfio *vfio*) ;;
	-m | --method) printf '%s\n' flr af_flr pm bus device_specific acpi cxl_bus ;;
	esac
}

# Of a verb's arguments that at a position; the last stands for all that follow if it can be repeated.
_vfiobind_argument() {
	local -a arguments
	read -ra arguments <<<"$2"
	if (($1 >= ${#arguments[@]})) && [[ $2 == *... ]]; then echo "${arguments[-1]}"; else echo "${arguments[$1]}"; fi
}

_vfiobind() {
	local line=${COMP_LINE:0:COMP_POINT} word previous='' verb='' given kind name argument expected='' broken='' position=0 words replies
	local -a typed
	COMPREPLY=()
	read -ra typed <<<"$line"
	# The words as they are typed: bash takes an address apart at its colons, and an option at its "=".
	word=''
	if [[ $line != *[[:space:]] ]]; then
		word=${typed[-1]}
		unset 'typed[-1]'
	fi
	words=$(_vfiobind_words "${typed[0]}")
	for given in "${typed[@]:1}"; do
		[[ -z $verb || -n $previous || $given == -* ]] || ((position += 1))
		if [[ -z $verb && $previous != option && " $words " == *"verb $given "* ]]; then
			verb=$given
			words=$(_vfiobind_words "${typed[0]}" "$verb")$'\n'$(grep "^verb $verb " <<<"$words")
		fi
		previous=''
		while read -r kind name argument; do
			[[ $kind == option && $name == "$given" && $argument != - ]] && previous=option && expected=$name
		done <<<"$words"
	done
	given=$word
	[[ $word == --*=* ]] && previous=option expected=${word%%=*} given=${word#*=}
	replies=$(while read -r kind name argument; do
		case $kind:$previous in
		option:option) [[ $name == "$expected" ]] && _vfiobind_values "$argument" "$name" "$given" ;;
		option:) [[ $word == -* ]] && printf '%s\n' "$name" ;;
		verb:) if [[ $verb ]]; then _vfiobind_values "$(_vfiobind_argument "$position" "$argument")" '' "$given"; else printf '%s\n' "$name"; fi ;;
		esac
	done <<<"$words")
	# Only what is behind the last place where bash breaks words is replaced.
	[[ $COMP_WORDBREAKS == *:* ]] && broken=${given%"${given##*:}"}
	# Not compgen -W: it would run what a file's name says.
	while IFS= read -r name; do
		[[ $name && $name == "$given"* ]] && COMPREPLY+=("${name#"$broken"}")
	done <<<"$replies"
}

complete -F _vfiobind vfiobind
