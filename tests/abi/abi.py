#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
abi.py types HEADER MAP > C-FILE     a program in C whose debugging information holds all that HEADER declares
abi.py check PREFIX OBJECT LIBRARY LIST [--update]
                                     OBJECT, made of that program, and LIBRARY offer what LIST says

A list is what a program that was compiled against a library relies on: exported functions with their types, sizes of
structures, offsets of members, values of enumerators. What is in it must not change or go. What is new is only named: a
function, a value, a member at the end of a structure that the library allocates or that says its own size. Before a release
it is written down: ninja -C BUILD abi-update-vfiobind, then read the difference as part of the change.
"""
import re
import sys

from elftools.elf.elffile import ELFFile

SIMPLE = {'DW_TAG_pointer_type': '{} *', 'DW_TAG_const_type': 'const {}', 'DW_TAG_volatile_type': 'volatile {}'}
TAGGED = {'DW_TAG_structure_type': 'struct', 'DW_TAG_union_type': 'union', 'DW_TAG_enumeration_type': 'enum'}


def functions_of(map_file):
    return re.findall(r'^\t(\w+);$', open(map_file).read(), re.MULTILINE)


def write_types(header, map_file):
    print(f'#include <{header}>')
    for function in functions_of(map_file):
        print(f'extern __typeof__({function}) *const abi_{function}; __typeof__({function}) *const abi_{function} = 0;')


def name_of(die):
    return die.attributes['DW_AT_name'].value.decode() if 'DW_AT_name' in die.attributes else ''


def type_of(die):
    return die.get_DIE_from_attribute('DW_AT_type') if 'DW_AT_type' in die.attributes else None


def parameters_of(die):
    kinds = {'DW_TAG_formal_parameter': lambda child: spell(type_of(child)),
             'DW_TAG_unspecified_parameters': lambda _: '...'}
    return ', '.join(kinds[child.tag](child) for child in die.iter_children() if child.tag in kinds) or 'void'


def bounds_of(die):
    return ''.join(f'[{child.attributes["DW_AT_upper_bound"].value + 1}]' for child in die.iter_children()
                   if child.tag == 'DW_TAG_subrange_type')


def spell(die):
    if die is None:
        return 'void'
    if die.tag in SIMPLE:
        return SIMPLE[die.tag].format(spell(type_of(die)))
    if die.tag in TAGGED:
        return f'{TAGGED[die.tag]} {name_of(die)}'
    if die.tag == 'DW_TAG_array_type':
        return spell(type_of(die)) + bounds_of(die)
    if die.tag == 'DW_TAG_subroutine_type':
        return f'{spell(type_of(die))} ({parameters_of(die)})'
    return name_of(die)


def describe_structure(die):
    yield f'{spell(die)}: {die.attributes["DW_AT_byte_size"].value} bytes'
    for member in die.iter_children():
        offset = member.attributes['DW_AT_data_member_location'].value
        yield f'{spell(die)}: at {offset} {name_of(member)}, {spell(type_of(member))}'


def describe_enumeration(die):
    yield f'{spell(die)}: {die.attributes["DW_AT_byte_size"].value} bytes'
    for value in die.iter_children():
        yield f'{spell(die)}: {name_of(value)} = {value.attributes["DW_AT_const_value"].value}'


def describe_function(die):
    function = type_of(type_of(type_of(die)))
    yield f'function {name_of(die)[len("abi_"):]}: {spell(function)}'


def describe_types(path, prefix):
    describers = {'DW_TAG_structure_type': describe_structure, 'DW_TAG_enumeration_type': describe_enumeration,
                  'DW_TAG_variable': describe_function}
    with open(path, 'rb') as file:
        for unit in ELFFile(file).get_dwarf_info().iter_CUs():
            for die in unit.get_top_DIE().iter_children():
                if die.tag not in describers or 'DW_AT_declaration' in die.attributes or \
                        not name_of(die).startswith((prefix, 'abi_')) or 'DW_AT_specification' in die.attributes:
                    continue
                yield from describers[die.tag](die)


def describe_symbols(path):
    with open(path, 'rb') as file:
        elf = ELFFile(file)
        versions, definitions = elf.get_section_by_name('.gnu.version'), elf.get_section_by_name('.gnu.version_d')
        names = {definition['vd_ndx']: next(auxiliaries).name for definition, auxiliaries in
                 definitions.iter_versions()}
        for number, symbol in enumerate(elf.get_section_by_name('.dynsym').iter_symbols()):
            if symbol['st_shndx'] not in ('SHN_UNDEF', 'SHN_ABS') and symbol['st_info']['bind'] == 'STB_GLOBAL':
                index = versions.get_symbol(number)['ndx']
                yield f'symbol {symbol.name}@{names.get(index, index)}'
        for tag in elf.get_section_by_name('.dynamic').iter_tags('DT_SONAME'):
            yield f'soname {tag.soname}'


def has_grown(line, now):
    """Members are lines of their own, and have to be where they were."""
    size = re.fullmatch(r'(struct \w+): (\d+) bytes', line)
    return size and any(int(found[1]) > int(size[2]) for found in
                        (re.fullmatch(size[1] + r': (\d+) bytes', other) for other in now) if found)


def check(prefix, object_file, library, list_file, update):
    now = sorted(set(describe_types(object_file, prefix)) | set(describe_symbols(library)))
    if update:
        with open(list_file, 'w') as file:
            file.writelines(line + '\n' for line in now)
        return 0
    then = open(list_file).read().splitlines()
    gone = [line for line in then if line not in now and not has_grown(line, now)]
    for line in sorted(set(now) - set(then)):
        print(f'new:  {line}')
    for line in gone:
        print(f'gone: {line}')
    if gone:
        print(f'A program that was compiled before does not work any more. Was it meant, and nothing of it released: '
              f'ninja -C BUILD abi-update-{prefix.rstrip("_")}')
    print(f'{len(then)} lines, {len(gone)} of them not so')
    return 1 if gone else 0


def main(arguments):
    if arguments[0] == 'types':
        write_types(*arguments[1:])
        return 0
    # A test prints why it is skipped.
    if ELFFile(open(arguments[2], 'rb')).elfclass != 64:
        print('skipped: the lists are those of a machine with pointers of 64 bits')
        return 77
    return check(*arguments[1:5], '--update' in arguments[5:])


sys.exit(main(sys.argv[1:]))
