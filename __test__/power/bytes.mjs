/** The bytes of a file that is written and cut. */

export class Bytes {
  #buffer = Buffer.alloc(0)
  length = 0

  /** A copy, to go on from. */
  copy() {
    const copy = new Bytes()
    copy.#buffer = Buffer.from(this.view())
    copy.length = this.length
    return copy
  }

  /** All of them, until the next change. */
  view() {
    return this.#buffer.subarray(0, this.length)
  }

  /** Does a `write` or a `truncate`. */
  change({ does, offset, data, size }) {
    this.resize(does === 'truncate' ? size : Math.max(this.length, offset + data.length))
    data?.copy(this.#buffer, offset)
    return this
  }

  /** What is new is `fill`. */
  resize(length, fill = 0) {
    if (length > this.#buffer.length) {
      // Files grow page by page: not each of them is worth a copy.
      const larger = Buffer.alloc(2 * length)
      this.view().copy(larger)
      this.#buffer = larger
    }
    this.#buffer.fill(fill, Math.min(this.length, length), Math.max(this.length, length))
    this.length = length
  }
}
