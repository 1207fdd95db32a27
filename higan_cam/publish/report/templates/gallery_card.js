// A sample's card: filled when made, its picture loaded when it comes into view.

const STOPS = facts.stops; // [place of the slider, name, figure or null]
const SHOWN = facts.shown; // [figure, label]

function makeCard(i, samples, view) {
  const item = document.getElementById("card").content.cloneNode(true).querySelector("li");
  const card = item.querySelector(".card");
  const place = samples.place(i);
  // A figure that no sample has is no column.
  const figure = (name) => written(samples.columns[name]?.[i] ?? NaN, facts.figures.find((each) => each.name === name)?.kind);
  const name = samples.columns.key?.[i] ?? `${facts.noun} ${samples.columns.index[i]}`;
  const lacking = { ok: "", empty: facts.lacking }[samples.columns.status[i]] ?? samples.columns.status[i];
  const part = (selector) => card.querySelector(selector);
  part("h3").textContent = name;
  [part(".badge").textContent, part(".badge").hidden] = [lacking, !lacking];
  card.tabIndex = -1;
  card.setAttribute("role", "group");
  card.setAttribute("aria-label", [name, lacking, ...facts.spoken.map((key) => `${key} ${figure(key)}`)].filter(Boolean).join(", "));
  const pairs = SHOWN.map(([key, label]) => [label, figure(key)]);
  part(".inline").replaceChildren(...pairs.map(pair));
  part(".stops").replaceChildren(...STOPS.filter(([, , key]) => key).map(([, label, key]) => pair([label, figure(key)])));
  const link = part(".place a");
  link.textContent = place.shard.split("/").pop().replace(".parquet", "");
  link.href = `../${place.shard}`;
  part(".place span").textContent = `· row ${place.row}`;
  part("pre").textContent = snippet(place, samples.columns.index[i]);
  part(".copy").setAttribute("aria-label", `Copy the commands that open ${name}`);
  part("summary").setAttribute("aria-label", `Open ${name}: commands and captions`);
  part(".slider").hidden = STOPS.length === 1;
  Object.assign(card, { sample: i, slider: part(".slider"), canvas: part("canvas"), picture: null });
  card.slider.setAttribute("aria-label", `${name}, from negative to positive`);
  card.at = (at) => {
    card.slider.value = at;
    show(card, view, name);
  };
  card.slider.addEventListener("input", () => show(card, view, name));
  part(".copy").addEventListener("click", () => copy(part("pre"), part(".copy")));
  card.at(view.at);
  return item;
}

function pair([label, value]) {
  const row = document.createElement("div");
  row.append(Object.assign(document.createElement("dt"), { textContent: label }), Object.assign(document.createElement("dd"), { textContent: value }));
  return row;
}

async function fillCard(card, samples, view) {
  const place = samples.place(card.sample);
  const missing = card.querySelector(".missing");
  try {
    const contents = await loadPictures(place);
    card.querySelector(".words").textContent = [contents.text, contents.edit_prompt].filter(Boolean).join(" · ");
    const reason = card.querySelector(".reason");
    [reason.textContent, reason.hidden] = [contents.reason, !contents.reason];
    card.picture = await decoded(contents);
    card.at(card.slider.value);
    card.dataset.loaded = "yes";
  } catch (error) {
    [missing.textContent, missing.hidden] = [`No picture: ${error.message}.`, false];
  }
}

function show(card, view, name) {
  const at = Number(card.slider.value);
  const spoken = spokenPosition(at);
  card.slider.setAttribute("aria-valuetext", spoken);
  card.canvas.setAttribute("aria-label", `${name}: ${spoken}${view.mask ? ", with the mask's outline" : ""}${view.heat ? ", with heat" : ""}`);
  card.querySelectorAll(".stops > div").forEach((stop, k) => stop.classList.toggle("here", STOPS[k][0] === at));
  if (card.picture) draw(card.canvas, card.picture, { at, mask: view.mask, heat: view.heat });
}

function spokenPosition(at) {
  const stop = STOPS.find(([value]) => value === at);
  if (stop) return stop[1];
  return `${Math.round(100 * Math.abs(at))} % from original to ${at < 0 ? "negative" : "positive"}`;
}

// Lines that open the sample itself, at full size and with everything that is known of it.
function snippet(place, index) {
  const shard = JSON.stringify(`${facts.uri}/${place.shard}`);
  return [
    ...(facts.inspect ? [`higan-cam inspect ${quoted(facts.uri)} --where 'index == ${index}'`, "", "# Python"] : []),
    "import io, pyarrow.parquet as pq",
    "from PIL import Image",
    `row = pq.read_table(${shard}).slice(${place.row}, 1).to_pylist()[0]`,
    `Image.open(io.BytesIO(row["${facts.column}"]["bytes"])).show()`,
  ].join("\n");
}

// For a shell: as it is where it is harmless, else in single quotes.
function quoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

// By selection, because the clipboard itself is out of reach on plain http.
function copy(block, button) {
  const selection = getSelection();
  selection.selectAllChildren(block);
  button.textContent = document.execCommand("copy") ? "Copied" : "Press Ctrl+C";
  document.getElementById("said").textContent = button.textContent;
}
