// The server's `relight`, in the browser: picture + (gain x tint) x light in units in which light adds up, encoded once.
// Every rounding is the server's own: light and factors are 32-bit floats, sums 64-bit, so that bytes come out equal.

const BINS = 4096;

/** levels (256) and borders (255) of a response curve -> both, and where the search for a level begins. */
export function tablesOf(facts) {
  const levels = Float64Array.from(facts.levels);
  const borders = Float64Array.from(facts.borders);
  const start = new Uint8Array(BINS + 1);
  for (let bin = 0, level = 0; bin <= BINS; bin++) {
    while (level < 255 && borders[level] <= bin / BINS) level++;
    start[bin] = level;
  }
  return { levels, borders, start };
}

/** The three factors of a dial: gain x (a black body at that temperature over the lamp's own). */
export function factorsOf(dial, own, facts) {
  const { least, step } = facts.kelvin;
  const tint = dial.kelvin === null ? null : facts.tints[Math.round((dial.kelvin - least) / step)];
  return [0, 1, 2].map((c) => Math.fround(dial.gain * (tint === null ? 1 : tint[c] / own[c])));
}

/**
 * Add a light to a picture.
 * picture: RGBA bytes. light: three 16-bit levels a pixel, of `step` each. out: RGBA bytes, alpha left alone.
 */
export function relight(picture, light, step, factors, tables, out) {
  const { levels, borders, start } = tables;
  const round = Math.fround;
  const pixels = picture.length / 4;
  for (let c = 0; c < 3; c++) {
    const factor = factors[c];
    for (let pixel = 0, at = c, from = c; pixel < pixels; pixel++, at += 4, from += 3) {
      const sum = levels[picture[at]] + round(round(light[from] * step) * factor);
      let level = start[sum >= 1 ? BINS : sum <= 0 ? 0 : (sum * BINS) | 0];
      while (level < 255 && borders[level] <= sum) level++;
      out[at] = level;
    }
  }
}

/** Every k-th pixel in both directions of a picture or light with so many values a pixel. */
export function sampled(values, width, height, k, each) {
  if (k === 1) return values;
  const [columns, rows] = [Math.ceil(width / k), Math.ceil(height / k)];
  const kept = new values.constructor(columns * rows * each);
  for (let row = 0, to = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const from = (row * k * width + column * k) * each;
      for (let value = 0; value < each; value++) kept[to++] = values[from + value];
    }
  }
  return kept;
}
