"""The page of `higan-cam app`, in a real headless Chromium."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from higan_cam.types import ByteArray

PATIENCE_S = 90
IDLE = "document.getElementById('work').getAttribute('aria-busy') !== 'true'"


@dataclass
class Visit:
    """One visitor's page."""

    driver: webdriver.Chrome
    address: str
    saved: Path
    """Where downloads go."""

    def open(self, width: int = 1280, height: int = 900, fragment: str = "") -> None:
        """The page anew, ready."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.execute_cdp_cmd(
            "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(self.saved)}
        )
        self.driver.get("about:blank")
        self.driver.get(f"{self.address}/{fragment}")
        self.until("document.documentElement.dataset.ready === 'yes' || !document.getElementById('problem').hidden")

    def script(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def until(self, condition: str) -> None:
        wait = WebDriverWait(self.driver, PATIENCE_S, 0.05)
        wait.until(lambda driver: driver.execute_script(f"return {condition}"), condition)

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def upload(self, path: Path) -> None:
        """Choose a picture, and wait for its places or a reason."""
        self.find("#file").send_keys(str(path))
        self.until(f"{IDLE} && (!document.getElementById('work').hidden || !document.getElementById('problem').hidden)")

    def node(self, selector: str) -> int:
        """Chromium's number of an element."""
        root = self.driver.execute_cdp_cmd("DOM.getDocument", {})["root"]["nodeId"]
        found = self.driver.execute_cdp_cmd("DOM.querySelector", {"nodeId": root, "selector": selector})
        number: int = found["nodeId"]
        return number

    def tap(self, selector: str, x: float = 0.5, y: float = 0.5) -> None:
        """A finger's touch at these shares of an element's sides, from which Chromium itself makes a click, or none."""
        code = """const element = document.querySelector(arguments[0]);
        element.scrollIntoView({block: 'center', behavior: 'instant'});
        const box = element.getBoundingClientRect();
        return [box.left, box.top, box.width, box.height];"""
        left, top, width, height = self.script(code, selector)
        finger = {"x": left + x * width, "y": top + y * height}
        for kind, points in (("touchStart", [finger]), ("touchEnd", [])):
            self.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def choose_place(self, number: int = 1) -> None:
        self.find(f"#markers button:nth-child({number})").click()
        self.settle()

    def choose_lamp(self, value: str) -> None:
        self.find(f"#lamps input[value='{value}']").click()
        if value != "own":
            self.settle()

    def slide(self, name: str, value: float) -> None:
        """As a pointer does: inputs on the way, and a change at the end."""
        code = """const slider = document.getElementById(arguments[0]);
        slider.value = arguments[1];
        slider.dispatchEvent(new Event('input'));
        slider.dispatchEvent(new Event('change'));"""
        self.script(code, name, value)
        self.settle()

    def settle(self) -> None:
        """Until the light is there, whole."""
        self.until(
            f"{IDLE} && document.getElementById('canvas').dataset.whole === 'yes' "
            "|| !document.getElementById('problem').hidden"
        )

    @property
    def status(self) -> str:
        return self.find("#status").text

    @property
    def problem(self) -> str:
        return self.find("#problem").text

    @property
    def settings(self) -> dict[str, Any]:
        """What the controls say."""
        code = """return {gain: +gain.value, kelvin: kelvinsaid.textContent,
        lamp: document.querySelector('[name=lamp]:checked').value, undo: !undo.disabled,
        place: [...document.querySelectorAll('#markers button')].findIndex(b => b.ariaPressed === 'true')};"""
        result: dict[str, Any] = self.script(code)
        return result

    def pixels(self) -> ByteArray:
        """(H,W,3) of the canvas."""
        code = """const all = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        let text = '';
        for (let at = 0; at < all.data.length; at += 8192)
          text += String.fromCharCode(...all.data.subarray(at, at + 8192));
        return [all.height, all.width, btoa(text)];"""
        import base64

        height, width, text = self.script(code)
        rgba = np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)
        return np.ascontiguousarray(rgba[..., :3])

    def download(self) -> tuple[ByteArray, dict[str, Any]]:
        """The picture and the settings that the page saves."""
        before = set(self.saved.iterdir())
        self.find("#download").click()
        ends = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends:
            new = {path.suffix: path for path in set(self.saved.iterdir()) - before}
            if {".png", ".json"} <= set(new) and ".crdownload" not in new:
                picture = np.asarray(Image.open(new[".png"]).convert("RGB"))
                return picture, json.loads(new[".json"].read_text(encoding="utf-8"))
            time.sleep(0.1)
        raise TimeoutError(f"nothing saved: {sorted(path.name for path in self.saved.iterdir())}")

    def shot(self, path: Path) -> None:
        self.driver.save_screenshot(str(path))
