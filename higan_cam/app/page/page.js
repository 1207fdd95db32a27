// The page: what is chosen, what is shown, and the way back.
import { facts as askFacts, light as askLight, places as askPlaces, Refused, takeToken, tokenOf } from "./server.js";
import { pixelsOf, Shown } from "./picture.js";

const find = (id) => document.getElementById(id);
const START = { place: null, lamp: "none", gain: 1, kelvin: null };
const MIDDLE = { x: 0.5, y: 0.5 };
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const LIGHTS_KEPT = 30_000_000; // pixels of lights that stay at hand for undo

let facts = null;
let shown = null;
let opened = null; // { file, name, said, picture }
let own = null; // the file of one's own lamp
let chosen = { ...START };
let past = [];
let aim = { ...MIDDLE }; // where the crosshair is, in shares
let lights = new Map();
let turn = 0; // the newest question; answers to older ones are dropped

start();

async function start() {
  listen();
  takeToken();
  try {
    facts = await askFacts();
  } catch (error) {
    fail(error);
    return;
  }
  shown = new Shown(find("canvas"), facts, fail);
  const { upload_bytes: bytes, pixels } = facts.limits;
  find("bounds").textContent = `up to ${Math.floor(bytes / 1e6)} MB and ${(pixels / 1e6).toFixed(1)} megapixels`;
  find("honest").textContent = facts.student.embedded
    ? "The places come from a network that has learned from drawn bedrooms. It answers for any picture and cannot tell whether it is a room: on a photograph, take its places as a suggestion, or click where you want the light."
    : "The places come from a trained network. It answers for any picture and cannot tell whether it is one of a kind that it knows.";
  document.documentElement.dataset.ready = "yes";
}

// --- a picture ---

async function open(file) {
  if (!file || !facts) return;
  const mine = ++turn;
  clearProblem();
  if (file.size > facts.limits.upload_bytes) {
    return fail(new Refused(`${file.name} is too large: ${(file.size / 1e6).toFixed(1)} MB, where ${facts.limits.upload_bytes / 1e6} MB are taken.`));
  }
  busy("Looking for places …");
  try {
    const { said, files } = await askPlaces(file, say);
    const picture = await pixelsOf(files.picture);
    if (mine !== turn) return;
    opened = { file, name: file.name, said, picture };
    [chosen, past, lights] = [{ ...START }, [], new Map()];
    find("opening").hidden = true;
    find("work").hidden = false;
    fitStage();
    shown.open(picture);
    drawMarkers();
    pointAt(MIDDLE);
    draw();
    find("notes").textContent = said.notes.length ? `Read as: ${said.notes.join(", ")}.` : "";
    const count = said.places.length;
    say(count ? `${count} ${count === 1 ? "place" : "places"} found. Choose one.` : `No place found: ${said.reason}. Click where you want the light.`);
    find("markers").querySelector("button")?.focus();
  } catch (error) {
    if (mine === turn) fail(error);
  } finally {
    if (mine === turn) idle();
  }
}

function another() {
  turn++;
  shown?.stop();
  [opened, own, past, lights, chosen] = [null, null, [], new Map(), { ...START }];
  find("file").value = "";
  find("lampfile").value = "";
  find("work").hidden = true;
  find("opening").hidden = false;
  clearProblem();
  idle();
  say("Choose a picture to begin.");
  find("file").focus();
}

/** As large as the picture is, as wide as the page has room, no higher than three quarters of the window. */
function fitStage() {
  const { width, height } = opened.picture;
  const stage = find("stage");
  stage.style.aspectRatio = `${width} / ${height}`;
  stage.style.width = `min(100%, ${width}px, ${(75 * width) / height}vh)`;
}

function drawMarkers() {
  const spots = opened.said.places.map((place) => ({ rank: place.rank, x: place.x, y: place.y }));
  if (chosen.place && chosen.place.rank === undefined) spots.push(chosen.place);
  find("markers").replaceChildren(
    ...spots.map((place) => {
      const button = document.createElement("button");
      const name = place.rank === undefined ? "your own" : place.rank + 1;
      button.type = "button";
      button.textContent = place.rank === undefined ? "+" : name;
      button.setAttribute("aria-label", `Place ${name}, ${where(place)}`);
      button.setAttribute("aria-pressed", String(same(place, chosen.place)));
      button.style.left = `${100 * place.x}%`;
      button.style.top = `${100 * place.y}%`;
      button.addEventListener("click", (event) => {
        event.stopPropagation();
        change({ place });
      });
      return button;
    }),
  );
}

const where = ({ x, y }) => `${Math.round(100 * x)}% from the left, ${Math.round(100 * y)}% from the top`;

/** The crosshair, which is seen while it has the focus. */
function pointAt({ x, y }) {
  aim = { x, y };
  find("aim").style.left = `${100 * x}%`;
  find("aim").style.top = `${100 * y}%`;
}

/** A key on the crosshair: a hundredth of the picture, a tenth with Shift; Enter or space chooses the place. */
function aimed(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const way = WAYS[event.key];
  if (way) {
    const [across, down] = way.map((one) => one * (event.shiftKey ? 10 : 1));
    const moved = (at, by) => Math.min(100, Math.max(0, Math.round(100 * at) + by)) / 100;
    pointAt({ x: moved(aim.x, across), y: moved(aim.y, down) });
    say(`Crosshair ${where(aim)}.`);
  } else if (event.key === "Enter" || event.key === " ") {
    if (!event.repeat) change({ place: { ...aim } }); // a key that is held is one choice
  } else return;
  event.preventDefault();
}

// --- choices ---

/** Make a choice, with the way back; whether it was taken. */
function change(next) {
  const before = chosen;
  return take({ ...chosen, ...next }).then((taken) => {
    if (taken) past.push(before);
    draw();
    return taken;
  });
}

/** The choice before; it stays in the history until it is shown. */
function undo() {
  const before = past.at(-1);
  if (!before) return;
  take(before).then((taken) => {
    if (taken) past.pop();
    draw();
  });
}

/**
 * Show what is chosen; asks for its light where it is not at hand. False where there is none, null where a newer
 * choice came first: nothing changes then.
 */
async function take(next) {
  const mine = ++turn;
  clearProblem();
  if (next.place === null) {
    idle(); // whatever is asked meanwhile will not say so
    chosen = next;
    shown.before();
    say("Choose a place.");
    return true;
  }
  try {
    const light = await lightOf(next);
    if (mine !== turn) return null;
    chosen = next;
    shown.take(light, light.picture ?? opened.picture);
    shown.show(dialOf(next));
    say(`Light at ${next.place.rank === undefined ? `your own place, ${where(next.place)}` : `place ${next.place.rank + 1}`}.`);
    return true;
  } catch (error) {
    if (mine !== turn) return null;
    fail(error);
    return false;
  } finally {
    if (mine === turn) idle();
  }
}

async function lightOf({ place, lamp, file }) {
  const key = JSON.stringify([place, lamp, file ? lampNumber(file) : null]);
  const [{ file: content, said: seen, picture: whole }, kept] = [opened, lights]; // another picture may come meanwhile
  if (!kept.has(key)) {
    busy("Putting light there …");
    const files = { picture: content, ...(lamp === "own" && { lamp: file }) };
    const { said, files: got } = await askLight({ ...(place.rank === undefined ? { x: place.x, y: place.y } : { rank: place.rank }), lamp }, files, say);
    if (said.digest !== seen.digest) throw new Refused("The server answered for another picture; nothing is shown. Try again.");
    const picture = got.picture ? await pixelsOf(got.picture) : null;
    kept.set(key, { said, own: said.own, step: said.step, levels: new Uint16Array(got.levels), picture });
    const each = whole.width * whole.height;
    while (kept.size > 1 && kept.size * each > LIGHTS_KEPT) kept.delete(kept.keys().next().value);
  }
  return kept.get(key);
}

const lampNumbers = new WeakMap();
let lampsSeen = 0;
function lampNumber(file) {
  if (!lampNumbers.has(file)) lampNumbers.set(file, ++lampsSeen);
  return lampNumbers.get(file);
}

function chooseLamp(lamp) {
  find("own").hidden = lamp !== "own";
  if (lamp === "own" && own === null) {
    say("Choose a file with your lamp, cut out.");
    find("lampfile").focus();
    return;
  }
  change({ lamp, file: lamp === "own" ? own : undefined });
}

/** The file is no lamp: the next choice asks for another one. */
function dropLamp() {
  own = null;
  find("lampfile").value = "";
}

// --- what is shown ---

const dialOf = ({ gain, kelvin }) => ({ gain, kelvin });
const same = (a, b) => a !== null && b !== null && a.rank === b.rank && a.x === b.x && a.y === b.y;

/** Controls as the choices are. */
function draw() {
  if (opened === null) return;
  const lit = chosen.place !== null;
  drawMarkersKeepingFocus();
  find("stage").classList.toggle("showing", lit);
  for (const id of ["lamps", "dials", "download", "before"]) find(id).disabled = !lit;
  find("undo").disabled = past.length === 0;
  press(false);
  for (const radio of document.getElementsByName("lamp")) radio.checked = radio.value === chosen.lamp;
  find("own").hidden = chosen.lamp !== "own";
  find("gain").value = Math.round(100 * chosen.gain);
  find("kelvin").value = chosen.kelvin ?? Math.round(ownKelvin());
  sayDials(chosen);
}

function drawMarkersKeepingFocus() {
  const at = [...find("markers").children].indexOf(document.activeElement);
  drawMarkers();
  if (at >= 0) find("markers").children[Math.min(at, find("markers").children.length - 1)]?.focus();
}

/** Of the light that is chosen; it is the one in the picture. */
function ownKelvin() {
  return shown.light?.of.said.kelvin ?? 4800;
}

function sayDials({ gain, kelvin }) {
  const brightness = gain === 0 ? "off" : `${gain.toFixed(2)} x`;
  const temperature = kelvin === null ? "the lamp's own" : `${kelvin.toLocaleString("en")} K`;
  find("gainsaid").textContent = brightness;
  find("kelvinsaid").textContent = temperature;
  find("gain").setAttribute("aria-valuetext", brightness === "off" ? "off" : `${gain.toFixed(2)} times`);
  find("kelvin").setAttribute("aria-valuetext", kelvin === null ? "the lamp's own" : `${kelvin} kelvin`);
}

/** What the sliders say; a temperature only once its slider has been moved. */
function slid(which) {
  const gain = Number(find("gain").value) / 100;
  const kelvin = which === "kelvin" ? Number(find("kelvin").value) : chosen.kelvin;
  return { gain, kelvin };
}

function sliding(which) {
  const dial = slid(which);
  press(false);
  sayDials(dial);
  shown.show(dial);
}

function press(before) {
  find("before").setAttribute("aria-pressed", String(before));
  find("before").textContent = before ? "After" : "Before";
}

function compare() {
  const before = find("before").getAttribute("aria-pressed") !== "true";
  press(before);
  if (before) shown.before();
  else shown.show(dialOf(chosen));
  say(before ? "Before." : "After.");
}

// --- the result ---

async function download() {
  const [mine, choice, { name: called, said }] = [turn, chosen, opened];
  busy("Writing the picture …");
  try {
    const light = await lightOf(choice);
    if (mine !== turn) return say("You chose anew before the picture was written. Download again."); // another light is held
    const name = called.replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N} ._-]/gu, "_") || "picture";
    const { width, height, digest } = said;
    const settings = {
      picture: { sha256: digest, width, height, notes: said.notes },
      place: light.said.place,
      lamp: choice.lamp,
      dial: dialOf(choice),
      light: { kelvin: light.said.kelvin, response: light.said.response, step: light.step },
      composer: light.said.settings,
    };
    save(await shown.png(dialOf(choice)), `${name}.relit.png`);
    save(new Blob([JSON.stringify(settings, null, 1), "\n"], { type: "application/json" }), `${name}.relit.json`);
    say("Saved: the picture at its own size, and its settings.");
  } catch (error) {
    if (mine === turn) fail(error);
  } finally {
    if (mine === turn) idle();
  }
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// --- words ---

function say(text) {
  find("status").textContent = text;
}

function busy(text) {
  find("work").setAttribute("aria-busy", "true");
  say(text);
}

function idle() {
  find("work").setAttribute("aria-busy", "false");
}

function fail(error) {
  idle();
  const known = error instanceof Refused;
  if (!known) console.error(error);
  find("problem").textContent = known ? error.message : "This browser could not show the answer; the picture may be too large for it.";
  find("problem").hidden = false;
  say("");
  draw();
}

function clearProblem() {
  find("problem").hidden = true;
  find("problem").textContent = "";
}

function listen() {
  addEventListener("hashchange", () => tokenOf(location.hash) !== null && location.reload()); // another token, pasted
  const drop = find("drop");
  for (const name of ["dragover", "drop", "dragleave"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragover");
      if (name === "drop") open(event.dataTransfer.files[0]);
    });
  }
  find("file").addEventListener("change", (event) => open(event.target.files[0]));
  find("lampfile").addEventListener("change", (event) => {
    own = event.target.files[0] ?? null;
    if (own) change({ lamp: "own", file: own }).then((taken) => taken === false && dropLamp());
  });
  for (const radio of document.getElementsByName("lamp")) radio.addEventListener("change", () => chooseLamp(radio.value));
  for (const which of ["gain", "kelvin"]) {
    find(which).addEventListener("input", () => sliding(which));
    find(which).addEventListener("change", () => change(slid(which)));
  }
  find("ownkelvin").addEventListener("click", () => change({ kelvin: null }));
  find("before").addEventListener("click", compare);
  find("undo").addEventListener("click", undo);
  find("download").addEventListener("click", download);
  find("again").addEventListener("click", another);
  find("aim").addEventListener("keydown", aimed);
  find("stage").addEventListener("click", (event) => {
    const box = find("canvas").getBoundingClientRect();
    const share = (at, from, length) => Math.min(1, Math.max(0, (at - from) / length));
    const place = { x: share(event.clientX, box.left, box.width), y: share(event.clientY, box.top, box.height) };
    pointAt(place);
    change({ place });
  });
}
