// One sample on a canvas: the ends cross-faded, heat above them in its colours, the mask's outline on pixel edges.

const ENLARGED = 2; // canvas pixels per pixel of a thumbnail, so that outlines are fine
const colors = facts.colors;

// {original, heat, inside, outline, and where there are ends negative and positive} ready to draw, from what a pictures file holds of a sample.
async function decoded({ sizes: [width, height, pitch], strips, masks }) {
  const [strip, mask] = await Promise.all([imageOf("jpeg", strips), imageOf("png", masks)]);
  const tiles = Object.fromEntries(facts.tiles.map((name, place) => [name, cut(strip, place * pitch, width, height)]));
  return { width, height, ...tiles, heat: heatLayer(tiles.heat), ...tracedMask(cut(mask, 0, width, height)) };
}

async function imageOf(kind, base64) {
  const image = new Image();
  image.src = `data:image/${kind};base64,${base64}`;
  await image.decode();
  return image;
}

// A tile as a canvas of its own: enlarging a part of a strip would mix its edge with its neighbour's.
function cut(image, left, width, height) {
  const tile = Object.assign(document.createElement("canvas"), { width, height });
  tile.getContext("2d", { willReadFrequently: true }).drawImage(image, left, 0, width, height, 0, 0, width, height);
  return tile;
}

function pixelsOf(tile) {
  return tile.getContext("2d").getImageData(0, 0, tile.width, tile.height);
}

// Grey levels -> inferno, more opaque where there is more heat.
function heatLayer(tile) {
  const pixels = pixelsOf(tile);
  for (let k = 0; k < pixels.data.length; k += 4) {
    const heat = pixels.data[k] / 255;
    const low = Math.min(Math.floor(heat * (colors.length - 1)), colors.length - 2);
    const share = heat * (colors.length - 1) - low;
    for (let c = 0; c < 3; c += 1) pixels.data[k + c] = colors[low][c] + share * (colors[low + 1][c] - colors[low][c]);
    pixels.data[k + 3] = 255 * Math.min(0.88, 0.25 + 1.3 * heat);
  }
  tile.getContext("2d").putImageData(pixels, 0, 0);
  return tile;
}

// The mask's area as rows of pixels, and the edges between what is inside and what is not, as paths in its pixels.
function tracedMask(tile) {
  const { data, width, height } = pixelsOf(tile);
  const at = (x, y) => x >= 0 && y >= 0 && x < width && y < height && data[4 * (y * width + x)] > 127;
  const outline = new Path2D();
  const inside = new Path2D();
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (!at(x, y)) continue;
      inside.rect(x, y, 1, 1);
      for (const [beside, x0, y0, x1, y1] of [
        [at(x - 1, y), x, y, x, y + 1], [at(x + 1, y), x + 1, y, x + 1, y + 1],
        [at(x, y - 1), x, y, x + 1, y], [at(x, y + 1), x, y + 1, x + 1, y + 1],
      ]) {
        if (beside) continue;
        outline.moveTo(x0, y0);
        outline.lineTo(x1, y1);
      }
    }
  }
  return { outline, inside };
}

// `at` runs from -1 (negative) over 0 (original) to 1 (positive).
function draw(canvas, picture, { at, mask, heat }) {
  const { width, height } = picture;
  if (canvas.width !== ENLARGED * width || canvas.height !== ENLARGED * height) Object.assign(canvas, { width: ENLARGED * width, height: ENLARGED * height });
  const context = canvas.getContext("2d");
  const cover = (layer) => context.drawImage(layer, 0, 0, canvas.width, canvas.height);
  context.globalAlpha = 1;
  context.setTransform(1, 0, 0, 1, 0, 0);
  cover(picture.original);
  context.globalAlpha = Math.abs(at);
  if (at) cover(at < 0 ? picture.negative : picture.positive);
  context.globalAlpha = 1;
  if (heat) cover(picture.heat);
  context.setTransform(ENLARGED, 0, 0, ENLARGED, 0, 0);
  context.lineCap = "square";
  if (mask) {
    const color = getComputedStyle(document.documentElement).getPropertyValue("--mask");
    if (!heat) {
      context.globalAlpha = 0.1;
      context.fillStyle = color;
      context.fill(picture.inside);
      context.globalAlpha = 1;
    }
    stroke(context, picture.outline, "rgba(0, 0, 0, 0.4)", 2.5);
    stroke(context, picture.outline, color, 1.25);
  }
}

function stroke(context, path, color, width) {
  context.strokeStyle = color;
  context.lineWidth = width;
  context.stroke(path);
}
