// The first directory of a TIFF file, which is also the form of an EXIF block (TIFF 6.0, section 2).

const ORIENTATION = 274;
const ENTRY = 12; // bytes of a field
const READ = { 1: ["getUint8", 1], 3: ["getUint16", 2], 4: ["getUint32", 4] }; // the field types of whole numbers

/** A directory. Of a broken one, what can be read. */
export class Directory {
  #view;
  #entries = new Map(); // the place of each field by its tag

  /** @param {Uint8Array} bytes that begin with the byte order, "II" or "MM" */
  constructor(bytes) {
    const order = String.fromCharCode(...bytes.subarray(0, 2));
    this.little = order === "II";
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const start = bytes.length >= 8 ? this.#number("getUint32", 4) : Infinity;
    if ((order !== "II" && order !== "MM") || start + 2 > bytes.length) return;
    const many = Math.min(this.#number("getUint16", start), Math.floor((bytes.length - start - 2) / ENTRY));
    for (let entry = start + 2; entry < start + 2 + many * ENTRY; entry += ENTRY) {
      this.#entries.set(this.#number("getUint16", entry), entry);
    }
  }

  has(tag) {
    return this.#entries.has(tag);
  }

  /** The whole numbers in a field, none if it is not there. Throws RangeError if they are outside the file. */
  values(tag) {
    if (!this.has(tag)) return [];
    const entry = this.#entries.get(tag);
    const [read, size] = READ[this.#number("getUint16", entry + 2)] ?? [];
    const count = this.#number("getUint32", entry + 4);
    if (!read) return [];
    if (count * size > this.#view.byteLength) throw new RangeError("more numbers than bytes");
    const at = count * size > 4 ? this.#number("getUint32", entry + 8) : entry + 8;
    return Array.from({ length: count }, (_, i) => this.#number(read, at + i * size));
  }

  /** How the picture is to be turned, 1 to 8 (EXIF 2.32, tag 274). 1, upright, where it is not said. */
  get orientation() {
    try {
      const [value] = this.values(ORIENTATION);
      return value >= 1 && value <= 8 ? value : 1;
    } catch {
      return 1;
    }
  }

  #number(read, at) {
    return this.#view[read](at, this.little);
  }
}
