"""A reader's budget: names every file over 500 lines and every function over 50, and fails if any is."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

FILE_LINES = 500
FUNCTION_LINES = 50


def over_budget(path: Path) -> Iterator[str]:
    """One sentence for the file and one for each function in it that is too long."""
    text = path.read_text(encoding="utf-8")
    lines = text.count("\n") + (not text.endswith("\n"))
    if lines > FILE_LINES:
        yield f"{path}:1: {lines} lines in a file, {FILE_LINES} at most"
    for node in ast.walk(ast.parse(text, filename=str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                yield f"{path}:{node.lineno}: {length} lines in {node.name}, {FUNCTION_LINES} at most"


def main(folders: list[str]) -> int:
    """Checks every Python file under the folders; 1 if any is over budget."""
    paths = sorted(path for folder in folders for path in Path(folder).rglob("*.py"))
    found = [sentence for path in paths for sentence in over_budget(path)]
    for sentence in found:
        print(sentence)
    print(f"{len(paths)} files, {len(found)} over the reader's budget")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
