// Pictures one after another, and what somebody says of them. The next ones are here before they are shown; answers go
// to the server one behind the other, and what it could not keep is asked again.

import { asked, Refused, takeToken, tokenOf } from "./server.js";

const KEPT = 40; // pictures at hand, shown ones too: going back asks for none
const LEAST = 240; // px that a picture may have where the window is low
const KEYS = { 1: "yes", j: "yes", arrowright: "yes", 0: "no", f: "no", arrowleft: "no", u: "undo", backspace: "undo", s: "skip" };
const LABELS = { yes: 1, no: 0, skip: null };
const find = (id) => document.getElementById(id);

let words; // of the server: name, yes, no, count, …
let ahead = []; // questions, the first of them shown
let unsaved = []; // answered, and not yet kept
let sending = Promise.resolve();
let turn = 0; // goes up when answers are lost: those behind are not sent
let undoing = 0;
let ready = false; // whether the first question is to be seen
const pictures = new Map(); // {latent: its picture, or why there is none}

takeToken();
start();

async function start() {
  try {
    words = await (await asked("api/facts", {}, say)).json();
    speak();
    listen();
    take(await post("api/next"));
    show();
    say("");
    document.documentElement.dataset.ready = "yes";
  } catch (error) {
    fail(error);
  }
}

/** The server's own words, where they belong. */
function speak() {
  document.title = `Label by hand: ${words.name}`;
  find("question").textContent = `${words.name}: ${words.yes} or ${words.no}?`;
  for (const which of ["yes", "no"]) {
    find(`${which}word`).textContent = words[which];
    for (const place of document.getElementsByClassName(`${which}word`)) place.textContent = words[which];
  }
  find("file").textContent = words.file;
  find("next").textContent = words.next;
  find("twice").textContent = words.repeat ? "Some pictures come twice, to see how far you agree with yourself." : "";
  find("progress").max = words.count;
}

// --- questions and answers ---

function post(path, said = {}) {
  const body = JSON.stringify({ tab: tab(), ...said });
  const options = { method: "POST", body, headers: { "Content-Type": "application/json" } };
  return asked(path, options, say).then((answer) => answer.json());
}

/** The name of this tab, which a reload keeps: it is asked the same again. */
function tab() {
  let name = sessionStorage.getItem("tab");
  if (!name) {
    name = [...crypto.getRandomValues(new Uint8Array(12))].map((one) => one.toString(16).padStart(2, "0")).join("");
    sessionStorage.setItem("tab", name);
  }
  return name;
}

/** What the server says is next, and how far everybody is. */
function take(state) {
  ahead = state.ahead.filter((each) => !unsaved.some((other) => same(each, other)));
  const [yes, no] = [state.yes, state.no];
  const labelled = yes + no;
  const many = (number) => number.toLocaleString("en");
  const side = (part) => many(part) + (labelled ? ` (${Math.round((100 * part) / labelled)}%)` : "");
  const skipped = state.skipped ? `, ${many(state.skipped)} skipped` : "";
  find("progress").value = labelled;
  find("count").textContent =
    `${many(labelled)} of ${many(words.count)}: ${words.yes} ${side(yes)}, ${words.no} ${side(no)}${skipped}`;
  find("agreed").textContent = state.agreed && `You said the same of ${state.agreed}.`;
  return state;
}

const same = (one, other) => one.index === other.index && one.again === other.again;

/** Say yes, no or nothing of the picture that is shown. */
function answer(which) {
  const question = ahead[0];
  if (!question || undoing || !(ready || which === "skip")) return;
  const mine = turn;
  ahead.shift();
  unsaved.push(question);
  press(which);
  show();
  sending = sending.then(async () => {
    if (mine !== turn) return;
    try {
      const state = await post("api/answer", { ...question, label: LABELS[which] });
      unsaved.shift();
      const first = ahead[0];
      take(state);
      clearProblem();
      say((state.said || `${which === "skip" ? "Skipped" : words[which]}.`) + (state.ahead.length ? "" : " That was the last."));
      if (!first || !ahead[0] || !same(first, ahead[0])) show();
      else preload();
    } catch (error) {
      lost(error);
    }
  });
}

/** Answers that were not kept are asked again. */
function lost(error) {
  turn += 1;
  ahead = [...unsaved, ...ahead];
  unsaved = [];
  show();
  fail(error, "This answer was not kept, and its picture is shown again.");
}

/** The question before, once what was said meanwhile is kept. */
function undo() {
  const mine = turn;
  undoing += 1;
  press("undo");
  ready = false;
  draw();
  sending = sending.then(async () => {
    try {
      if (mine !== turn) return;
      const state = take(await post("api/undo"));
      clearProblem();
      say(state.said || "Taken back.");
    } catch (error) {
      fail(error);
    } finally {
      undoing -= 1;
      show();
    }
  });
}

// --- pictures ---

/** The first question's picture, as soon as it is here. */
async function show() {
  const question = ahead[0];
  ready = false;
  preload();
  const done = !question && !unsaved.length && !undoing;
  find("done").hidden = !done;
  find("stage").hidden = done;
  if (question) {
    const known = pictures.get(question.index);
    if (!known.picture) draw();
    const shown = known.picture ?? (await known.coming);
    if (!ahead[0] || !same(ahead[0], question)) return; // somebody was quicker
    if (shown instanceof Error) refuse(shown);
    else {
      fit(shown);
      find("stage").replaceChildren(shown);
      ready = !undoing;
    }
  }
  draw();
}

/** No picture is no answer: it can be skipped. */
function refuse(error) {
  find("stage").replaceChildren();
  fail(error, "There is no picture to be seen; skip it, or load the page again.");
}

function preload() {
  for (const { index } of ahead) {
    if (pictures.has(index)) continue;
    const entry = {};
    entry.coming = load(index).then(
      (picture) => {
        entry.picture = picture;
        find("stage").dataset.ahead = ahead.filter((each) => pictures.get(each.index)?.picture).length;
        return picture;
      },
      (error) => {
        pictures.delete(index); // the next time it is asked for anew
        return error;
      },
    );
    pictures.set(index, entry);
  }
  const wanted = new Set(ahead.map((each) => each.index));
  for (const index of [...pictures.keys()]) {
    if (pictures.size <= KEPT) break;
    if (!wanted.has(index)) forget(index);
  }
}

async function load(index) {
  const body = await (await asked(`api/pictures/${index}`, {}, () => {})).blob();
  const picture = new Image();
  picture.src = URL.createObjectURL(body);
  picture.alt = `Latent ${index}`;
  await picture.decode();
  return picture;
}

function forget(index) {
  const { picture } = pictures.get(index);
  if (picture) URL.revokeObjectURL(picture.src);
  pictures.delete(index);
}

/** As large as there is room: small ones by a whole number, so that their pixels stay squares. */
function fit(picture) {
  const others = document.body.scrollHeight - find("stage").offsetHeight - document.querySelector("footer").offsetHeight;
  const room = Math.min(find("stage").parentElement.clientWidth, Math.max(LEAST, innerHeight - others - 8));
  const scale = room / Math.max(picture.naturalWidth, picture.naturalHeight);
  const kept = scale > 1 ? Math.floor(scale) : scale;
  picture.width = Math.round(picture.naturalWidth * kept);
  picture.height = Math.round(picture.naturalHeight * kept);
  picture.className = kept > 1 ? "large" : "";
}

// --- controls and words ---

function draw() {
  for (const id of ["yes", "no"]) find(id).setAttribute("aria-disabled", String(!ready));
  find("skip").setAttribute("aria-disabled", String(!ahead.length || undoing > 0));
}

/** Which one it was, for a moment. */
function press(which) {
  find(which).classList.add("pressed");
  setTimeout(() => find(which).classList.remove("pressed"), 120);
}

function say(text) {
  find("status").textContent = text;
}

function fail(error, more = "") {
  const known = error instanceof Refused;
  if (!known) console.error(error);
  const reason = known ? error.message : "This browser could not show the answer.";
  find("problem").textContent = more ? `${reason} ${more}` : reason;
  find("problem").hidden = false;
  say("");
}

function clearProblem() {
  find("problem").hidden = true;
  find("problem").textContent = "";
}

function act(which) {
  if (which === "undo") undo();
  else answer(which);
}

function pressed(event) {
  const which = KEYS[event.key.toLowerCase()];
  if (!which || !find("usekeys").checked || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  if (!event.repeat) act(which); // a key that is held is one answer
}

function listen() {
  addEventListener("hashchange", () => tokenOf(location.hash) !== null && location.reload()); // another token, pasted
  addEventListener("keydown", pressed);
  addEventListener("resize", () => find("stage").firstChild && fit(find("stage").firstChild));
  addEventListener("beforeunload", (event) => unsaved.length && event.preventDefault());
  for (const which of ["yes", "no", "undo", "skip"]) find(which).addEventListener("click", () => act(which));
}
