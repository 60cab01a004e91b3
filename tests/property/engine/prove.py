"""Ten thousand sequences: `python -m tests.property.engine.prove --sequences 10000 --seed 7`; `--only 12` does one.

Prints the count, the seed, what was reached and how often, and each failure as a test of a few lines, which is written
into a folder of tests. Ends with 1 when a sequence failed, or when a block or a strategy was not reached.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from penstock.base.errors import ConfigError, PenstockError
from tests.property.engine.case import Case, script
from tests.property.engine.choose import by_random
from tests.property.engine.drive import DiffersError, hold
from tests.property.engine.oracle import InvalidCaseError
from tests.property.engine.reach import Reach
from tests.property.engine.sequence import BLOCKS, Made, make
from tests.property.engine.shrink import shrink

FOUND = Path("tests/unit/refresh/found")
_CHUNK = 25
_MOST_INVALID = 0.02  # cases that DuckDB itself cannot compute say nothing; more of them are a fault of the grammar
_MOST_SHRUNK = 3  # in one chunk: what fails everywhere need not be shrunk everywhere


@dataclass
class Proof:
    """What some sequences have shown."""

    done: int = 0
    reach: Reach = field(default_factory=Reach)
    invalid: list[tuple[int, str]] = field(default_factory=list)
    failed: dict[int, tuple[str, str]] = field(default_factory=dict)  # what was wrong, and the script

    def join(self, other: Proof) -> None:
        """Add what others have shown."""
        self.done += other.done
        self.reach.join(other.reach)
        self.invalid += other.invalid
        self.failed |= other.failed


def sequence(seed: int, number: int) -> Made:
    """Return a sequence by its number: every block has its turn as the outermost of a table."""
    wanted = ["", *sorted(BLOCKS)]
    return make(by_random(random.Random(f"{seed}/{number}")), wanted[number % len(wanted)])


def wrong(case: Case) -> tuple[str, str]:
    """Return the kind of what is wrong with a case, and what; an error that nobody foresaw is wrong too."""
    try:
        hold(case)
    except (InvalidCaseError, ConfigError):  # a case made smaller may make no sense any more
        return "", ""
    except Exception as error:  # noqa: BLE001  # whatever an engine raises is to be told, and shrunk
        return _told(error)
    return "", ""


def _told(error: Exception) -> tuple[str, str]:
    kind = type(error).__name__
    return kind, str(error) if isinstance(error, (DiffersError, PenstockError)) else f"{kind}: {error}"


def some(seed: int, numbers: range, seconds: float) -> Proof:
    """Put some sequences through."""
    proof = Proof()
    for number in numbers:
        made = sequence(seed, number)
        proof.done += 1
        try:
            proof.reach.add(made, hold(made.case))
        except InvalidCaseError as error:
            proof.invalid.append((number, str(error)))
        except Exception as error:  # noqa: BLE001  # as above
            kind, what = _told(error)
            case = made.case
            if len(proof.failed) < _MOST_SHRUNK and seconds:
                # What goes wrong in another way shows something else.
                case = shrink(case, lambda smaller, kind=kind: wrong(smaller)[0] == kind, seconds)
                what = wrong(case)[1] or what
            proof.failed[number] = what, script(case, f"found with seed {seed}, sequence {number}:\n{what}")
    return proof


def prove(args: argparse.Namespace) -> Proof:
    """Put all sequences through, in processes side by side."""
    chunks = [range(at, min(at + _CHUNK, args.sequences)) for at in range(0, args.sequences, _CHUNK)]
    proof, told, started = Proof(), 0, time.monotonic()
    with ProcessPoolExecutor(args.jobs) as pool:
        for ready in as_completed([pool.submit(some, args.seed, chunk, args.shrink) for chunk in chunks]):
            some_of_it = ready.result()
            proof.join(some_of_it)
            for number, (what, _) in some_of_it.failed.items():
                print(f"sequence {number} failed: {what.splitlines()[0]}", flush=True)
            if proof.done * 10 // args.sequences > told:
                told = proof.done * 10 // args.sequences
                rate = proof.done / (time.monotonic() - started)
                print(f"{proof.done:>7,} sequences, {rate:.1f} a second, {len(proof.failed)} failed", flush=True)
    return proof


def report(args: argparse.Namespace, proof: Proof) -> int:
    """Print what was shown; returns 1 where it is no proof."""
    print(f"\n{proof.reach.table()}\n")
    for number, text in proof.invalid[:5]:
        print(f"sequence {number} says nothing, DuckDB cannot compute it: {text.splitlines()[0]}")
    for number, (what, text) in sorted(proof.failed.items()):
        args.found.mkdir(parents=True, exist_ok=True)
        file = args.found / f"test_seed_{args.seed}_{number}.py"
        file.write_text(text, encoding="utf-8")
        print(f"sequence {number} failed: {what}\n{text}kept as {file}\n")
    missing = proof.reach.missing() if args.sequences >= len(BLOCKS) else []
    many = len(proof.invalid) > max(1, proof.done * _MOST_INVALID)
    print(
        f"{proof.done:,} sequences, {proof.reach.steps:,} steps, seed {args.seed}: {len(proof.failed)} failed, "
        f"{len(proof.invalid)} said nothing{' (too many)' if many else ''}; "
        f"not reached: {', '.join(missing) or 'nothing'}"
    )
    return int(bool(proof.failed or missing or many))


def main() -> int:
    """Prove it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=None, help="by default a new one, printed at the end")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", type=int, default=None, help="the number of one sequence, to be put through here")
    parser.add_argument(
        "--shrink", type=float, default=60.0, help="seconds for making a failing case small; 0 for none"
    )
    parser.add_argument("--found", type=Path, default=FOUND, help="where failing cases are written")
    args = parser.parse_args()
    if args.seed is None:
        args.seed = random.SystemRandom().randrange(10**6)
    print(f"seed {args.seed}", flush=True)
    if args.only is not None:
        args.sequences = 1
        return report(args, some(args.seed, range(args.only, args.only + 1), args.shrink))
    return report(args, prove(args))


if __name__ == "__main__":
    sys.exit(main())
