"""Pictures of pages against those that someone looked at; `GOLDEN=write` keeps new ones, to be looked at."""

import base64
import os
from pathlib import Path

from playwright.sync_api import Browser, Locator

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


def check(shown: Locator, page: str, where: str, browser: Browser) -> None:
    """Compare what is shown of a page with its picture in one of `WINDOWS`."""
    width = WINDOWS[where][0] // 2
    picture = base64.b64encode(shown.screenshot(animations="disabled")).decode()
    golden = FOLDER / f"{page}-{where}.webp"
    blank = browser.new_page()
    try:
        if os.environ.get("GOLDEN") == "write":
            FOLDER.mkdir(exist_ok=True)
            golden.write_bytes(base64.b64decode(blank.evaluate(SMALL, [picture, None, width])))
        kept = base64.b64encode(golden.read_bytes()).decode()
        found = blank.evaluate(SMALL, [picture, kept, width])
    finally:
        blank.close()
    assert abs(found["heights"][0] - found["heights"][1]) <= 0.05 * found["heights"][1]
    assert found["far"] < 0.02
