// The compressions of TIFF files (TIFF 6.0, sections 9 and 13; Deflate: Adobe Photoshop TIFF Technical Notes 2002).
// Each function takes a block of the file and returns its bytes; `size` is how many there should be.

export function packBits(bytes, size) {
  const out = new Uint8Array(size);
  let to = 0;
  for (let from = 0; from < bytes.length && to < size; ) {
    const code = bytes[from++];
    if (code < 128) {
      out.set(bytes.subarray(from, from + Math.min(code + 1, size - to)), to);
      from += code + 1;
      to += code + 1;
    } else if (code > 128) {
      out.fill(bytes[from++], to, to + 257 - code);
      to += 257 - code;
    }
  }
  return out.subarray(0, to);
}

export async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const CLEAR = 256;
const END = 257;

export function lzw(bytes, size) {
  const out = new Uint8Array(size);
  const starts = new Uint32Array(4097); // where each entry of the table stands in `out`
  const lengths = new Uint16Array(4097);
  let [next, width, to, bits, buffer] = [258, 9, 0, 0, 0];
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    if (bits < width) continue;
    bits -= width;
    const code = (buffer >> bits) & ((1 << width) - 1);
    buffer &= (1 << bits) - 1;
    if (code === END || to >= size) break;
    if (code === CLEAR) {
      [next, width] = [258, 9];
      continue;
    }
    if (code >= next) throw new RangeError("no such code");
    const start = to;
    if (code < CLEAR) out[to++] = code;
    else for (let i = 0; i < lengths[code] && to < size; i++) out[to++] = out[starts[code] + i];
    if (next === starts.length) continue;
    // an entry is this string and the first byte of the one that comes next in `out`
    [starts[next], lengths[next]] = [start, to - start + 1];
    next += 1;
    if (next === 1 << width && width < 12) width += 1;
  }
  return out.subarray(0, to);
}
