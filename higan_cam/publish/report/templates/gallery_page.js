// The page: controls to view and back, the cards of one page, keys.

const by = (id) => document.getElementById(id);
let samples;
let view = defaultView();
let found = [];
let bins = {};
const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    fillCard(target, samples, view);
  }
}, { rootMargin: "300px" });

const pages = () => Math.max(1, Math.ceil(found.length / view.size));
const cards = () => [...document.querySelectorAll(".card")];

// Everything that follows from the filter; `change` is what the reader altered.
function update(change = {}) {
  Object.assign(view, { page: 1 }, change);
  found = passing(view, samples);
  for (const { name, kind, label } of known(samples)) {
    const svg = by(`histogram-${name}`);
    svg.chosen = view.ranges[name];
    const note = drawHistogram(svg, { name, kind, label }, samples.columns[name], bins[name], found);
    svg.parentElement.querySelector("legend span").textContent = note;
  }
  by("matching").textContent = found.length.toLocaleString("en");
  by("total").textContent = samples.count.toLocaleString("en");
  const expression = expressionOf(view);
  by("where").textContent = `higan-cam inspect ${quoted(facts.uri)}${expression && ` --where ${quoted(expression)}`}`;
  by("nothing").hidden = found.length > 0;
  turn(view.page);
}

// One page of cards; those of the page before are gone, and what they held with them.
function turn(page, focus = false) {
  view.page = Math.max(1, Math.min(page, pages()));
  seen.disconnect();
  const items = found.slice((view.page - 1) * view.size, view.page * view.size).map((i) => makeCard(i, samples, view));
  by("cards").replaceChildren(...items);
  const all = cards();
  all.forEach((card) => seen.observe(card));
  if (all.length) activate(all[0], focus);
  document.querySelectorAll(".page-number").forEach((text) => { text.textContent = `page ${view.page} of ${pages()}`; });
  document.querySelectorAll("[data-step]").forEach((button) => {
    const target = view.page + Number(button.dataset.step);
    button.disabled = target < 1 || target > pages();
  });
  remember();
}

function remember() {
  history.replaceState(null, "", hashOf(view));
}

// The one card that Tab reaches; the controls of the others are left out of the tab order.
function activate(card, focus = true) {
  for (const each of cards()) {
    each.tabIndex = each === card ? 0 : -1;
    each.querySelectorAll("a, button, input, summary, pre").forEach((control) => { control.tabIndex = each.tabIndex; });
  }
  if (focus) card.focus();
}

function setLayer(name, on) {
  view[name] = on;
  by(name).setAttribute("aria-pressed", on);
  cards().forEach((card) => card.at(card.slider.value));
  remember();
}

function onKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const card = event.target.closest(".card");
  if (!card) return;
  if (event.target !== card) {
    if (event.key === "Escape") card.focus();
    return;
  }
  const all = cards();
  const here = all.indexOf(card);
  const across = all.filter((each) => each.offsetTop === all[0].offsetTop).length;
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across, Home: -here, End: all.length - 1 - here };
  const deeds = {
    Enter: () => card.slider.focus(),
    PageDown: () => view.page < pages() && turn(view.page + 1, true),
    PageUp: () => view.page > 1 && turn(view.page - 1, true),
    ...Object.fromEntries(facts.stops.map(([at], k) => [k + 1, () => card.at(at)])),
    m: () => setLayer("mask", !view.mask), h: () => setLayer("heat", !view.heat),
  };
  if (event.key in steps) activate(all[Math.max(0, Math.min(all.length - 1, here + steps[event.key]))]);
  else if (event.key in deeds) deeds[event.key]();
  else return;
  event.preventDefault();
}

function buildFilters() {
  const choices = CHOICES.filter((name) => new Set(samples.columns[name]).size > 1).map((name) => {
    const set = by("choice").content.cloneNode(true).firstElementChild;
    set.querySelector("legend").textContent = name;
    for (const word of [...new Set(samples.columns[name])].sort()) {
      const label = document.createElement("label");
      const box = Object.assign(document.createElement("input"), { type: "checkbox", name, value: word });
      const count = samples.columns[name].filter((each) => each === word).length;
      label.append(box, `${word} `, Object.assign(document.createElement("small"), { textContent: count.toLocaleString("en") }));
      set.append(label);
      box.addEventListener("change", () => update({ [name]: [...set.querySelectorAll("input:checked")].map((each) => each.value) }));
    }
    return set;
  });
  by("choices").append(...choices);
  by("figures").append(...known(samples).map(buildRange));
  by("sort").append(...[["index", facts.noun], ...known(samples).map(({ name, label }) => [name, label]), ["random", "random"]].map(([value, text]) => new Option(text, value)));
}

function buildRange({ name, label, kind }) {
  const set = by("range").content.cloneNode(true).firstElementChild;
  const svg = set.querySelector("svg");
  const inputs = [...set.querySelectorAll("input")];
  bins[name] = binned(samples.columns[name], kind);
  svg.id = `histogram-${name}`;
  set.querySelector("legend").append(label, " ", document.createElement("span"));
  const choose = (low, high) => {
    const ranges = { ...view.ranges, [name]: [low, high] };
    if (low === null && high === null) delete ranges[name];
    update({ ranges });
  };
  inputs.forEach((input, end) => {
    input.id = `${end ? "max" : "min"}_${name}`;
    input.placeholder = rounded(extent(samples.columns[name]))[end];
    input.setAttribute("aria-label", `${label}, ${end ? "at most" : "at least"}`);
    input.addEventListener("input", () => choose(...inputs.map((each) => parsedEnd(each.value))));
  });
  onDrag(svg, bins[name], (low, high) => {
    [low, high].forEach((value, end) => { inputs[end].value = value ?? ""; });
    choose(low, high);
  });
  return set;
}

// The controls as the view says; the view itself does not change.
function fillControls() {
  for (const { name } of known(samples)) ["min", "max"].forEach((end, k) => { by(`${end}_${name}`).value = view.ranges[name]?.[k] ?? ""; });
  for (const box of document.querySelectorAll("#choices input[type=checkbox]")) box.checked = view[box.name].includes(box.value);
  for (const name of ["find", "sort", "order", "seed", "size", "at"]) by(name).value = view[name];
  for (const name of ["mask", "heat"]) by(name).setAttribute("aria-pressed", view[name]);
  sayPosition();
  sortControls();
}

function sayPosition() {
  by("at").setAttribute("aria-valuetext", spokenPosition(view.at));
}

function sortControls() {
  document.querySelector("[data-if=random]").hidden = view.sort !== "random";
  document.querySelector("[data-unless=random]").hidden = view.sort === "random";
}

function connect() {
  by("filters").addEventListener("submit", (event) => event.preventDefault());
  by("filters").addEventListener("reset", () => update({ ranges: {}, split: [], status: [], find: "" }));
  by("find").addEventListener("input", () => update({ find: by("find").value }));
  for (const name of ["sort", "order"]) by(name).addEventListener("change", () => { update({ [name]: by(name).value }); sortControls(); });
  by("seed").addEventListener("input", () => update({ seed: Math.max(0, Math.trunc(Number(by("seed").value))) }));
  by("size").addEventListener("change", () => update({ size: Number(by("size").value) }));
  by("at").addEventListener("input", () => {
    view.at = Number(by("at").value);
    sayPosition();
    cards().forEach((card) => card.at(view.at));
    remember();
  });
  for (const name of ["mask", "heat"]) by(name).addEventListener("click", () => setLayer(name, !view[name]));
  document.querySelectorAll("[data-step]").forEach((button) => button.addEventListener("click", () => {
    turn(view.page + Number(button.dataset.step));
    by("results").scrollIntoView();
  }));
  by("cards").addEventListener("keydown", onKey);
  by("cards").addEventListener("focusin", (event) => activate(event.target.closest(".card"), false));
  window.addEventListener("hashchange", open);
  by("filter-panel").open = matchMedia("(min-width: 900px)").matches;
}

// Show what the address asks for.
function open() {
  view = viewOf(location.hash, samples);
  fillControls();
  update({ page: view.page });
}

async function start() {
  try {
    samples = await loadSamples();
  } catch (error) {
    [by("problem").textContent, by("problem").hidden] = [`${error.message}: copy the whole report folder, then open this page in it.`, false];
    return;
  }
  buildFilters();
  connect();
  open();
  document.documentElement.dataset.ready = "yes";
}

start();
