"""Pages look as they did when someone last looked at them; `GOLDEN=write` keeps new pictures, to be looked at."""

import base64
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.made_pages import PAGES, TILES
from tests.browser.stand_in import StandIn

pytestmark = [pytest.mark.slow, pytest.mark.service]
FOLDER = Path(__file__).parent / "golden"
WINDOWS = {"light": (1280, "light"), "dark": (1280, "dark"), "narrow": (390, "light")}

# Fonts differ from machine to machine: pictures are compared small, where letters are grey and shapes still shapes.
SMALL = """async ([one, other, width]) => {
    const pixels = async (picture) => {
        const image = new Image();
        image.src = 'data:image/*;base64,' + picture;
        await image.decode();
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [width, Math.round(image.height / image.width * width)];
        const pen = canvas.getContext('2d', { willReadFrequently: true });
        pen.imageSmoothingQuality = 'high';
        pen.drawImage(image, 0, 0, canvas.width, canvas.height);
        const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
        return { height: canvas.height, data, small: canvas.toDataURL('image/webp', 0.7).split(',')[1] };
    };
    const first = await pixels(one);
    if (!other) return first.small;
    const second = await pixels(other);
    const length = Math.min(first.data.length, second.data.length);
    let far = 0;
    for (let at = 0; at < length; at += 4) {
        const apart = Math.max(...[0, 1, 2].map((part) => Math.abs(first.data[at + part] - second.data[at + part])));
        if (apart > 60) far += 1;
    }
    return { far: far / (length / 4), heights: [first.height, second.height] };
}"""


@pytest.fixture(scope="module")
def shop(static: Path) -> Iterator[StandIn]:
    with StandIn(static, dict(PAGES), lambda _, key, __: TILES[key]) as server:
        yield server


@pytest.mark.parametrize("where", WINDOWS)
@pytest.mark.parametrize("name", ["sales", "charts", "wrong"])
def test_a_page_looks_as_it_did(
    name: str, where: str, shop: StandIn, window: Callable[..., Page], browser: Browser
) -> None:
    width, scheme = WINDOWS[where]
    shown = window(width=width, scheme=scheme)
    shown.goto(f"{shop.url}/dashboards/{name}")
    shown.wait_for_function(
        "() => document.querySelectorAll('[data-tile]').length > 0"
        " && document.querySelectorAll('[data-state=waiting], .chart:not([data-drawn])').length === 0"
    )
    picture = base64.b64encode(shown.locator("article").screenshot(animations="disabled")).decode()
    golden = FOLDER / f"{name}-{where}.webp"
    blank = browser.new_page()
    try:
        if os.environ.get("GOLDEN") == "write":
            FOLDER.mkdir(exist_ok=True)
            golden.write_bytes(base64.b64decode(blank.evaluate(SMALL, [picture, None, width // 2])))
        kept = base64.b64encode(golden.read_bytes()).decode()
        found = blank.evaluate(SMALL, [picture, kept, width // 2])
    finally:
        blank.close()
    assert abs(found["heights"][0] - found["heights"][1]) <= 0.05 * found["heights"][1]
    assert found["far"] < 0.02
