"""Where the boxes and lines of a graph stand on paper: in layers from left to right, with few crossings.

After Sugiyama, Tagawa and Toda (1981): layers by longest paths, order within them by medians, and heights by fitting
them to those of the neighbours without changing the order (isotonic regression). All long lines of one box run
together until they part, so that a box with many readers is one line and not many. Boxes of one band share a strip of
their own. Everything is decided by names, never by chance: the same graph is always drawn the same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.base import graph
from penstock.base.record import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

GAP = 14.0
BETWEEN = 64.0
MARGIN = 16.0
HEAD = 26.0
_THIN = 6.0
_PAGE = 900.0
_WORK = 60_000
_MOST_SWEEPS = 12
_HEAVY = 4.0


@record
class Box:
    """What is to be placed: its size, and the name of the band that it belongs to, or nothing."""

    name: str
    width: float
    height: float
    band: str = ""


@record
class Frame:
    """A rectangle on paper."""

    x: float
    y: float
    width: float
    height: float


@record
class Layout:
    """Where each box stands, through which points each line runs, and what each band takes."""

    boxes: dict[str, Frame]
    lines: dict[tuple[str, str], tuple[tuple[float, float], ...]]
    bands: dict[str, Frame]
    width: float
    height: float


def layout(boxes: Sequence[Box], edges: Iterable[tuple[str, str]]) -> Layout:
    """Lay out boxes and the lines (from, to) between them; raises `graphlib.CycleError` where these go in circles.

    Boxes never overlap, and every line goes from left to right.

    >>> found = layout([Box("a", 50, 20), Box("b", 50, 20)], [("a", "b")])
    >>> found.boxes["a"].x < found.boxes["b"].x, found.lines["a", "b"]
    (True, ((66.0, 26.0), (130.0, 26.0)))
    """
    known = {box.name: box for box in sorted(boxes, key=lambda box: box.name)}
    lines = sorted({(a, b) for a, b in edges if a != b and a in known and b in known})
    joined = {name for line in lines for name in line}
    loose = [box for name, box in known.items() if name not in joined and not box.band]
    web = _Web({name: box for name, box in known.items() if name in joined or box.band}, lines)
    web.arrange()
    web.settle()
    return _with_loose(web.drawn(), loose)


def _with_loose(found: Layout, loose: Sequence[Box]) -> Layout:
    """Add the boxes without a line in rows below the others."""
    if not loose:
        return found
    frames = dict(found.boxes)
    room = max(found.width, _PAGE, 2 * MARGIN + max(box.width for box in loose))
    x, y, tallest, right = MARGIN, found.height if frames else MARGIN, 0.0, found.width
    for box in loose:
        if x > MARGIN and x + box.width + MARGIN > room:
            x, y, tallest = MARGIN, y + tallest + GAP, 0.0
        frames[box.name] = Frame(round(x, 1), round(y, 1), box.width, box.height)
        right, tallest = max(right, x + box.width + MARGIN), max(tallest, box.height)
        x += box.width + GAP
    return Layout(frames, found.lines, found.bands, round(right, 1), round(y + tallest + MARGIN, 1))


def layers(names: Iterable[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Return the layer of each node: after all that lead to it, and what many read or none leads to near its readers.

    >>> layers("abc", [("a", "b"), ("b", "c")])
    {'a': 0, 'b': 1, 'c': 2}
    """
    above: dict[str, list[str]] = {name: [] for name in names}
    below: dict[str, list[str]] = {name: [] for name in above}
    for source, target in edges:
        above[target].append(source)
        below[source].append(target)
    found: dict[str, int] = {}
    order = graph.order(above)
    for name in order:
        found[name] = max((found[one] + 1 for one in above[name]), default=0)
    for name in reversed(order):
        if len(below[name]) > len(above[name]) or (below[name] and not above[name]):
            found[name] = min(found[one] for one in below[name]) - 1
    return {name: found[name] for name in above}


class _Web:
    """A graph whose lines are cut into steps from one layer to the next; a node is a number, first all boxes."""

    def __init__(self, known: Mapping[str, Box], lines: Sequence[tuple[str, str]]) -> None:
        self.known, self.lines = known, lines
        self.names = list(known)
        layer = layers(known, lines)
        bands = sorted({box.band for box in known.values()})
        number = {name: at for at, name in enumerate(self.names)}
        self.layer = [layer[name] for name in self.names]
        self.size = [known[name].height for name in self.names]
        self.band = [bands.index(known[name].band) for name in self.names]
        self.bands = bands
        self.before: list[list[int]] = [[] for _ in self.names]
        self.after: list[list[int]] = [[] for _ in self.names]
        self.paths: dict[tuple[str, str], list[int]] = {}
        for source, target in lines:
            self.paths[source, target] = self._step(number[source], number[target])
        self.rows: list[list[int]] = [[] for _ in range(max(self.layer, default=-1) + 1)]
        self.trunks: dict[tuple[int, int, int], int]
        for node, at in enumerate(self.layer):
            self.rows[at].append(node)
        self.y = [0.0] * len(self.layer)

    def _step(self, source: int, target: int) -> list[int]:
        """Lead a line through the layers between, along with other lines of the same box into the same band."""
        if not hasattr(self, "trunks"):
            self.trunks = {}
        band = self.band[target] if self.band[source] != self.band[target] else self.band[source]
        path, last = [source], source
        for layer in range(self.layer[source] + 1, self.layer[target]):
            node = self.trunks.get((source, layer, band))
            if node is None:
                node = self.trunks[source, layer, band] = len(self.layer)
                self.layer.append(layer)
                self.size.append(_THIN)
                self.band.append(band)
                self.before.append([last])
                self.after.append([])
                self.after[last].append(node)
            path.append(node)
            last = node
        self.after[last].append(target)
        self.before[target].append(last)
        return [*path, target]

    # ── order ───────────────────────────────────────────────────────────────────────────────────────────

    def arrange(self) -> None:
        """Order the nodes of each layer by the medians of their neighbours; the order with fewest crossings stays."""
        place = self._first()
        steps = sum(map(len, self.after)) + len(self.layer)
        sweeps = max(2, min(_MOST_SWEEPS, _WORK // max(steps, 1)))
        best, least = [list(row) for row in self.rows], self._crossings(place)
        for sweep in range(sweeps):
            if not least:
                break
            down = sweep % 2 == 0
            near = self.before if down else self.after
            for row in self.rows if down else reversed(self.rows):
                self._sort(row, near, place)
            crossed = self._crossings(place)
            if crossed < least:
                best, least = [list(row) for row in self.rows], crossed
        self.rows = best

    def _first(self) -> list[float]:
        """Order nodes as a walk from the left meets them, so that what hangs together begins together."""
        seen: dict[int, None] = {}
        waiting = [node for node in range(len(self.names) - 1, -1, -1) if not self.before[node]]
        while waiting:
            node = waiting.pop()
            if node not in seen:
                seen[node] = None
                waiting += reversed(self.after[node])
        rank = {node: at for at, node in enumerate(seen)}
        place = [0.0] * len(self.layer)
        for row in self.rows:
            row.sort(key=lambda node: (self.band[node], rank[node]))
            for at, node in enumerate(row):
                place[node] = at
        return place

    def _sort(self, row: list[int], near: Sequence[Sequence[int]], place: list[float]) -> None:
        wanted: dict[int, float] = {}
        for node in row:
            those = sorted([place[one] for one in near[node]])
            wanted[node] = (those[(len(those) - 1) // 2] + those[len(those) // 2]) / 2 if those else place[node]
        band = self.band
        row.sort(key=lambda node: (band[node], wanted[node]))
        for at, node in enumerate(row):
            place[node] = at

    def _crossings(self, place: Sequence[float]) -> int:
        """Count the crossings between neighbouring layers (Barth, Mutzel and Jünger's accumulator tree)."""
        total = 0
        for row, following in zip(self.rows, self.rows[1:], strict=False):
            leaves = 1
            while leaves < len(following):
                leaves *= 2
            tree = [0] * (2 * leaves)
            for node in row:
                ends = sorted([int(place[one]) for one in self.after[node]])
                for end in ends:
                    at = end + leaves
                    while at > 1:
                        if not at % 2:
                            total += tree[at + 1]
                        at //= 2
                for end in ends:
                    at = end + leaves
                    while at:
                        tree[at] += 1
                        at //= 2
        return total

    # ── heights ─────────────────────────────────────────────────────────────────────────────────────────

    def settle(self) -> None:
        """Give every node a height near those of its neighbours in the same band, then set the bands apart."""
        parts = [self._parts(row) for row in self.rows]
        for row in parts:
            for part in row:
                for at, node in enumerate(part[1:]):
                    self.y[node] = self.y[part[at]] + self._apart(part[at], node)
        steps = sum(map(len, self.after)) + len(self.layer)
        for sweep in range(max(3, min(_MOST_SWEEPS, _WORK // (2 * max(steps, 1))))):
            down = sweep % 2 == 0
            for row in parts if down else reversed(parts):
                for part in row:
                    self._fit(part, self.before if down else self.after)
        self._stack()

    def _parts(self, row: Sequence[int]) -> list[list[int]]:
        found: dict[int, list[int]] = {}
        for node in row:
            found.setdefault(self.band[node], []).append(node)
        return list(found.values())

    def _apart(self, one: int, other: int) -> float:
        """Return how far the middles of two neighbours of a layer have to be apart."""
        thin = one >= len(self.names) and other >= len(self.names)
        return (self.size[one] + self.size[other]) / 2 + (GAP / 2 if thin else GAP)

    def _fit(self, part: Sequence[int], near: Sequence[Sequence[int]]) -> None:
        """Move nodes of a layer to the mean of their neighbours, as far as their order and sizes let them."""
        offset, blocks = 0.0, list[list[float]]()
        offsets = []
        for at, node in enumerate(part):
            offset += self._apart(part[at - 1], node) if at else 0.0
            offsets.append(offset)
            those = [self.y[one] for one in near[node] if self.band[one] == self.band[node]]
            wanted = (sum(those) / len(those) if those else self.y[node]) - offset
            weight = 0.1 if not those else _HEAVY if node >= len(self.names) else 1.0
            blocks.append([wanted, weight, 1])
            while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
                value, more, count = blocks.pop()
                last = blocks[-1]
                last[0] = (last[0] * last[1] + value * more) / (last[1] + more)
                last[1] += more
                last[2] += count
        at = 0
        for value, _, count in blocks:
            for node in part[at : at + int(count)]:
                self.y[node] = value + offsets[at]
                at += 1

    def _stack(self) -> None:
        """Put the bands below each other, the first one with its upper edge at the margin."""
        lowest = MARGIN
        for band, name in enumerate(self.bands):
            nodes = [node for node, its in enumerate(self.band) if its == band]
            top = min(self.y[node] - self.size[node] / 2 for node in nodes)
            head = HEAD + GAP if name else 0.0
            for node in nodes:
                self.y[node] += lowest + head - top
            lowest = max(self.y[node] + self.size[node] / 2 for node in nodes) + (2 * GAP if name else GAP)

    # ── on paper ────────────────────────────────────────────────────────────────────────────────────────

    def drawn(self) -> Layout:
        """Return what came of it, rounded to a tenth."""
        widths = [
            max((self.known[self.names[n]].width for n in row if n < len(self.names)), default=0.0) for row in self.rows
        ]
        left = [MARGIN]
        for width in widths:
            left.append(left[-1] + width + BETWEEN)
        frames = {}
        for node, name in enumerate(self.names):
            box = self.known[name]
            top = self.y[node] - box.height / 2
            frames[name] = Frame(round(left[self.layer[node]], 1), round(top, 1), box.width, box.height)
        lines = {pair: self._line(path, left, widths) for pair, path in self.paths.items()}
        bands = {name: self._band(name, frames) for name in self.bands if name}
        held = [*frames.values(), *bands.values()]
        ends = [y for line in lines.values() for _, y in line]
        return Layout(
            frames, lines, bands,
            round(max((one.x + one.width for one in held), default=0.0) + MARGIN, 1),
            round(max([*(one.y + one.height for one in held), *ends], default=0.0) + MARGIN, 1),
        )  # fmt: skip

    def _line(
        self, path: Sequence[int], left: Sequence[float], widths: Sequence[float]
    ) -> tuple[tuple[float, float], ...]:
        source, *between, target = path
        begin = left[self.layer[source]] + self.known[self.names[source]].width
        points = [(begin, self.y[source])]
        for node in between:
            at = left[self.layer[node]]
            points += [(at, self.y[node]), (at + widths[self.layer[node]], self.y[node])]
        points.append((left[self.layer[target]], self.y[target]))
        return tuple((round(x, 1), round(y, 1)) for x, y in points)

    def _band(self, name: str, frames: Mapping[str, Frame]) -> Frame:
        held = [frames[box.name] for box in self.known.values() if box.band == name]
        x, y = min(one.x for one in held) - GAP, min(one.y for one in held) - HEAD
        right, low = max(one.x + one.width for one in held), max(one.y + one.height for one in held)
        return Frame(round(x, 1), round(y, 1), round(right - x + GAP, 1), round(low - y + GAP, 1))
