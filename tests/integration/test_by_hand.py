"""`higan-cam label-by-hand` as somebody at a keyboard meets it: a real server, a really driven Chromium, a file.

Also with fingers on a phone, in two tabs, over a restart, and where the disk is full.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from higan_cam.app.by_hand.asking import Plan, Round
from higan_cam.app.by_hand.drawing import Drawer
from higan_cam.app.by_hand.labels import LabelFile
from higan_cam.app.by_hand.serving import Server
from higan_cam.app.by_hand.site import site
from higan_cam.app.by_hand.words import Words
from higan_cam.app.door import key_of
from higan_cam.config import RunConfig
from higan_cam.pipeline import Models
from tests.integration.browser import chromium
from tests.integration.pages import Visit
from tests.support.waiting import PATIENCE_S

pytestmark = [pytest.mark.integration, pytest.mark.chromium]
TOKEN = "a token of these tests"  # noqa: S105
LATENTS = 400


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "labels.csv"


@pytest.fixture
def visit(driver: webdriver.Chrome, models: Models, config: RunConfig, table: Path, tmp_path: Path) -> Iterator[Visit]:
    """The page of 12 labels, a quarter of them asked twice."""
    with served(models, config, table) as address:
        yield opened(driver, address, tmp_path)


@contextmanager
def served(models: Models, config: RunConfig, table: Path, count: int = 12, repeat: float = 0.25) -> Iterator[str]:
    """The page at a free port, for the time of the block."""
    asking = Round(Plan(LATENTS, count, repeat), LabelFile(table, LATENTS, {"name": "cosy"}))
    words = Words("cosy", "warm", "cold", count, repeat, table.name, "python -m jobs.train_labeller")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    listens = threading.Event()
    application = site(asking, Drawer(models, config, LATENTS, {}), words, key_of(TOKEN))
    server = Server(application, "127.0.0.1", port, listens.set)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert listens.wait(PATIENCE_S)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def opened(driver: webdriver.Chrome, address: str, folder: Path) -> Visit:
    """A new visitor, who has the token."""
    visit = Visit(driver, address, folder)
    visit.open(fragment=f"#token={quote(TOKEN)}")
    shown(visit)
    return visit


def shown(visit: Visit) -> None:
    """Until a picture can be answered, or there is none any more."""
    visit.until("document.getElementById('yes').ariaDisabled === 'false' || !document.getElementById('done').hidden")


def latent(visit: Visit) -> int:
    """The latent that is to be seen."""
    shown(visit)
    return int(str(visit.find("#stage img").get_attribute("alt")).split()[1])


def press(visit: Visit, key: str, said: str) -> None:
    """A key, and what is said once the server has taken it."""
    visit.script("document.getElementById('status').textContent = ''")
    ActionChains(visit.driver).send_keys(key).perform()
    visit.until(f"document.getElementById('status').textContent.startsWith('{said}')")
    shown(visit)


def test_what_is_pressed_is_in_the_file_with_undo_over_a_reload_and_a_restart(
    driver: webdriver.Chrome, models: Models, config: RunConfig, table: Path, tmp_path: Path
) -> None:
    pressed: dict[int, int] = {}
    keys = {"j": 1, "f": 0, "1": 1, "0": 0, Keys.ARROW_RIGHT: 1, Keys.ARROW_LEFT: 0}

    def label(visit: Visit, key: str) -> None:
        pressed[latent(visit)] = keys[key]
        press(visit, key, "warm." if keys[key] else "cold.")

    with served(models, config, table, count=15, repeat=0) as address:
        visit = opened(driver, address, tmp_path)
        for key in ("j", "f", "1", "0", Keys.ARROW_RIGHT, Keys.ARROW_LEFT, "j", "j", "f", "j", "f", "f"):
            label(visit, key)
        assert len(pressed) == 12
        assert table.read_text() == table_of(pressed)
        for key in ("u", Keys.BACKSPACE, "u"):
            press(visit, key, "Taken back.")
            assert latent(visit) == pressed.popitem()[0]
            assert table.read_text() == table_of(pressed)
        before = latent(visit)
        visit.driver.refresh()
        assert latent(visit) == before
        label(visit, "f")
        label(visit, "j")
        assert visit.find("#count").text == "11 of 15: warm 6 (55%), cold 5 (45%)"
    with served(models, config, table, count=15, repeat=0) as address:
        visit = opened(driver, address, tmp_path)
        press(visit, "u", "Taken back.")
        assert latent(visit) == pressed.popitem()[0]
        for key in "jjfjj":
            label(visit, key)
    assert table.read_text() == table_of(pressed)
    assert len(pressed) == 15
    assert visit.find("#done").is_displayed()
    assert visit.status == "warm. That was the last."


def test_what_comes_twice_is_not_marked_and_agreement_is_said_at_the_end(visit: Visit, table: Path) -> None:
    asked: list[int] = []
    while not visit.find("#done").is_displayed():
        asked.append(latent(visit))
        press(visit, "j", "warm.")
    assert (len(asked), len(set(asked))) == (15, 12)
    assert visit.find("#agreed").text == "You said the same of 3 of 3 that were shown twice: 100% [29%, 100%]."
    assert visit.find("#next").text == "python -m jobs.train_labeller"
    assert table.read_text() == table_of(dict.fromkeys(dict.fromkeys(asked), 1))


def test_fast_keys_and_a_held_one_answer_what_is_shown_and_nothing_else(visit: Visit, table: Path) -> None:
    visit.until("document.getElementById('stage').dataset.ahead === '8'")
    order = Plan(LATENTS, 12).order
    ActionChains(visit.driver).send_keys("jffj").perform()
    visit.until("document.getElementById('progress').value === 4")
    held = """for (let n = 0; n < 20; n++) dispatchEvent(new KeyboardEvent('keydown', {key: 'j', repeat: n > 0}));"""
    shown(visit)
    visit.script(held)
    visit.until("document.getElementById('progress').value === 5")
    assert table.read_text() == table_of(dict(zip(order[:5], (1, 0, 0, 1, 1), strict=True)))


def test_buttons_have_names_say_what_they_did_and_their_keys_can_be_turned_off(visit: Visit, table: Path) -> None:
    tree = visit.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    names = {node["name"]["value"] for node in tree if node.get("role", {}).get("value") == "button"}
    assert {name.split()[0] for name in names} == {"warm", "cold", "Undo", "Skip"}
    first = latent(visit)
    visit.script("document.getElementById('no').focus()")
    assert visit.script("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    press(visit, Keys.ENTER, "cold.")
    assert visit.script("return document.activeElement.id") == "no"
    press(visit, "s", "Skipped.")
    visit.find("#usekeys").click()
    ActionChains(visit.driver).send_keys("j").perform()
    visit.find("#yes").click()
    visit.until("document.getElementById('progress').value === 2")
    assert [line.split(",")[1] for line in table.read_text().splitlines()[1:]] == ["0", "1"]
    assert table.read_text().splitlines()[1] == f"{first},0"


def test_a_phone_has_room_for_picture_and_buttons_and_fingers_answer(visit: Visit, table: Path) -> None:
    visit.open(width=360, height=740)
    first = latent(visit)
    code = """return ['#stage img', '#yes', '#no', '#undo', '#skip'].map(name => {
      const box = document.querySelector(name).getBoundingClientRect();
      return [box.left, box.top, box.right, box.bottom, box.height];
    });"""
    picture, *buttons = visit.script(code)
    assert all(left >= 0 and right <= 360 and bottom <= 740 for left, _, right, bottom, _ in (picture, *buttons))
    assert min(height for *_, height in buttons) >= 44
    image = "const image = document.querySelector('#stage img'); return [image.width % image.naturalWidth, "
    assert visit.script(f"{image} getComputedStyle(image).imageRendering]") == [0, "pixelated"]
    visit.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        visit.tap("#yes")
        visit.until("document.getElementById('progress').value === 1")
        shown(visit)
        visit.tap("#undo")
        visit.until("document.getElementById('progress').value === 0")
    finally:
        visit.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    assert latent(visit) == first


def test_two_tabs_are_asked_different_ones_and_lose_no_answer(visit: Visit, table: Path) -> None:
    first, pressed = visit.driver.current_window_handle, {}
    visit.driver.switch_to.new_window("tab")
    try:
        visit.open(fragment=f"#token={quote(TOKEN)}")
        second = visit.driver.current_window_handle
        for number in range(6):
            visit.driver.switch_to.window((first, second)[number % 2])
            pressed[latent(visit)] = number % 2
            press(visit, "fj"[number % 2], ("cold.", "warm.")[number % 2])
        assert table.read_text() == table_of(pressed)
        visit.driver.close()
    finally:
        visit.driver.switch_to.window(first)


def test_an_answer_that_cannot_be_kept_is_said_and_asked_again(
    visit: Visit, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = latent(visit)

    def full(_path: Path, _body: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("higan_cam.app.by_hand.labels.replace_whole", full)
        ActionChains(visit.driver).send_keys("jj").perform()
        visit.until("!document.getElementById('problem').hidden")
        assert "No space left on device" in visit.problem
        assert "shown again" in visit.problem
        assert latent(visit) == first
    press(visit, "j", "warm.")
    assert visit.problem == ""
    assert table.read_text() == table_of({first: 1})


def test_without_the_token_nothing_is_shown(visit: Visit) -> None:
    visit.script("sessionStorage.clear()")
    visit.open()
    assert "token" in visit.problem
    assert not visit.all("#stage img")


def table_of(labels: dict[int, int]) -> str:
    return "index,label\n" + "".join(f"{index},{label}\n" for index, label in labels.items())
