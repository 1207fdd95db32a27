// The whole picture, beside the page, so that sliders go on answering.
import { relight } from "./light.js";

const held = {};

onmessage = ({ data }) => {
  Object.assign(held, data.hold);
  if (data.factors === undefined) return;
  const out = new Uint8ClampedArray(held.picture.length).fill(255);
  relight(held.picture, held.light, held.step, data.factors, held.tables, out);
  postMessage({ id: data.id, out }, [out.buffer]);
};
