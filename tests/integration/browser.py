"""A real headless Chromium on a gallery, and a small run for it to show. Skips where the machine has no Chromium."""

from __future__ import annotations

import contextlib
import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from higan_cam.store.store import open_store
from higan_cam.types import Sample
from tests.support.samples import commit_run, sample_of

ENDS = {"negative": (200, 30, 30), "original": (30, 180, 30), "image": (30, 30, 220)}
"""Colour of each picture, so that a pixel tells which one is shown."""
SIDE = 32
HOSTILE = "</script><img src=x onerror='window.hacked = 1'>"
CONTROLS = {"button", "textbox", "spinbutton", "slider", "checkbox", "combobox", "link", "image", "DisclosureTriangle"}
PATIENCE_S = 20
REDUCED = "--force-prefers-reduced-motion"
"""Smooth scrolling would still be on its way when the click comes."""


@dataclass
class Gallery:
    """One page in one browser."""

    driver: webdriver.Chrome
    base: str
    run: Path
    asked: list[str] = field(default_factory=list)
    """Paths that the server was asked for; none where the page is opened from a folder."""

    def open(self, address: str = "", width: int = 1280, height: int = 900) -> None:
        """The page anew at this address (#…) and size, ready."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get("about:blank")
        self.asked.clear()
        self.driver.get(f"{self.base}/report/gallery.html{address}")
        self.until(
            "return document.documentElement.dataset.ready === 'yes' || !document.getElementById('problem').hidden"
        )

    def script(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def until(self, code: str) -> None:
        """Wait for the script to return something true."""
        WebDriverWait(self.driver, PATIENCE_S, 0.05).until(lambda driver: driver.execute_script(code), code)

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def type(self, name: str, text: str) -> None:
        """Replace what the field holds."""
        self.find(f"#{name}").clear()
        self.find(f"#{name}").send_keys(text)

    def choose(self, name: str, text: str) -> None:
        self.find(f"#{name}").find_element(By.XPATH, f"option[normalize-space()='{text}']").click()

    @property
    def count(self) -> int:
        """Samples that pass, as the page says it."""
        return int(self.find("#matching").text.replace(",", ""))

    @property
    def latents(self) -> list[int]:
        """Of the cards, in the order shown."""
        return [
            int(text.split()[1])
            for text in self.script("return [...document.querySelectorAll('.card h3')].map(e => e.textContent)")
        ]

    @property
    def address(self) -> str:
        return str(self.script("return location.hash"))

    def drawn(self, card: int = 0) -> None:
        self.until(f"return document.querySelectorAll('.card')[{card}].dataset.loaded === 'yes'")

    def pixel(self, x: float, y: float, card: int = 0) -> tuple[int, int, int]:
        """RGB of a card's picture at this share of its width and height."""
        code = """const canvas = document.querySelectorAll('.card canvas')[arguments[0]];
        const [x, y] = [arguments[1] * canvas.width, arguments[2] * canvas.height];
        return [...canvas.getContext('2d').getImageData(x, y, 1, 1).data];"""
        red, green, blue, _ = self.script(code, card, x, y)
        return red, green, blue


@contextlib.contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    """Debian's Chromium without a window. The driver is named, so that nothing is looked up on a network."""
    binary, driver = (shutil.which(name) for name in ("chromium", "chromedriver"))
    if binary is None or driver is None:
        pytest.skip("no Chromium here: install the packages chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    # Root has no sandbox to drop into, and a container's /dev/shm is small.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", REDUCED):
        options.add_argument(argument)
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
    try:
        yield browser
    finally:
        browser.quit()


@contextlib.contextmanager
def served(folder: Path, asked: list[str]) -> Iterator[str]:
    """The folder over HTTP, as a bucket would serve it; paths that are asked for are appended to `asked`."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def end_headers(self) -> None:
            self.send_header("Cache-Control", "no-store")  # every request is to be seen
            super().end_headers()

        def log_message(self, *arguments: Any) -> None:  # noqa: ARG002 - the base class decides what it is given
            asked.append(self.path)

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def shown_sample(index: int) -> Sample:
    """A sample of plain colours whose figures follow from its index; every seventh is empty."""
    rng = np.random.default_rng(index)
    pictures: dict[str, Any] = {name: np.full((SIDE, SIDE, 3), color, np.uint8) for name, color in ENDS.items()}
    mask = np.zeros((SIDE, SIDE), np.uint8)
    heat = np.zeros((SIDE, SIDE), np.float32)
    empty = index % 7 == 3
    if not empty:
        mask[SIDE // 4 : SIDE // 2, SIDE // 4 : SIDE // 2] = 255
        heat[: SIDE // 2] = 1.0
    sample = sample_of(index, SIDE)
    low, high = rng.uniform(0, 1), rng.uniform(1, 3)
    return replace(
        sample,
        **pictures,
        mask=mask,
        heat=heat,
        words=replace(sample.words, text=HOSTILE if index == 0 else sample.words.text),
        score_negative=low,
        score_positive=high,
        retention=float("nan") if index == 5 else rng.uniform(0, 1.2),
        necessity=rng.uniform(-0.2, 1),
        coverage=0.0 if empty else rng.uniform(0, 0.5),
        status="empty" if empty else "ok",
        reason="no cluster of 40 pixels" if empty else "",
        regions=() if empty else sample.regions[: 1 + index % 2],
    )


def small_run(folder: Path, count: int = 60, shard_size: int = 12) -> Path:
    """A finished run of `count` samples, without its report."""
    commit_run(open_store(folder), [shown_sample(index) for index in range(count)], shard_size)
    return folder
