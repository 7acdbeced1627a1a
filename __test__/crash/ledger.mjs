/** What was written to the rooms, and how much of it is known to be saved. */

import assert from 'node:assert/strict'

import { SEED_TEXT } from './victim.mjs'

/** Paragraphs of one room; each text is written once and never again. */
export class Ledger {
  /** By text: `{saved, deleted, deletionSaved}`. */
  #paragraphs = new Map()

  wrote(text) {
    this.#paragraphs.set(text, {})
  }

  deleted(text) {
    this.#paragraphs.get(text).deleted = true
  }

  /** A client was told that this is saved. */
  saved({ text, isDeletion }) {
    const paragraph = this.#paragraphs.get(text)
    if (isDeletion) paragraph.deletionSaved = true
    else paragraph.saved = true
  }

  get savedCount() {
    return [...this.#paragraphs.values()].filter(({ saved }) => saved).length
  }

  /** What is known to be saved now, to be held against a state that comes later. */
  known() {
    return new Map([...this.#paragraphs].map(([text, { saved, deletionSaved }]) => [text, { saved, deletionSaved }]))
  }

  /** Whether a paragraph may be deleted: nobody has tried it yet. */
  isWhole(text) {
    const paragraph = this.#paragraphs.get(text)
    return paragraph !== undefined && !paragraph.deleted
  }

  /**
   * Nothing saved is missing, nothing deleted is back, nothing is there twice.
   *
   * @param known - what was known when the state may have been taken, if that was earlier
   */
  check(paragraphs, where, known = this.known()) {
    const counts = new Map()
    for (const text of paragraphs) counts.set(text, (counts.get(text) ?? 0) + 1)
    assert.equal(counts.get(SEED_TEXT), 1, `the seed in ${where}: ${paragraphs.slice(0, 5)}`)
    for (const [text, { deleted }] of this.#paragraphs) {
      const { saved, deletionSaved } = known.get(text) ?? {}
      const count = counts.get(text) ?? 0
      assert.ok(count <= 1, `${text} is ${count} times in ${where}`)
      if (saved && !deleted) assert.equal(count, 1, `${text} was saved and is not in ${where}`)
      if (deletionSaved) assert.equal(count, 0, `the deletion of ${text} was saved, and it is in ${where}`)
      counts.delete(text)
    }
    counts.delete(SEED_TEXT)
    assert.deepEqual([...counts.keys()], [], `what nobody wrote is in ${where}`)
  }
}
