#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
pages.py names HEADER                    the names of the manual pages that HEADER gives, one a line
pages.py write HEADER VERSION DIRECTORY  writes them

The contract of a function is in the header, in the comment above it, and nowhere else. The header's sections are the
topics, a page each; a name that is declared there is a link to it. What is before the first section is libvfiobind(3).
"""
import pathlib
import re
import sys

LIBRARY = 'libvfiobind'
SECTION = re.compile(r'^/\* -{20,} (.*) \*/$', re.MULTILINE)
# A comment for the reader, and what it is about: up to the end of the declaration, or of the lines of a macro.
ITEM = re.compile(r'/\*\*\n?(?P<comment>.*?)\*/\n(?P<code>#define(?:[^\n]*\\\n)*[^\n]*\n|.*?;\n(?=\n|$))', re.DOTALL)
MACRO = re.compile(r'^#define \w+_INIT(?:.*\\\n)*.*\n', re.MULTILINE)


def escape(text, hyphen='-'):
    text = text.replace('\\', '\\e').replace('-', hyphen).replace('…', '...')
    text = ''.join(c if ord(c) < 127 else f'\\[u{ord(c):04X}]' for c in text)
    return re.sub(r"^(?=[.'])", r'\\&', text, flags=re.MULTILINE)


def uncomment(comment):
    return '\n'.join(re.sub(r'^\s*\* ?', '', line) for line in comment.strip().split('\n')).strip()


def prose(text):
    """Fills paragraphs, and sets off parameters and members, functions and header files."""
    text = escape(' '.join(text.split()))
    text = re.sub(r'@(\w+)', r'\\fI\1\\fP', text)
    return re.sub(r'\b(vfiobind_\w+)\(\)', r'\\fB\1\\fP()', text)


def paragraphs(text):
    """A list's items begin with a hyphen, a parameter's with its name."""
    for part in re.split(r'\n\s*\n|\n(?=- |@\w+: )', text):
        item = re.match(r'@(\w+): (.*)', part, re.DOTALL)
        if item:
            yield f'.TP\n.I {item[1]}\n{prose(item[2])}'
        elif part.startswith('- '):
            yield f'.IP \\(bu 2\n{prose(part[2:])}'
        elif part.strip():
            yield f'.PP\n{prose(part)}'


def code(text):
    text = escape(text.rstrip('\n').replace('\t', '    '), '\\-')
    return f'.PP\n.nf\n{text}\n.fi'


def wrap(begin, parameters):
    """A prototype, in lines that a terminal has room for."""
    text = f'{begin}({", ".join(parameters)});\n'
    return text if len(text) < 72 else f'{begin}(\n' + ',\n'.join('\t' + p for p in parameters) + ');\n'


class Item:
    def __init__(self, match):
        self.comment, self.code = uncomment(match['comment']), match['code']
        prototype = re.fullmatch(r'([\w\s*]*?\b(vfiobind_\w+))\(([^{}]*)\);\n', self.code)
        self.function = prototype[2] if prototype else None
        if prototype:
            self.code = wrap(prototype[1], re.split(r',\s+', prototype[3]))

    def description(self):
        text, _, rest = self.comment.partition('\nReturns: ')
        returns, _, since = rest.rpartition(' Since: ')
        yield f'.SS {self.function}()'
        yield from paragraphs(text)
        yield f'.PP\nReturns: {prose(returns)}\n.PP\nSince: {since}.'

    def type(self):
        yield from paragraphs(self.comment)
        yield code(self.code)


class Page:
    def __init__(self, title, text):
        self.title = title
        self.name = 'vfiobind_' + title.split(' and ')[0].replace(' ', '_')
        self.items = [Item(match) for match in ITEM.finditer(text)]
        self.macros = MACRO.findall(text)
        self.functions = [item.function for item in self.items if item.function]

    def lines(self, version, others):
        yield f'.TH {self.name} 3 "" "{LIBRARY} {version}" "Library functions"\n.SH NAME'
        yield f'{", ".join(dict.fromkeys([self.name] + self.functions))} \\- {LIBRARY}: {self.title}'
        yield '.SH SYNOPSIS\n.nf\n#include <vfiobind.h>\n.fi'
        for item in self.items:
            if item.function:
                yield code(item.code)
        yield '.SH DESCRIPTION\nWhat is true for all functions is in\n.BR libvfiobind (3).'
        for item in self.items:
            if item.function:
                yield from item.description()
        yield '.SH TYPES'
        for item in self.items:
            if not item.function:
                yield from item.type()
        for macro in self.macros:
            yield code(macro)
        yield from see_also([LIBRARY] + [other.name for other in others if other is not self])


def see_also(names):
    yield '.SH SEE ALSO'
    yield ',\n'.join(f'.BR {name} (3)' for name in sorted(names)) + ',\n.BR vfiobind (8)'


def library_lines(intro, version, pages):
    yield f'.TH {LIBRARY} 3 "" "{LIBRARY} {version}" "Library functions"\n.SH NAME'
    comment = uncomment(re.search(r'/\*\*(.*?)\*/', intro, re.DOTALL)[1])
    summary, _, rest = comment.partition('\n\n')
    yield f'{LIBRARY} \\- {prose(summary.partition(": ")[2]).rstrip(".")}'
    yield '.SH SYNOPSIS\n.nf\n#include <vfiobind.h>\n.fi\n.PP\ncc ... $(pkg\\-config \\-\\-cflags \\-\\-libs libvfiobind)'
    yield '.SH DESCRIPTION'
    yield from paragraphs(rest)
    yield '.SH FUNCTIONS'
    for page in pages:
        yield f'.TP\n.BR {page.name} (3)\n{", ".join(page.functions)}'
    yield from see_also([page.name for page in pages])


def read_pages(header):
    parts = SECTION.split(pathlib.Path(header).read_text())
    return parts[0], [Page(title, text) for title, text in zip(parts[1::2], parts[2::2])]


def join(lines):
    """Without a paragraph where a heading has begun one."""
    text = '.\\" Made of vfiobind.h by pages.py.\n' + '\n'.join(lines) + '\n'
    return re.sub(r'^(\.S[HS] .*\n)\.PP\n', r'\1', text, flags=re.MULTILINE)


def main(verb, header, version='', directory=''):
    intro, pages = read_pages(header)
    # A topic may be called as its function.
    files = {function: f'.so man3/{page.name}.3\n' for page in pages for function in page.functions}
    files.update({page.name: join(page.lines(version, pages)) for page in pages})
    files[LIBRARY] = join(library_lines(intro, version, pages))
    for name, text in files.items():
        if verb == 'names':
            print(f'{name}.3')
        else:
            pathlib.Path(directory, f'{name}.3').write_text(text)


main(*sys.argv[1:])
