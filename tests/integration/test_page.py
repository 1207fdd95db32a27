"""`higan-cam app` as visitors meet it: Ray Serve with two replicas, and a really driven Chromium.

1 upload, 2 markers, 3 a lamp in place, 4 sliders, 5 before and after, one's own lamp, undo, download, reasons, and
nothing of anybody's that stays or is shown to others.
"""

from __future__ import annotations

import base64
import io
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from higan_cam.app.door import key_of
from higan_cam.app.serving import served
from higan_cam.app.site import BYTES, Settings
from higan_cam.app.wire import decode_layer, pack, unpack
from higan_cam.errors import ConfigError
from higan_cam.publish.images import decode_image
from higan_cam.relight import Dial, Light, relight
from higan_cam.relight.bodies import drawn_lamp, encode_lamp
from higan_cam.rooms.photos import photo
from tests.integration.browser import chromium
from tests.integration.pages import IDLE, Visit
from tests.support.waiting import PATIENCE_S
from tests.support.wrong_uploads import picture, wrong_uploads

pytestmark = [pytest.mark.integration, pytest.mark.slow]
TOKEN = "a+token of/these%tests=="  # noqa: S105

KEPT = "+/="
"""What base64 has, and people paste as it is."""
HOLD = """window.held = [];
const [asked, has] = [window.fetch, Map.prototype.has];
window.fetch = (path, options) => path !== 'api/light' ? asked(path, options) : new Promise((go, refuse) =>
  held.push({answer: () => asked(path, options).then(go, refuse), refuse: () => refuse(new TypeError('gone'))}));
window.forget = () => Map.prototype.has = () => false;
window.remember = () => Map.prototype.has = has;"""
"""Questions for light wait for the test; `forget` is what a large picture does, of which few lights stay at hand."""
PROBLEM = "!document.getElementById('problem').hidden"


@pytest.fixture(scope="module")
def address(local_ray: None) -> Iterator[str]:
    """A page that asks for a token, with two replicas."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with served(Settings(key=key_of(TOKEN)), "127.0.0.1", port, replicas=2):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A room at dusk, its lamps off: 480 x 360 as a JPEG."""
    path = tmp_path_factory.mktemp("room") / "my room.jpg"
    Image.fromarray(photo(11, 3, "G2", lamps=False, size=480).image[60:420]).save(path, quality=95)
    return path


@pytest.fixture(scope="module")
def visit(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    with chromium() as driver:
        yield Visit(driver, address, tmp_path_factory.mktemp("saved"))


@pytest.fixture
def opened(visit: Visit, room: Path) -> Visit:
    """The page with the room and its places."""
    visit.open(fragment=f"#token={quote(TOKEN, safe=KEPT)}")
    visit.upload(room)
    assert visit.problem == ""
    return visit


@pytest.fixture
def held(opened: Visit) -> Visit:
    """The page with light at its first place; what it asks from now on waits."""
    opened.choose_place(1)
    opened.script(HOLD)
    return opened


def ask(address: str, path: str, body: bytes) -> tuple[int, bytes]:
    """Status and body of an upload."""
    headers = {"Content-Type": BYTES, "Authorization": f"Bearer {TOKEN}"}
    request = urllib.request.Request(f"{address}{path}", body, headers)  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@pytest.mark.chromium
def test_what_is_downloaded_is_the_servers_relight_to_the_byte(opened: Visit, address: str, room: Path) -> None:
    opened.choose_place(1)
    opened.choose_lamp("drawn")
    opened.slide("gain", 137)
    opened.slide("kelvin", 2710)
    saved, settings = opened.download()
    status, body = ask(address, "/api/light", pack({"rank": 0, "lamp": "drawn"}, picture=room.read_bytes()))
    assert status == 200
    said, files = unpack(body, 1_000_000)
    unlit = decode_image(files["picture"])
    height, width = unlit.shape[:2]
    light = Light(decode_layer(files["levels"], said["step"], height, width), said["kelvin"])
    np.testing.assert_array_equal(saved, relight(unlit, [light], [Dial(1.37, 2710)]))
    np.testing.assert_array_equal(saved, opened.pixels())
    assert (height, width) == (360, 480)
    assert settings["dial"] == {"gain": 1.37, "kelvin": 2710}
    assert settings["picture"]["sha256"] == said["digest"]
    assert (settings["lamp"], settings["composer"]["composer"]) == ("drawn", "cutout")
    assert sorted(path.name for path in opened.saved.iterdir()) == ["my room.relit.json", "my room.relit.png"]


@pytest.mark.chromium
def test_off_is_the_picture_before_and_undo_leads_all_the_way_back(opened: Visit) -> None:
    before = opened.pixels()
    opened.choose_place(1)
    lit = opened.pixels()
    assert lit.mean() > before.mean() + 3
    opened.slide("gain", 0)
    np.testing.assert_array_equal(opened.pixels(), before)
    opened.slide("gain", 200)
    opened.slide("kelvin", 1800)
    red = opened.pixels()[..., 0].astype(float) - opened.pixels()[..., 2]
    opened.slide("kelvin", 6500)
    assert red.mean() > (opened.pixels()[..., 0].astype(float) - opened.pixels()[..., 2]).mean() + 10
    for _ in range(4):
        opened.find("#undo").click()
        opened.settle()
    np.testing.assert_array_equal(opened.pixels(), lit)
    assert opened.settings == {"gain": 100, "kelvin": "the lamp's own", "lamp": "none", "undo": True, "place": 0}
    opened.find("#undo").click()
    opened.settle()
    np.testing.assert_array_equal(opened.pixels(), before)
    assert opened.settings["place"] == -1
    assert not opened.settings["undo"]


@pytest.mark.chromium
def test_a_picture_can_be_dropped_and_a_place_be_clicked(visit: Visit, room: Path) -> None:
    visit.open(fragment=f"#token={quote(TOKEN, safe=KEPT)}")
    code = """const bytes = Uint8Array.from(atob(arguments[0]), c => c.charCodeAt(0));
    const carried = new DataTransfer();
    carried.items.add(new File([bytes], 'dropped.jpg', {type: 'image/jpeg'}));
    document.body.dispatchEvent(new DragEvent('drop', {dataTransfer: carried, bubbles: true, cancelable: true}));"""
    visit.script(code, base64.b64encode(room.read_bytes()).decode())
    visit.until("!document.getElementById('work').hidden && document.querySelector('#markers button') !== null")
    before, count = visit.pixels().astype(int), len(visit.all("#markers button"))
    ActionChains(visit.driver).move_to_element_with_offset(visit.find("#canvas"), -100, 60).click().perform()
    visit.until(f"document.querySelectorAll('#markers button').length === {count + 1}")
    visit.settle()
    assert visit.settings["place"] == count
    gain = (visit.pixels().astype(int) - before).sum(axis=-1)
    rows, columns = np.nonzero(gain > 0.9 * gain.max())
    assert abs(columns.mean() - 140) < 40
    assert abs(rows.mean() - 240) < 40


@pytest.mark.chromium
def test_a_finger_on_a_phone_chooses_a_place_makes_one_and_compares(visit: Visit, room: Path) -> None:
    visit.open(width=360, height=740, fragment=f"#token={quote(TOKEN, safe=KEPT)}")
    visit.upload(room)
    visit.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        count = len(visit.all("#markers button"))
        visit.tap("#markers button:nth-child(1)")
        visit.until("document.querySelector('#markers button').ariaPressed === 'true'")
        visit.settle()
        visit.tap("#canvas", 0.3, 0.7)
        visit.until(f"document.querySelectorAll('#markers button').length === {count + 1}")
        visit.settle()
        assert visit.settings["place"] == count
        visit.tap("#before")
        visit.until("document.getElementById('before').ariaPressed === 'true'")
    finally:
        visit.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})


@pytest.mark.chromium
def test_before_and_after_are_one_click_apart(opened: Visit) -> None:
    before = opened.pixels()
    opened.choose_place(1)
    lit = opened.pixels()
    button = opened.find("#before")
    button.click()
    np.testing.assert_array_equal(opened.pixels(), before)
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    opened.settle()
    np.testing.assert_array_equal(opened.pixels(), lit)


@pytest.mark.chromium
def test_a_lamp_of_ones_own_and_a_reason_where_a_file_is_none(opened: Visit, room: Path, tmp_path: Path) -> None:
    lamp = tmp_path / "lamp.png"
    lamp.write_bytes(encode_lamp(drawn_lamp()))
    opened.choose_place(1)
    alone = opened.pixels()
    opened.choose_lamp("own")
    opened.find("#lampfile").send_keys(str(room))
    opened.until("!document.getElementById('problem').hidden")
    assert "nothing transparent" in opened.problem
    assert opened.settings["lamp"] == "none"
    np.testing.assert_array_equal(opened.pixels(), alone)
    opened.choose_lamp("own")
    opened.find("#lampfile").send_keys(str(lamp))
    opened.until("document.querySelector('[name=lamp]:checked').value === 'own' && !undo.disabled")
    opened.settle()
    assert (opened.pixels() != alone).any()


@pytest.mark.chromium
@pytest.mark.parametrize(("height", "width", "screen"), [(300, 900, 1280), (900, 300, 1280), (360, 480, 360)])
def test_markers_sit_where_the_places_are(
    visit: Visit, address: str, tmp_path: Path, height: int, width: int, screen: int
) -> None:
    path = tmp_path / "a picture.png"
    Image.fromarray(photo(11, 3, "G2", lamps=False, size=256).image).resize((width, height)).save(path)
    visit.open(width=screen, height=740, fragment=f"#token={quote(TOKEN, safe=KEPT)}")
    visit.upload(path)
    said, _ = unpack(ask(address, "/api/places", path.read_bytes())[1], 1_000_000)
    code = """const box = canvas.getBoundingClientRect();
    return [box.width / box.height, [...document.querySelectorAll('#markers button')].map(b => {
      const c = b.getBoundingClientRect();
      return [(c.left + c.width / 2 - box.left) / box.width, (c.top + c.height / 2 - box.top) / box.height,
              c.width, c.height];
    }), document.documentElement.scrollWidth <= innerWidth];"""
    aspect, spots, fits = visit.script(code)
    assert aspect == pytest.approx(width / height, rel=0.01)
    assert len(spots) == len(said["places"]) > 0
    for (x, y, *size), place in zip(spots, said["places"], strict=True):
        assert (x, y) == pytest.approx((place["x"], place["y"]), abs=0.005)
        assert size == [32, 32]
    assert fits


@pytest.mark.chromium
def test_keyboard_and_screen_reader_reach_everything(opened: Visit) -> None:
    focused = opened.script("return document.activeElement.getAttribute('aria-label')")
    assert focused.startswith("Place 1, ")
    opened.driver.switch_to.active_element.send_keys("\ue007")
    opened.settle()
    assert opened.settings["place"] == 0
    assert opened.script("return document.activeElement.getAttribute('aria-pressed')") == "true"
    opened.find("#gain").send_keys("\ue012")
    opened.settle()
    assert opened.settings["gain"] == 99
    assert opened.find("#gain").get_attribute("aria-valuetext") == "0.99 times"
    tree = opened.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    roles = {"button", "slider", "radio", "image"}
    shown = [node for node in tree if not node.get("ignored") and node.get("role", {}).get("value") in roles]
    assert len(shown) >= 12
    assert [node for node in shown if not node.get("name", {}).get("value")] == []


@pytest.mark.chromium
def test_a_place_of_ones_own_is_chosen_with_arrow_keys_and_said_on_the_way(opened: Visit) -> None:
    before, count = opened.pixels().astype(int), len(opened.all("#markers button"))
    opened.script("document.getElementById('markers').lastElementChild.focus()")
    opened.driver.switch_to.active_element.send_keys(Keys.TAB)
    aim = opened.driver.switch_to.active_element
    assert aim.get_attribute("id") == "aim", "the crosshair comes after the markers"
    for _ in range(3):
        aim.send_keys(Keys.SHIFT, Keys.ARROW_LEFT)
    aim.send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_RIGHT)
    assert opened.status == "Crosshair 21% from the left, 52% from the top."
    assert opened.settings["place"] == -1, "nothing is chosen on the way"
    aim.send_keys(Keys.ENTER)
    opened.until(f"document.querySelectorAll('#markers button').length === {count + 1}")
    opened.settle()
    assert opened.status == "Light at your own place, 21% from the left, 52% from the top."
    assert opened.settings["place"] == count
    assert opened.script("return document.activeElement.id") == "aim"
    gain = (opened.pixels() - before).sum(axis=-1)
    rows, columns = np.nonzero(gain > 0.9 * gain.max())
    assert abs(columns.mean() - 0.21 * 480) < 40
    assert abs(rows.mean() - 0.52 * 360) < 40
    aim.send_keys(*[Keys.ARROW_LEFT] * 30)
    assert opened.status == "Crosshair 0% from the left, 52% from the top.", "it stays in the picture"
    name = opened.driver.execute_cdp_cmd("Accessibility.queryAXTree", {"nodeId": opened.node("#aim")})["nodes"][0]
    assert name["name"]["value"] == "A place of your own"
    assert "arrow keys move a crosshair" in name["description"]["value"]


@pytest.mark.chromium
def test_the_slider_stands_at_the_lamps_own_temperature_and_comes_back_to_it(
    opened: Visit, address: str, room: Path
) -> None:
    _, body = ask(address, "/api/light", pack({"rank": 0, "lamp": "none"}, picture=room.read_bytes()))
    kelvin = unpack(body, 1_000_000)[0]["kelvin"]
    opened.choose_place(1)
    lit, slider = opened.pixels(), opened.find("#kelvin")
    at_rest = int(slider.get_attribute("value") or 0)
    assert abs(at_rest - kelvin) <= 5, "to its step of 10 K"
    opened.slide("kelvin", 2000)
    assert (opened.pixels() != lit).any()
    opened.find("#ownkelvin").click()
    opened.settle()
    assert int(slider.get_attribute("value") or 0) == at_rest
    assert slider.get_attribute("aria-valuetext") == "the lamp's own"
    np.testing.assert_array_equal(opened.pixels(), lit)


@pytest.mark.chromium
def test_two_visitors_see_their_own_pictures_and_no_trace_stays(opened: Visit, tmp_path: Path) -> None:
    first = opened.pixels()
    other = tmp_path / "my room.jpg"  # the same name
    other.write_bytes(picture(200, 300, "JPEG", seed=5))
    with chromium() as driver:
        second = Visit(driver, opened.address, tmp_path)
        second.open(fragment=f"#token={quote(TOKEN, safe=KEPT)}")
        assert second.find("#work").is_displayed() is False
        second.upload(other)
        assert second.pixels().shape == (200, 300, 3)
        assert second.script("return [document.cookie, localStorage.length, location.hash]") == ["", 0, ""]
    np.testing.assert_array_equal(opened.pixels(), first)
    opened.open()
    assert opened.find("#work").is_displayed() is False
    log: list[dict[str, str]] = opened.driver.get_log("browser")  # type: ignore[no-untyped-call]
    assert [entry for entry in log if entry["source"] in ("javascript", "security", "console-api")] == []


@pytest.mark.chromium
def test_the_page_says_why_it_is_not_let_in_and_why_a_file_is_refused(visit: Visit, tmp_path: Path) -> None:
    visit.open()
    visit.script("sessionStorage.clear()")
    visit.open()
    assert "token is missing" in visit.problem
    visit.script("location.hash = arguments[0]", f"token={quote(TOKEN, safe=KEPT)}")  # as pasting an address does
    visit.until("document.documentElement.dataset.ready === 'yes' && location.hash === ''")
    visit.open(fragment=f"#token={quote(TOKEN, safe=KEPT)}")
    for name in ("an SVG", "a JPEG cut in half", "a web page", "1 x 9,000 pixels"):
        path = tmp_path / "file.png"
        path.write_bytes(wrong_uploads()[name][0])
        visit.script("document.getElementById('problem').hidden = true; document.getElementById('file').value = ''")
        visit.upload(path)
        assert visit.problem.startswith("This picture cannot be used: "), name
        assert visit.find("#work").is_displayed() is False


def click_place(visit: Visit, number: int, waiting: int) -> None:
    visit.find(f"#markers button:nth-child({number})").click()
    visit.until(f"held.length === {waiting}")


@pytest.mark.chromium
def test_undo_to_no_place_ends_the_wait_for_a_light(held: Visit) -> None:
    click_place(held, 2, 1)
    assert held.find("#work").get_attribute("aria-busy") == "true"
    held.find("#undo").click()
    held.until(IDLE)
    before = held.pixels()
    held.script("held[0].answer()")
    held.script("return new Promise(go => setTimeout(go, 1500))")
    assert held.settings["place"] == -1
    assert (held.pixels() == before).all()


@pytest.mark.chromium
def test_an_undo_that_fails_can_be_tried_again(held: Visit) -> None:
    held.find("#lamps input[value='drawn']").click()
    held.until("held.length === 1")
    held.script("held[0].answer()")
    held.settle()
    assert held.settings["lamp"] == "drawn"
    held.script("forget()")
    held.find("#undo").click()
    held.until("held.length === 2")
    held.script("held[1].refuse(); remember()")
    held.until(PROBLEM)
    assert held.settings["lamp"] == "drawn"
    held.find("#undo").click()
    held.until(f"{IDLE} && !{PROBLEM}")
    assert (held.settings["lamp"], held.settings["place"]) == ("none", 0)


@pytest.mark.chromium
def test_a_lamp_that_a_newer_click_overtook_is_kept(held: Visit, tmp_path: Path) -> None:
    (tmp_path / "lamp.png").write_bytes(encode_lamp(drawn_lamp()))
    held.choose_lamp("own")
    held.find("#lampfile").send_keys(str(tmp_path / "lamp.png"))
    held.until("held.length === 1")
    click_place(held, 2, 2)
    held.script("held.forEach(each => each.answer())")
    held.settle()
    held.until("document.querySelector('[name=lamp]:checked').value === 'none'")
    held.choose_lamp("own")
    held.until("held.length === 3")
    held.script("held[2].answer()")
    held.until(f"{IDLE} && document.querySelector('[name=lamp]:checked').value === 'own'")


@pytest.mark.chromium
def test_a_download_that_a_newer_choice_overtook_writes_no_mixture(held: Visit) -> None:
    there = set(held.saved.iterdir())
    held.script("forget()")
    held.find("#download").click()
    held.until("held.length === 1")
    held.script("gain.value = 50; gain.dispatchEvent(new Event('change'))")
    held.until("held.length === 2")
    held.script("held[1].answer()")
    held.settle()
    held.script("held[0].answer()")
    held.until("document.getElementById('status').textContent.includes('Download again')")
    assert set(held.saved.iterdir()) == there
    assert held.settings["gain"] == 50


@pytest.mark.chromium
def test_what_the_worker_cannot_do_is_said_and_waited_for_no_longer(opened: Visit) -> None:
    opened.choose_place(1)
    opened.script("""const post = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (data) {
      post.call(this, data.factors ? {...data, factors: null} : data);
    };""")
    opened.slide("gain", 150)
    assert "could not show the answer" in opened.problem
    opened.script("document.getElementById('problem').hidden = true")
    opened.find("#download").click()
    opened.until(f"{PROBLEM} && {IDLE}")


def test_forty_wrong_uploads_over_the_wire_have_reasons(address: str) -> None:
    wrong = wrong_uploads()
    assert len(wrong) >= 40
    for name, (content, word) in wrong.items():
        status, body = ask(address, "/api/places", content)
        assert status == 422, (name, status, body)
        assert word in json.loads(body)["reason"], name
    assert ask(address, "/api/places", bytes(25_000_000))[0] == 413
    assert ask(address, "/api/places", picture())[0] == 200


def test_more_replicas_than_cpus_are_refused_with_the_count(local_ray: None) -> None:
    with pytest.raises(ConfigError, match="--replicas 5: a CPU each, and there are 4 here"):  # noqa: SIM117
        with served(Settings(), "127.0.0.1", 1, replicas=5):
            pytest.fail("served")


def test_many_at_once_get_their_own_answers_from_either_replica_or_are_told_to_come_back(address: str) -> None:
    def one(seed: int) -> tuple[int, Any]:
        body = picture(64, 80 + seed, seed=seed)
        status, answer = ask(address, "/api/places", body)
        if status == 503:
            return status, None
        said, files = unpack(answer, 1_000_000)
        shown = decode_image(files["picture"])
        return status, (shown == np.asarray(Image.open(io.BytesIO(body)))).all() and said["width"] == 80 + seed

    with ThreadPoolExecutor(24) as pool:
        results = list(pool.map(one, range(24)))
    assert {status for status, _ in results} <= {200, 503}
    answered = [right for status, right in results if status == 200]
    assert len(answered) >= 8
    assert all(answered)
