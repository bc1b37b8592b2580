#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
agree.py VFIOBIND SOURCE man|bash|zsh: what --help says of verbs and options is what the manual page says, and what is
completed. A verb or an option that is in one and not in another fails.

agree.py MOCKSYS SOURCE mocksys: the same of its verbs, options and manual page.

agree.py VFIOBIND SOURCE json, on the machine two-vfs: the keys of the documents are those in the manual page.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys

VFIOBIND, SOURCE = sys.argv[1], pathlib.Path(sys.argv[2])
GLOBAL = {'--timeout', '--color', '--verbose', '--help', '--version'}


def run(*command, **keywords):
    return subprocess.run(command, check=True, capture_output=True, text=True, **keywords).stdout


def help_of(*verb):
    return run(VFIOBIND, *verb, '--help')


def verbs_of(text):
    """The verbs of a help, with their arguments."""
    # One without an argument has more blanks than a column has.
    return dict(re.findall(r'^  ([a-z]+) (?: {0,8}(\S.*?)  )?', text, re.MULTILINE))


def options_of(text):
    """The options of a help: the long name, with the letter and the argument."""
    return {name: (letter, argument.upper()) for letter, name, argument in
            re.findall(r'^  +(?:(-\w), )? *(--[\w-]+)(?: ([A-Z]+))?(?: |$)', text, re.MULTILINE)}


VERBS = verbs_of(help_of()) if sys.argv[3] != 'mocksys' else {}
OPTIONS = {verb: options_of(help_of(verb)) for verb in VERBS}


def unroff(text):
    return re.sub(r'\\f[BIRP]', '', text.replace('\\-', '-').replace('"', '').replace('\\&', ''))


def check(what, found, expected):
    if found != expected:
        sys.exit(f'{what}: {found}\nnot as --help has it: {expected}')
    print(f'{what}: {len(found)}')


def sections_of(page):
    """Of a manual page each section's entries: what is set off, and the text that belongs to it."""
    parts = re.split(r'^\.SH (.*)\n', page.read_text(), flags=re.MULTILINE)
    return {title: {unroff(tag): unroff(text) for tag, text in
                    re.findall(r'^\.TP\n\.[BIR]+ (.*)\n((?:(?!\.TP\n)(?!\.SH ).*\n)*)', body, re.MULTILINE)}
            for title, body in zip(parts[1::2], parts[2::2])}


def check_described(sections, options_of_verbs):
    described = {}
    for tag in sections['OPTIONS']:
        name = re.search(r'--[a-z-]+', tag)[0]
        letter = re.match(r'(-\w) ,', tag)
        described[name] = (letter[1] if letter else '', tag.partition(name)[2].strip().upper())
    check('options', described, {name: form for options in options_of_verbs for name, form in options.items()})


def check_mocksys():
    """Its help has a line for each verb, and the help of that its options."""
    sections = sections_of(SOURCE / 'mocks/cli/mocksys.1')
    texts = {tag.partition(' ')[0]: text for tag, text in sections['VERBS'].items()}
    options = {verb: options_of(help_of(verb)) for verb in re.findall(r'^  ([a-z]+) ', help_of(), re.MULTILINE)}
    check('verbs', set(texts), set(options))
    for verb, text in texts.items():
        check(f'options of {verb}', set(re.findall(r'--[a-z-]+', text.rpartition('Option')[2])),
              set(options[verb]) - GLOBAL)
    check_described(sections, [*options.values(), {'--help': ('-h', ''), '--version': ('', '')}])


def check_man():
    sections = sections_of(SOURCE / 'lib/cli/vfiobind.8')
    entries = {}
    for tag, text in sections['VERBS'].items():
        verb, _, arguments = tag.partition(' ')
        words, options = entries.setdefault(verb, (set(), set()))
        words.update(re.findall(r'\w+', arguments.upper()))
        options.update(re.findall(r'--[a-z-]+', text.partition('Option')[2]))
    check('verbs', set(entries), set(VERBS))
    for verb, (words, options) in entries.items():
        check(f'arguments of {verb}', words, set(re.findall(r'\w+', VERBS[verb].upper())))
        check(f'options of {verb}', options, set(OPTIONS[verb]) - GLOBAL)
    check_described(sections, OPTIONS.values())


def complete_in_bash(line):
    script = 'source "$1"; COMP_LINE=$2 COMP_POINT=${#2}; _vfiobind; printf "%s\\n" "${COMPREPLY[@]}"'
    return set(run('bash', '-c', script, 'bash', SOURCE / 'lib/cli/completion/vfiobind.bash', line).split())


def words_of(options):
    return set(options) | {letter for letter, _ in options.values() if letter}


def check_bash():
    check('verbs', complete_in_bash(f'{VFIOBIND} '), set(VERBS))
    check('verbs in re', complete_in_bash(f'{VFIOBIND} --color never re'),
          {verb for verb in VERBS if verb.startswith('re')})
    check('options', complete_in_bash(f'{VFIOBIND} -'), words_of(options_of(help_of())))
    for verb, options in OPTIONS.items():
        check(f'options of {verb}', complete_in_bash(f'{VFIOBIND} --timeout 3 {verb} -'), words_of(options))
    kinds = {'none', 'host', 'vfio', 'xen', 'userspace'}
    for line in 'list --driver-type ', 'list --driver-type=', 'list --tree --driver-type ':
        check(line, complete_in_bash(f'{VFIOBIND} {line}'), kinds)
    check('the argument of --color', complete_in_bash(f'{VFIOBIND} --color a'), {'auto', 'always'})
    devices = {path.name for path in pathlib.Path('/sys/bus/pci/devices').glob('*')}
    check('devices', complete_in_bash(f'{VFIOBIND} detach --driver vfio-pci '), devices)
    if 'hostdev' in VERBS:
        check('what hostdev does', complete_in_bash(f'{VFIOBIND} hostdev --domain web '), {'prepare', 'release'})
    check('devices of domain 0', complete_in_bash(f'{VFIOBIND} show 0000:'),
          {device[5:] for device in devices if device.startswith('0000:')})


# What zsh's own functions would be given.
ZSH = r'''
_arguments() { print -rl -- option:${^@}; [[ $* == *-\>verb* ]] && { state=$STATE; words=($WORD) }; true }
_describe() { print -rl -- verb:${^verbs} }
_call_program() { shift; "$@" }
compdef() { }
path=(${1:h} $path) STATE=$3 WORD=$4
source $2
'''


def complete_in_zsh(state, word=''):
    lines = run('zsh', '-f', '-c', ZSH, 'zsh', VFIOBIND, SOURCE / 'lib/cli/completion/_vfiobind', state, word)
    return lines.splitlines()


def check_zsh():
    check('verbs', {line[5:].partition(':')[0] for line in complete_in_zsh('verb') if line.startswith('verb:')},
          set(VERBS))
    for verb, options in OPTIONS.items():
        lines = complete_in_zsh('argument', verb)
        # Those that every verb has come first, for where there is no verb yet.
        own = lines[lines.index('option:*::argument:->argument') + 1:]
        forms = re.findall(r'^option:\((.*?) ?(--\S+)\)(-\S+?)(=|\+|)\[.*?\](?::([A-Z]*))?', '\n'.join(own), re.MULTILINE)
        check(f'options of {verb}', {(name, letter, argument) for letter, name, _, _, argument in forms},
              {(name, letter, argument) for name, (letter, argument) in options.items()})
        check(f'words of {verb}', {form[2] for form in forms}, words_of(options))
        arguments = re.findall(r'^option:[*\d]:(.*?):', '\n'.join(own), re.MULTILINE)
        check(f'arguments of {verb}', arguments, VERBS[verb].split())


def document(*command):
    """Of success and failure alike."""
    result = subprocess.run([VFIOBIND, *command, '--json'], check=False, capture_output=True, text=True, input=DOMAIN)
    return json.loads(result.stdout)


def keys_of(value):
    if isinstance(value, dict):
        return set(value) | {key for member in value.values() for key in keys_of(member)}
    return {key for member in value for key in keys_of(member)} if isinstance(value, list) else set()


VF, PF = '0000:04:10.0', '0000:04:00.0'
DOMAIN = """<domain><name>web</name><devices><hostdev mode='subsystem' type='pci' managed='yes'>
    <source><address domain='0' bus='4' slot='16' function='0'/></source></hostdev></devices></domain>"""
# In an order in which each has something to tell: of success, and of failure.
DOCUMENTS = {
    'list': [['--all'], []], 'explain': [[VF]], 'doctor': [[]],
    'detach': [[VF, '--dry-run'], [VF, '--driver', 'igb'], [VF], [PF]],
    'show': [[VF], ['nosuch']],
    'reset': [[VF], [VF, '--method', 'nosuch']],
    'reattach': [[VF, '--dry-run'], [VF]],
    'hostdev': [['prepare', '-'], ['release', '-'], ['release', '/nosuch']],
    'sriov': [[PF], [PF, '--numvfs', '0'], [PF, '--numvfs', '1']],
    'repair': [[]],
}


def check_json():
    page = (SOURCE / 'lib/cli/vfiobind.8').read_text()
    described = unroff(re.search(r'^\.SH JSON\n(.*?)^\.TS', page, re.MULTILINE | re.DOTALL)[1])
    check('verbs', set(DOCUMENTS), set(VERBS))
    for verb, commands in DOCUMENTS.items():
        keys = {key for arguments in commands for key in keys_of(document(verb, *arguments))}
        check(f'keys of {verb} in the page', {key for key in keys if re.search(rf'\b{key}\b', described)}, keys)
    listed = re.sub(r'\(.*?\)', '', re.search(r'with the keys (.*?)\.\n', described, re.DOTALL)[1], flags=re.DOTALL)
    # error is there where a device could not be read.
    check('keys that the page has for show', set(re.findall(r'\w+', listed)), set(document('show', VF)) | {'error'})


if sys.argv[3] in ('json', 'mocksys'):
    {'json': check_json, 'mocksys': check_mocksys}[sys.argv[3]]()
    sys.exit()
program = {'man': 'sh', 'bash': 'bash', 'zsh': 'zsh'}[sys.argv[3]]
if not shutil.which(program):
    print(f'skipped: there is no {program}')
    sys.exit(77)
{'man': check_man, 'bash': check_bash, 'zsh': check_zsh}[sys.argv[3]]()
