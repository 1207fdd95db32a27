// The samples: figures of all of them at once, pictures file by file as they come into view.

const KEPT_FILES = 96; // files with pictures held in memory, about 0.5 MB each
const facts = JSON.parse(document.getElementById("facts").textContent);
const waiting = new Map(); // file name -> function that takes its contents
const held = new Map(); // file name -> promise of its contents, the last used one last

function loadScript(name) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    const earlier = waiting.get(name); // of a file that was let go of before it came
    waiting.set(name, (contents) => { earlier?.(contents); resolve(contents); });
    script.src = `gallery/${name}`;
    script.onload = () => script.remove();
    script.onerror = () => {
      script.remove();
      waiting.delete(name);
      reject(new Error(`gallery/${name} is not beside this page`));
    };
    document.head.append(script);
  });
}

function arrived(name, contents) {
  const take = waiting.get(name);
  waiting.delete(name);
  if (take) take(contents);
}

// What the script files call.
window.higanCam = {
  samples: (contents) => arrived("samples.js", contents),
  pictures: (contents) => arrived(contents.file, contents),
};

// {count, columns: {name: numbers (NaN where there is none) or texts}, place(i): where sample i lies}
async function loadSamples() {
  const { shards, files, columns } = await loadScript("samples.js");
  const numbers = (values) => Float32Array.from(values, (value) => value ?? NaN);
  const kept = { index: Float64Array.from(columns.index), status: columns.status };
  if (columns.key) kept.key = columns.key; // a text, as the status is
  for (const name of Object.keys(columns)) if (!(name in kept)) kept[name] = numbers(columns[name]);
  if (kept.score_positive) kept.score_change = Float64Array.from(kept.score_positive, (high, i) => high - kept.score_negative[i]);
  const places = files.flatMap(([file, shard, row, rows]) =>
    Array.from({ length: rows }, (_, k) => ({ file, shard: shards[shard], row: row + k, inFile: k })));
  kept.split = places.map(({ shard }) => shard.split("/").pop().split("-")[0]);
  return { count: places.length, columns: kept, place: (i) => places[i] };
}

// The pictures and words of the sample that lies at `place`.
async function loadPictures(place) {
  const pending = held.get(place.file) ?? loadScript(place.file);
  held.delete(place.file);
  held.set(place.file, pending);
  while (held.size > KEPT_FILES) held.delete(held.keys().next().value);
  try {
    const contents = await pending;
    const at = place.inFile;
    return Object.fromEntries(Object.entries(contents).map(([name, values]) => [name, name === "file" ? values : values[at]]));
  } catch (error) {
    held.delete(place.file);
    throw error;
  }
}
