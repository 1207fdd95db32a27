// Histograms: all samples in grey, those that pass in colour, and a range to drag over them.

const BINS = 28;
const SVG = "http://www.w3.org/2000/svg";

// [low, high] of the finite values, with a width of its own where all are equal.
function extent(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!Number.isFinite(low)) return [0, 1];
  return low < high ? [low, high] : [low - 0.5, high + 0.5];
}

// Bin edges: whole numbers get a bin each, as long as there are few.
function binned(values, kind) {
  let [low, high] = extent(values);
  if (kind === "count" && high - low < BINS) [low, high] = [Math.floor(low) - 0.5, Math.ceil(high) + 0.5];
  const bins = kind === "count" && high - low <= BINS ? Math.round(high - low) : BINS;
  return { low, high, bins, all: counted(values, values.keys(), low, high, bins) };
}

function counted(values, rows, low, high, bins) {
  const counts = new Array(bins).fill(0);
  for (const i of rows) if (!Number.isNaN(values[i])) counts[Math.min(bins - 1, Math.floor((bins * (values[i] - low)) / (high - low)))] += 1;
  return counts;
}

function median(values, rows) {
  const finite = Float64Array.from(rows, (i) => values[i]).filter((value) => !Number.isNaN(value)).sort();
  return finite.length ? (finite[(finite.length - 1) >> 1] + finite[finite.length >> 1]) / 2 : NaN;
}

// Draws, and returns a note for beside the name.
function drawHistogram(svg, figure, values, bins, rows) {
  const { low, high, all } = bins;
  const some = counted(values, rows, low, high, bins.bins);
  const top = Math.max(1, ...all);
  const zoom = enlargement(top, Math.max(...some));
  const width = 100 / bins.bins;
  const edge = (k) => written(low + ((high - low) * k) / bins.bins, figure.kind === "count" ? "number" : figure.kind);
  const bars = all.flatMap((count, k) => {
    const title = `${edge(k)} to ${edge(k + 1)}: ${some[k].toLocaleString("en")} of ${count.toLocaleString("en")}`;
    return [bar("all", k * width, width, count / top, title), bar("some", k * width, width, (zoom * some[k]) / top, title)];
  });
  svg.replaceChildren(...bars.filter(Boolean), ...chosenRange(svg, bins));
  const middle = written(median(values, rows), figure.kind);
  svg.setAttribute("aria-label", `Histogram of ${figure.label}, ${written(low, figure.kind)} to ${written(high, figure.kind)}: ${rows.length.toLocaleString("en")} samples, median ${middle}`);
  return `median ${middle}${zoom > 1 ? `, bars ×${zoom.toLocaleString("en")}` : ""}`;
}

// How many times higher than the grey bars the coloured ones are drawn, so that a few of many still have a shape.
function enlargement(top, most) {
  if (!most || top / most < 5) return 1;
  const power = 10 ** Math.floor(Math.log10(top / most));
  return power * (top / most / power >= 5 ? 5 : top / most / power >= 2 ? 2 : 1);
}

function bar(kind, x, width, share, title) {
  if (!share) return null;
  const height = Math.max(1.2, 38 * share);
  const rect = element("rect", { class: kind, x: x + width * 0.06, width: width * 0.88, y: 40 - height, height });
  rect.append(Object.assign(element("title"), { textContent: title }));
  return rect;
}

function chosenRange(svg, { low, high }) {
  const range = svg.chosen;
  if (!range) return [];
  const x = (value, otherwise) => (value === null ? otherwise : Math.max(0, Math.min(100, (100 * (value - low)) / (high - low))));
  const [left, right] = [x(range[0], 0), x(range[1], 100)];
  return [[0, left], [right, 100]].map(([from, to]) => element("rect", { class: "outside-range", x: from, width: Math.max(0, to - from), y: 0, height: 40 }));
}

function element(name, attributes = {}) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

// Calls `chosen(low, high)` with the ends of what was dragged over; a click without a drag takes the range away.
function onDrag(svg, bins, chosen) {
  const share = (event) => {
    const box = svg.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
  };
  let from = null;
  svg.addEventListener("pointerdown", (event) => {
    from = share(event);
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointerup", (event) => {
    if (from === null) return;
    const ends = [from, share(event)].sort((a, b) => a - b);
    from = null;
    if (ends[1] - ends[0] < 0.02) return chosen(null, null);
    const value = (end) => Number((bins.low + end * (bins.high - bins.low)).toPrecision(3));
    return chosen(ends[0] <= 0 ? null : value(ends[0]), ends[1] >= 1 ? null : value(ends[1]));
  });
}

// The ends of a range in few digits, rounded outwards so that they let every sample pass.
function rounded([low, high]) {
  const unit = 10 ** Math.max(0, 2 - Math.floor(Math.log10(high - low)));
  return [Math.floor(low * unit) / unit, Math.ceil(high * unit) / unit];
}

// A number as the report writes it: a dash for none, two significant digits where decimals would leave zeros.
function written(value, kind) {
  if (!Number.isFinite(value)) return "–";
  if (kind === "count") return value.toLocaleString("en");
  const [shown, unit, digits] = kind === "percent" ? [100 * value, "\u00a0%", 1] : [value, "", 2];
  const text = shown === 0 || Math.abs(shown) >= 10 ** -digits ? shown.toFixed(digits) : shown.toPrecision(2);
  return `${text}${unit}`.replace("-", "−");
}
