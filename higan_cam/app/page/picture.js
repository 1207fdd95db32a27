// What is shown: a picture, and the same with light. While a slider moves, every k-th pixel, so that it answers within a
// frame; once it rests, all of them.
import { factorsOf, relight, sampled, tablesOf } from "./light.js";

const AT_ONCE = 200_000;
const REST_MS = 120;

/** A PNG's pixels, untouched by colour management. */
export async function pixelsOf(png) {
  const made = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const bitmap = await createImageBitmap(new Blob([png], { type: "image/png" }), made);
  const context = contextOf(bitmap.width, bitmap.height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, context.canvas.width, context.canvas.height);
}

export class Shown {
  /** `failed` is told what the worker could not do. */
  constructor(canvas, facts, failed) {
    this.canvas = canvas;
    this.facts = facts;
    this.tables = tablesOf(facts);
    this.worker = new Worker("worker.js", { type: "module" });
    this.failed = failed;
    this.worker.onmessage = ({ data }) => this.waiting.get(data.id)?.made(data.out);
    this.worker.onerror = (event) => this.lost(new Error(event.message ?? "worker.js does not load"));
    this.waiting = new Map();
    this.asked = 0;
  }

  /** A new picture, without light. */
  open(picture) {
    this.stop();
    this.picture = picture;
    this.light = null;
    this.k = 1;
    while (Math.ceil(picture.width / this.k) * Math.ceil(picture.height / this.k) > AT_ONCE) this.k++;
    this.before();
  }

  /** A light, in the picture (`under`) that may have its lamp. */
  take(light, under) {
    if (this.light?.of === light) return;
    const { width, height } = this.picture;
    const picture = under.data;
    this.light = {
      of: light,
      own: light.own,
      step: light.step,
      picture: sampled(picture, width, height, this.k, 4),
      levels: sampled(light.levels, width, height, this.k, 3),
    };
    this.worker.postMessage({ hold: { picture, light: light.levels, step: light.step, tables: this.tables } });
  }

  /** The picture as it was. */
  before() {
    this.stop();
    this.paint(this.picture, true);
  }

  /** The light at this dial: at once, and then whole. */
  show(dial) {
    this.dial = dial;
    this.canvas.dataset.whole = "no";
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.quick();
    });
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.settle(), REST_MS);
  }

  /** Every k-th pixel, now. */
  quick() {
    const { picture, levels, step, own } = this.light;
    const [width, height] = [Math.ceil(this.picture.width / this.k), Math.ceil(this.picture.height / this.k)];
    const image = new ImageData(width, height);
    image.data.fill(255);
    relight(picture, levels, step, factorsOf(this.dial, own, this.facts), this.tables, image.data);
    this.paint(image, false);
  }

  async settle() {
    const dial = this.dial;
    const image = await this.whole(dial).catch(() => null); // `failed` has been told
    if (image && this.dial === dial && this.light !== null) this.paint(image, true);
  }

  /** The worker failed: nobody waits for it any longer. */
  lost(error) {
    for (const { refused } of this.waiting.values()) refused(error);
    this.waiting.clear();
    this.failed(error);
  }

  /** All pixels at this dial. */
  whole(dial) {
    const id = ++this.asked;
    const { width, height } = this.picture;
    return new Promise((made, refused) => {
      const answered = (out) => {
        this.waiting.delete(id);
        made(new ImageData(out, width, height));
      };
      this.waiting.set(id, { made: answered, refused });
      this.worker.postMessage({ id, factors: factorsOf(dial, this.light.own, this.facts) });
    });
  }

  /** The whole result as a PNG. */
  async png(dial) {
    const image = await this.whole(dial);
    const context = contextOf(image.width, image.height);
    context.putImageData(image, 0, 0);
    return new Promise((made) => context.canvas.toBlob(made, "image/png"));
  }

  stop() {
    clearTimeout(this.rest);
    if (this.frame) cancelAnimationFrame(this.frame);
    this.frame = null;
    this.dial = null;
  }

  paint(image, whole) {
    if (this.canvas.width !== image.width || this.canvas.height !== image.height) {
      this.canvas.width = image.width;
      this.canvas.height = image.height;
    }
    this.canvas.getContext("2d").putImageData(image, 0, 0);
    this.canvas.dataset.whole = whole ? "yes" : "no";
  }
}

function contextOf(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas.getContext("2d", { willReadFrequently: true });
}
