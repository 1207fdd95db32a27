// What is shown, as a value: its form in the address (#min_retention=0.5&sort=-coverage), and which samples it lets pass.

const CHOICES = facts.choices;
const known = (samples) => facts.figures.filter((figure) => figure.name in samples.columns);

function defaultView() {
  return { ranges: {}, split: [], status: [], find: "", sort: "index", order: "", seed: 0, page: 1, size: 24, at: facts.stops.at(-1)[0], mask: true, heat: false };
}

function viewOf(hash, samples) {
  const view = defaultView();
  const words = new URLSearchParams(hash.replace(/^#/, ""));
  const number = (name, low, high) => {
    const value = Number(words.get(name));
    return words.has(name) && value >= low && value <= high ? value : view[name];
  };
  for (const { name } of known(samples)) {
    const ends = ["min", "max"].map((end) => parsedEnd(words.get(`${end}_${name}`) ?? ""));
    if (ends.some((end) => end !== null)) view.ranges[name] = ends;
  }
  for (const name of CHOICES) view[name] = (words.get(name) ?? "").split(",").filter((word) => samples.columns[name].includes(word));
  view.find = words.get("find") ?? "";
  const [, order, sort] = /^(-?)(.*)$/.exec(words.get("sort") ?? "index");
  if (["index", "random", ...known(samples).map((figure) => figure.name)].includes(sort)) Object.assign(view, { order, sort });
  for (const [name, low, high] of [["seed", 0, 2 ** 31], ["page", 1, 1e9], ["at", -1, 1]]) view[name] = number(name, low, high);
  if (["12", "24", "48", "96"].includes(words.get("size"))) view.size = Number(words.get("size"));
  for (const name of ["mask", "heat"]) if (words.has(name)) view[name] = words.get(name) === "1";
  return view;
}

function hashOf(view) {
  const usual = defaultView();
  const words = new URLSearchParams();
  for (const [name, [low, high]] of Object.entries(view.ranges)) {
    if (low !== null) words.set(`min_${name}`, low);
    if (high !== null) words.set(`max_${name}`, high);
  }
  for (const name of CHOICES) if (view[name].length) words.set(name, view[name].join(","));
  if (view.find.trim()) words.set("find", view.find.trim());
  if (view.order + view.sort !== "index") words.set("sort", view.order + view.sort);
  for (const name of ["seed", "page", "size", "at"]) if (view[name] !== usual[name]) words.set(name, view[name]);
  for (const name of ["mask", "heat"]) if (view[name] !== usual[name]) words.set(name, view[name] ? "1" : "0");
  return `#${words}`;
}

function parsedEnd(text) {
  const value = Number(text);
  return text.trim() === "" || Number.isNaN(value) ? null : value;
}

// "17, 40-60" -> [[17, 17], [40, 60]]; [] where nothing can be read from it.
function parsedSpans(text) {
  return [...text.matchAll(/(\d+)(?:\s*[-–]\s*(\d+))?/g)].map(([, low, high]) => [Number(low), Number(high ?? low)]);
}

// Samples that pass, in the order to show them. As in curation, a sample without a figure fails that figure's range.
function passing(view, samples) {
  const spans = parsedSpans(view.find);
  const tests = Object.entries(view.ranges).map(([name, [low, high]]) => {
    const values = samples.columns[name];
    return (i) => values[i] >= (low ?? -Infinity) && values[i] <= (high ?? Infinity);
  });
  for (const name of CHOICES) if (view[name].length) tests.push((i) => view[name].includes(samples.columns[name][i]));
  if (view.find.trim()) tests.push((i) => spans.some(([low, high]) => samples.columns.index[i] >= low && samples.columns.index[i] <= high));
  const found = [];
  for (let i = 0; i < samples.count; i += 1) if (tests.every((test) => test(i))) found.push(i);
  return sorted(found, view, samples);
}

function sorted(found, view, samples) {
  const index = samples.columns.index;
  const key = view.sort === "random" ? Float64Array.from(index, (value) => scrambled(value, view.seed)) : samples.columns[view.sort];
  const sign = view.order === "-" && view.sort !== "random" ? -1 : 1;
  const missing = (i) => (Number.isNaN(key[i]) ? 1 : 0);
  return found.sort((a, b) => missing(a) - missing(b) || sign * (key[a] - key[b]) || index[a] - index[b]);
}

// A number that looks random and follows from (index, seed): murmur3's finalizer, twice.
function scrambled(index, seed) {
  const mix = (value) => {
    let h = value >>> 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^ (h >>> 16)) >>> 0;
  };
  return mix(index ^ mix(seed + 0x9e3779b9));
}

// The filter as `higan-cam inspect --where` takes it.
function expressionOf(view) {
  const parts = [];
  for (const [name, [low, high]] of Object.entries(view.ranges)) {
    if (low !== null) parts.push(`${name} >= ${low}`);
    if (high !== null) parts.push(`${name} <= ${high}`);
  }
  const either = (options) => (options.length > 1 ? `(${options.join(" or ")})` : options[0]);
  for (const name of CHOICES) if (view[name].length) parts.push(either(view[name].map((word) => `${name} == "${word}"`)));
  const spans = parsedSpans(view.find).map(([low, high]) => (low === high ? `index == ${low}` : `${low} <= index <= ${high}`));
  if (spans.length) parts.push(either(spans));
  return parts.join(" and ");
}
