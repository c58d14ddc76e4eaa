// Files that the playground hands out: a clip as an animated GIF, and arrays as NumPy's .npz. Both
// are exact: a GIF has room for 256 greys, and an .npz holds the bytes of the arrays themselves.
// tests/website/test_playground_files.py opens them with Pillow and with NumPy.
// @ts-check

/** @typedef {Uint8Array | Int32Array | BigInt64Array | Float32Array | Float64Array} Numbers */

const ascii = (/** @type {string} */ text) => new TextEncoder().encode(text);

/**
 * What Python's `struct.pack("<…")` makes: B, H and I are whole numbers of 1, 2 and 4 bytes.
 * @param {string} form @param {number[]} values
 */
function packed(form, ...values) {
  const bytes = (/** @type {number} */ k) => ({ B: 1, H: 2 })[form[k]] || 4;
  const shifts = [0, 8, 16, 24];
  return Uint8Array.from(values.flatMap((n, k) => shifts.slice(0, bytes(k)).map((by) => n >>> by)));
}

/** @param {Uint8Array[]} parts */
function joined(parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/**
 * Make a GIF that loops for ever, each pixel `scale` pixels wide and high. The page goes on between
 * two frames, since all of them can take a slow processor more than half a second.
 * Its format: https://www.w3.org/Graphics/GIF/spec-gif89a.txt
 * @param {Uint8Array[]} frames of `size` × `size` greys
 * @param {number} size @param {number} scale
 * @param {number} delay of each frame, in milliseconds: a GIF counts in hundredths of a second
 */
export async function gif(frames, size, scale = 4, delay = 100) {
  const side = size * scale;
  const near = Array.from({ length: side }, (_, at) => Math.floor(at / scale));
  const source = Uint32Array.from(near.flatMap((row) => near.map((column) => row * size + column)));
  const greys = Uint8Array.from({ length: 3 * 256 }, (_, at) => at / 3);
  const parts = [ascii("GIF89a"), packed("HHBBB", side, side, 0xf7, 0, 0), greys];
  parts.push(packed("BBB", 0x21, 0xff, 11), ascii("NETSCAPE2.0"), packed("BBHB", 3, 1, 0, 0));
  for (const frame of frames) {
    parts.push(packed("BBBBHBB", 0x21, 0xf9, 4, 4, Math.round(delay / 10), 0, 0));
    parts.push(packed("BHHHHBB", 0x2c, 0, 0, side, side, 0, 8));
    const codes = lzw(frame, source);
    for (let at = 0; at < codes.length; at += 255) {
      const block = codes.subarray(at, at + 255);
      parts.push(Uint8Array.of(block.length), block);
    }
    parts.push(Uint8Array.of(0));
    await new Promise((goOn) => setTimeout(goOn));
  }
  return joined([...parts, Uint8Array.of(0x3b)]);
}

/**
 * Compress `frame[source[0]]`, `frame[source[1]]` and so on, with codes that grow from 9 to 12 bits.
 * @param {Uint8Array} frame @param {Uint32Array} source
 */
function lzw(frame, source) {
  const [clear, end, full] = [256, 257, 4096];
  const longer = new Uint16Array(full * 256); // the code of a known run and one pixel more, or 0
  const out = new Uint8Array(2 * source.length + 8); // at worst 12 bits for each pixel
  let [at, bits, held, width, next] = [0, 0, 0, 9, end + 1];
  const emit = (/** @type {number} */ code) => {
    held |= code << bits;
    for (bits += width; bits >= 8; bits -= 8) {
      out[at++] = held;
      held >>>= 8;
    }
    if (next === 1 << width && width < 12) width++; // who reads is one code behind
  };
  emit(clear);
  let run = frame[source[0]];
  for (let k = 1; k < source.length; k++) {
    const pixel = frame[source[k]];
    const key = run * 256 + pixel;
    run = longer[key];
    if (run) continue;
    emit(key >> 8);
    if (next < full) longer[key] = next++;
    else {
      emit(clear);
      longer.fill(0);
      [width, next] = [9, end + 1];
    }
    run = pixel;
  }
  emit(run);
  emit(end);
  out[at] = held;
  return out.subarray(0, bits ? at + 1 : at);
}

/**
 * Make what `np.savez` makes: a zip of .npy files that are stored as they are. The same arrays make
 * the same bytes, since all files are of 1980-01-01.
 * @param {Record<string, {data: Numbers, shape: number[]}>} arrays by name
 */
export function npz(arrays) {
  const files = [];
  const directory = [];
  let at = 0;
  for (const [name, { data, shape }] of Object.entries(arrays)) {
    const [path, file] = [ascii(`${name}.npy`), npy(data, shape)];
    const sizes = [crc32(file), file.length, file.length, path.length, 0];
    const about = packed("HHHHHIIIHH", 20, 0x800, 0, 0, 0x21, ...sizes); // 0x800: names are UTF-8
    directory.push(packed("IH", 0x02014b50, 20), about, packed("HHHII", 0, 0, 0, 0, at), path);
    files.push(joined([packed("I", 0x04034b50), about, path, file]));
    at += files[files.length - 1].length;
  }
  const [list, n] = [joined(directory), files.length];
  return joined([...files, list, packed("IHHHHIIH", 0x06054b50, 0, 0, n, n, list.length, at, 0)]);
}

/** @param {Numbers} data @param {number[]} shape */
function npy(data, shape) {
  const [all, text] = [shape.reduce((product, n) => product * n, 1), shape.join(", ")];
  if (all !== data.length) throw new Error(`${data.length} numbers for a shape of (${text})`);
  const kind = data[Symbol.toStringTag].replace("Big", "")[0].toLowerCase(); // u, i or f
  const width = data.BYTES_PER_ELEMENT;
  const descr = `${width > 1 ? "<" : "|"}${kind}${width}`; // no browser runs where it would be ">"
  const tuple = `(${text}${shape.length === 1 ? "," : ""})`;
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const length = 64 * Math.ceil((header.length + 11) / 64) - 10; // the numbers begin at 64, 128 …
  const start = [Uint8Array.of(0x93), ascii("NUMPY"), packed("BBH", 1, 0, length)];
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return joined([...start, ascii(`${header.padEnd(length - 1)}\n`), bytes]);
}

/** @param {Uint8Array} bytes */
function crc32(bytes) {
  const table = Int32Array.from({ length: 256 }, (_, byte) => {
    for (let bit = 0; bit < 8; bit++) byte = (byte >>> 1) ^ (byte & 1 ? 0xedb88320 : 0);
    return byte;
  });
  let crc = -1;
  for (const byte of bytes) crc = (crc >>> 8) ^ table[(crc ^ byte) & 255];
  return ~crc >>> 0;
}
