"""What a Python file says without being run: functions, parameters, annotations, a canonical form."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, TypeAlias

from penstock.base.errors import ConfigError, Place
from penstock.base.record import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

DECORATORS = ("table", "source", "sink")
FORMS = {
    "polars.DataFrame": "polars",
    "pandas.DataFrame": "pandas",
    "duckdb.DuckDBPyRelation": "relation",
    "collections.abc.Iterator": "batches",
    "collections.abc.Iterable": "batches",
    "typing.Iterator": "batches",
    "typing.Iterable": "batches",
    "arro3.core.Table": "arrow",
    "pyarrow.Table": "arrow",
    "typing.Any": "arrow",
    "Any": "arrow",
    "object": "arrow",
}
# Names that stand for their libraries even where the file does not say from where it has them.
_USUAL = {
    "pl": "polars", "pd": "pandas", "pa": "pyarrow", "DuckDBPyRelation": "duckdb.DuckDBPyRelation",
    "Iterator": "typing.Iterator", "Iterable": "typing.Iterable",
}  # fmt: skip
_LEFT_OUT = frozenset({"ctx", "type_comment", "kind", "lineno", "col_offset", "end_lineno", "end_col_offset"})

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
AnyFunction: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@record
class Parameter:
    """A parameter: whether it must be given, and the form its annotation asks for (None: an unknown one)."""

    name: str
    required: bool
    form: str | None
    annotation: str
    place: Place


@record
class Module:
    """A Python file, parsed."""

    path: str
    tree: ast.Module
    names: dict[str, str]

    def functions(self) -> dict[str, AnyFunction]:
        """Return the functions at the top level of the file by name; the last of a name counts."""
        return {node.name: node for node in self.tree.body if isinstance(node, _FUNCTIONS)}

    def place(self, node: ast.stmt | ast.expr | ast.arg) -> Place:
        """Return where a node stands."""
        return Place(self.path, node.lineno, node.col_offset + 1)

    def parameters(self, function: AnyFunction) -> Iterator[Parameter]:
        """Give the parameters that can be given by name."""
        found = function.args
        positional = [*found.posonlyargs, *found.args]
        optional = {id(arg) for arg in positional[len(positional) - len(found.defaults) :]} if found.defaults else set()
        optional |= {
            id(arg) for arg, value in zip(found.kwonlyargs, found.kw_defaults, strict=True) if value is not None
        }
        for arg in [*positional, *found.kwonlyargs]:
            text = ast.unparse(arg.annotation) if arg.annotation else ""
            yield Parameter(arg.arg, id(arg) not in optional, self._form(arg.annotation), text, self.place(arg))

    def _form(self, annotation: ast.expr | None) -> str | None:
        if annotation is None:
            return "arrow"
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            try:
                return self._form(ast.parse(annotation.value, mode="eval").body)
            except SyntaxError:
                return None
        if isinstance(annotation, ast.Subscript):
            if self._full(annotation.value).rpartition(".")[2] == "Annotated" and isinstance(
                annotation.slice, ast.Tuple
            ):
                return self._form(annotation.slice.elts[0])
            annotation = annotation.value
        return FORMS.get(self._full(annotation))

    def _full(self, node: ast.expr) -> str:
        """Return a dotted name with its first part replaced by what it was imported from."""
        parts = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        first = self.names.get(node.id) or _USUAL.get(node.id, node.id)
        return ".".join([first, *reversed(parts)])

    def is_ours(self, decorator: ast.expr) -> bool:
        """Tell whether a decorator is one of Penstock's."""
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        room, _, name = self._full(called).rpartition(".")
        return name in DECORATORS and room.partition(".")[0] == "penstock"

    def arguments(self) -> Iterator[tuple[str, str, Place]]:
        """Give the named arguments of Penstock's decorators: decorator, argument, place."""
        for function in self.functions().values():
            for decorator in function.decorator_list:
                if isinstance(decorator, ast.Call) and self.is_ours(decorator):
                    name = self._full(decorator.func).rpartition(".")[2]
                    for one in decorator.keywords:
                        if one.arg is not None:
                            yield name, one.arg, Place(self.path, one.lineno, one.col_offset + 1)

    def code(self, name: str) -> str:
        """Return the canonical form of a declared function with the code round it.

        Other declared functions, docstrings, comments, layout and the settings in Penstock's decorators do
        not count.
        """
        kept = []
        for node in self.tree.body[_has_docstring(self.tree) :]:
            decorators = node.decorator_list if isinstance(node, _FUNCTIONS) and node.name != name else []
            if not any(map(self.is_ours, decorators)):
                kept.append(node)
        return "\n".join(_dump(node, self) for node in kept)


def parse(path: str, text: str) -> Module:
    """Parse a Python file; raises `ConfigError` with the place of a mistake."""
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # said again, and better, when the file is run
            tree = ast.parse(text, path)
    except SyntaxError as error:
        where = Place(path, error.lineno or 0, error.offset or 0)
        raise ConfigError(f"this is not Python: {error.msg}", where=where) from None
    except ValueError as error:
        raise ConfigError(f"this is not Python: {error}", where=Place(path)) from None
    except (RecursionError, MemoryError):
        raise ConfigError("this Python is nested too deeply", where=Place(path)) from None
    return Module(path, tree, dict(_imports(tree)))


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (alias.asname, alias.name) if alias.asname else (alias.name.partition(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _dump(node: ast.AST, module: Module) -> str:
    """Write a tree down so that it reads the same whichever Python parsed it: empty fields are left out."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and _has_docstring(node):
        node = type(node)(**{**dict(ast.iter_fields(node)), "body": node.body[1:] or [ast.Pass()]})
    parts = []
    for name, value in ast.iter_fields(node):
        if name in _LEFT_OUT or value is None or value == []:
            continue
        if name == "decorator_list":
            value = [one for one in value if not module.is_ours(one)]  # noqa: PLW2901
        if value != []:
            parts.append(f"{name}={_dump_value(value, module)}")
    return f"{type(node).__name__}({', '.join(parts)})"


def _dump_value(value: object, module: Module) -> str:
    if isinstance(value, ast.AST):
        return _dump(value, module)
    if isinstance(value, list):
        return f"[{', '.join(_dump_value(one, module) for one in value)}]"
    return repr(value)


def _has_docstring(node: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    match node.body:
        case [ast.Expr(ast.Constant(str())), *_]:
            return True
    return False


def imported(module: Module, root: Path) -> dict[str, Module]:
    """Return the modules of the project that a file imports, and those that they import, by path below the root.

    Raises `ConfigError` for one that is not Python.
    """
    found: dict[str, Module] = {}
    waiting = [module]
    while waiting:
        for path in _imported_by(waiting.pop(), root):
            if path not in found and path != module.path:
                found[path] = parse(path, (root / path).read_text(encoding="utf-8", errors="replace"))
                waiting.append(found[path])
    return dict(sorted(found.items()))


def _imported_by(module: Module, root: Path) -> Iterator[str]:
    folders = module.path.split("/")[:-1]
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            wanted: Iterable[str] = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = folders[: len(folders) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            wanted = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in wanted:
            parts = name.split(".")
            for end in range(1, len(parts) + 1):
                yield from _file_of("/".join(parts[:end]), root)


def _file_of(path: str, root: Path) -> Iterator[str]:
    yield from (file for file in (f"{path}.py", f"{path}/__init__.py") if (root / file).is_file())
