// The header of a frame, as web/protocol.py reads it, and the square that is cut from a picture.

const HEADER_BYTES = 16;
const ECHO_BYTES = 8;
const VERSION = 1;
export const MAX_ECHOES = 16;

/**
 * The bytes before the JPEG, in network byte order.
 *
 * @param {number} seq 1 or more, greater than that of every earlier frame
 * @param {number} captured milliseconds since 1970 by this browser's clock
 * @param {Array<[number, number]>} echoes earlier frames: sequence number, milliseconds from capture to label
 * @returns {Uint8Array}
 */
export function packHeader(seq, captured, echoes = []) {
  const kept = echoes.slice(-MAX_ECHOES);
  const view = new DataView(new ArrayBuffer(HEADER_BYTES + ECHO_BYTES * kept.length));
  view.setUint8(0, 0x53); // S
  view.setUint8(1, 0x46); // F
  view.setUint8(2, VERSION);
  view.setUint8(3, kept.length);
  view.setUint32(4, seq);
  view.setFloat64(8, captured);
  kept.forEach(([earlier, ms], i) => {
    view.setUint32(HEADER_BYTES + ECHO_BYTES * i, earlier);
    view.setFloat32(HEADER_BYTES + ECHO_BYTES * i + 4, ms);
  });
  return new Uint8Array(view.buffer);
}

/** The centred square of a picture of `width` by `height` pixels whose side is `crop` of the shorter one, 0 to 1. */
export function centreSquare(width, height, crop) {
  const side = Math.min(width, height) * crop;
  return { x: (width - side) / 2, y: (height - side) / 2, side };
}

/** Milliseconds since 1970, more precise than Date.now(), and it never goes back. */
export function now() {
  return performance.timeOrigin + performance.now();
}
