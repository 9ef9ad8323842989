#!/usr/bin/env python3
"""Holds what outside checkers found against hardening.tsv: a finding without a reason ends with a failure, a reason without its
finding too. Arguments: hardening.tsv, the folder of the checkers' answers."""
import json
import sys
from pathlib import Path

reasons_file, answers = Path(sys.argv[1]), Path(sys.argv[2])
KERNEL, LYNIS = "kernel-hardening-checker", "lynis"


def reasons() -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for number, line in enumerate(reasons_file.read_text().splitlines(), 1):
        if line and not line.startswith("#"):
            fields = line.split("\t")
            if len(fields) != 3 or not all(fields) or tuple(fields[:2]) in found:
                sys.exit(f"{reasons_file.name}, ligne {number} : il faut contrôleur, constat et raison, une fois chacun ; corrigez-la")
            found[fields[0], fields[1]] = fields[2]
    return found


def kernel() -> tuple[int, set[str]] | None:
    """Checks that are good, and findings; None: the checker could not be had."""
    answer = answers / "kernel.json"
    if not answer.exists():
        return None
    checks = json.loads(answer.read_text())
    return sum(check["check_result_bool"] for check in checks), {check["option_name"] for check in checks if not check["check_result_bool"]}


def lynis() -> tuple[int, set[str]]:
    """Tests made, and findings as `ID words`; LYNIS is the age of lynis itself."""
    lines = (answers / "lynis.dat").read_text().splitlines()
    told = dict(line.split("=", 1) for line in lines if "=" in line and "[]=" not in line)
    if "lynis_tests_done" not in told:
        sys.exit(f"lynis n'est pas allé au bout ; lisez {answers / 'lynis.out'}")
    found = [line.split("=", 1)[1].split("|") for line in lines if line.startswith(("warning[]=", "suggestion[]="))]
    return int(told["lynis_tests_done"]), {f"{words[0]} {words[1]}" for words in found if words[0] != "LYNIS"}


known, faults = reasons(), []
for checker, result in ((KERNEL, kernel()), (LYNIS, lynis())):
    if result is None:
        print(f"{checker} : NON FAIT, ses auteurs ne sont pas joignables d'ici ; donnez une copie par KERNEL_HARDENING_CHECKER=dossier")
        continue
    good, found = result
    told = {finding for name, finding in known if name == checker}
    unit = "bons" if checker == KERNEL else "contrôles"
    print(f"{checker} : {good} {unit}, {len(found)} constats laissés, avec leur raison :")
    for finding in sorted(found & told):
        print(f"  {finding} : {known[checker, finding]}")
    faults += [f"{checker} : « {finding} » est sans raison ; corrigez l'image, ou écrivez la raison dans {reasons_file.name}" for finding in sorted(found - told)]
    faults += [f"{checker} : « {finding} » n'est plus trouvé ; retirez sa ligne de {reasons_file.name}" for finding in sorted(told - found)]
faults += [f"{checker} : contrôleur inconnu ; retirez sa ligne de {reasons_file.name}" for checker in {name for name, _ in known} - {KERNEL, LYNIS}]
sys.exit("\n".join(faults) or 0)
