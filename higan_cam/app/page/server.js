// Questions to the server. It keeps nothing, so a question brings everything along; a full server is asked again.

const TRIES = 14; // a minute or so
let token = "";

/** The token of an address such as …/#token=…; it leaves the address bar and is kept for this tab alone. */
export function takeToken() {
  const given = tokenOf(location.hash);
  if (given !== null) {
    sessionStorage.setItem("token", given);
    history.replaceState(null, "", location.pathname);
  }
  token = sessionStorage.getItem("token") ?? "";
}

/** The token that a fragment has, or null. A form's reading would make a space of a +, which base64 has. */
export function tokenOf(hash) {
  const given = /(?:^#|&)token=([^&]*)/.exec(hash)?.[1] ?? null;
  try {
    return given && decodeURIComponent(given);
  } catch {
    return given; // a % that is only a %
  }
}

/** Its text is for people. */
export class Refused extends Error {}

/** The tables that the page needs. */
export async function facts() {
  return (await asked("api/facts", {}, () => {})).json();
}

/** A picture's file -> its places and the picture as it is seen. */
export async function places(file, waiting) {
  return unpacked(await (await posted("api/places", file, waiting)).arrayBuffer());
}

/** A picture's file, a place and a lamp -> the light. */
export async function light(said, files, waiting) {
  return unpacked(await (await posted("api/light", packed(said, files), waiting)).arrayBuffer());
}

function posted(path, body, waiting) {
  return asked(path, { method: "POST", body, headers: { "Content-Type": "application/octet-stream" } }, waiting);
}

/** An answer of the server, which is asked again while it is busy. Refused: with the reason. */
export async function asked(path, options, waiting) {
  const headers = { ...options.headers, ...(token && { Authorization: `Bearer ${token}` }) };
  for (let tried = 1; ; tried++) {
    let answer;
    try {
      answer = await fetch(path, { ...options, headers });
    } catch {
      throw new Refused("The server does not answer. Is it still running?");
    }
    if (answer.ok) return answer;
    if (answer.status !== 503 || tried === TRIES) throw new Refused(await reason(answer));
    waiting("The server is busy with others; asking again …");
    await new Promise((go) => setTimeout(go, Math.min(8000, 250 * 1.6 ** tried) * (0.5 + Math.random())));
  }
}

async function reason(answer) {
  try {
    return (await answer.json()).reason ?? `The server answers ${answer.status}.`;
  } catch {
    return answer.status === 503 ? "The server is busy with others; try again." : `The server answers ${answer.status}.`;
  }
}

function packed(said, files) {
  const parts = Object.entries(files).map(([name, file]) => [name, file.size]);
  const told = new TextEncoder().encode(JSON.stringify({ ...said, parts }));
  const length = new DataView(new ArrayBuffer(4));
  length.setUint32(0, told.length, true);
  return new Blob([length, told, ...Object.values(files)]);
}

function unpacked(body) {
  const length = new DataView(body).getUint32(0, true);
  const said = JSON.parse(new TextDecoder().decode(new Uint8Array(body, 4, length)));
  const files = {};
  let start = 4 + length;
  for (const [name, size] of said.parts) {
    files[name] = body.slice(start, start + size);
    start += size;
  }
  return { said, files };
}
