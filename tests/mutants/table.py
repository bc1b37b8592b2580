# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tables of mutants: what is broken where, by whom it is to be caught, or why it survives."""
import dataclasses


class Failure(Exception):
    """Something is wrong with a table, a source or a test: not what is being tried."""


@dataclasses.dataclass
class Mutant:
    line: int
    file: str
    broken: str
    user: str = ""
    old: str = ""
    new: str = ""
    survives: str = ""
    caught: list = dataclasses.field(default_factory=list)

    def apply(self, text, path):
        """The text of the file with what is broken in it."""
        if not self.old or text.count(self.old) != 1:
            raise Failure(f"line {self.line} of the table: occurs {text.count(self.old) if self.old else 0} times in "
                          f"{path}, not once:\n{self.old}")
        return text.replace(self.old, self.new)


def parse(path):
    """
    `FILE: WHAT IS BROKEN`, then lines with - that must be there once, with + what they become; `caught: TEST` for each
    test that has to fail; `survives: WHY`. `HEADER (SOURCE): …` for a header of which only that source uses the line.
    """
    mutants = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        if line[0] in "-+":
            if not mutants:
                raise Failure(f"{path.name}:{number}: no mutant to belong to")
            kind = "old" if line[0] == "-" else "new"
            setattr(mutants[-1], kind, getattr(mutants[-1], kind) + line[1:] + "\n")
        elif line.startswith("survives: "):
            mutants[-1].survives = line.removeprefix("survives: ")
        elif line.startswith("caught: "):
            mutants[-1].caught.append(line.removeprefix("caught: "))
        else:
            file, colon, broken = line.partition(": ")
            if not colon:
                raise Failure(f"{path.name}:{number}: FILE: WHAT IS BROKEN")
            file, _, user = file.partition(" (")
            mutants.append(Mutant(number, file, broken, user=user.removesuffix(")")))
    for mutant in mutants:  # the last line may be the middle of one
        mutant.old, mutant.new = mutant.old.removesuffix("\n"), mutant.new.removesuffix("\n")
    return mutants
