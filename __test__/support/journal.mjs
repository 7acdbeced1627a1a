/** What happened, in order, and a way to wait for what has yet to happen. */

/** How long a wait may take; no passing test comes near it. */
const WAIT_MS_MAX = 20_000

/** A list of entries that can be waited for; nothing is missed between two waits. */
export class Journal {
  /** Everything so far, oldest first. */
  entries = []
  #name
  #waiting = new Set()

  /** @param name what it is a journal of, for the error of a wait that fails */
  constructor(name) {
    this.#name = name
  }

  add(entry) {
    this.entries.push(entry)
    for (const look of [...this.#waiting]) look()
  }

  /** The entries so far that match. */
  all(matches = () => true) {
    return this.entries.filter(matches)
  }

  /** The first entry that matches, of the past or the future. */
  async first(matches, what) {
    const [entry] = await this.atLeast(1, matches, what)
    return entry
  }

  /** All entries that match, once there are so many of them. */
  atLeast(count, matches = () => true, what = String(matches)) {
    return waitFor(
      () => {
        const found = this.all(matches)
        return found.length >= count ? found : undefined
      },
      (look) => {
        this.#waiting.add(look)
        return () => this.#waiting.delete(look)
      },
      () => `${count} x ${what} in ${this.#name}, which has ${shown(this.entries)}`,
    )
  }

  /** The first entry that matches among those added from now on. */
  next(matches = () => true, what = String(matches)) {
    const start = this.entries.length
    return waitFor(
      () => this.entries.slice(start).find(matches),
      (look) => {
        this.#waiting.add(look)
        return () => this.#waiting.delete(look)
      },
      () => `${what} to come in ${this.#name}, where ${shown(this.entries.slice(start))} came`,
    )
  }
}

/**
 * Waits for events until a look gives something.
 *
 * @param look gives what is waited for, or something falsy
 * @param subscribe gets a function to call whenever it is worth to look again; gives a function that undoes it
 * @param what says what is waited for, and what is there instead
 */
export function waitFor(look, subscribe, what) {
  return new Promise((resolve, reject) => {
    const end = (settle, value) => {
      clearTimeout(timer)
      unsubscribe()
      settle(value)
    }
    const again = () => {
      try {
        const found = look()
        if (found) end(resolve, found)
      } catch (error) {
        end(reject, error)
      }
    }
    const late = new Error('waited in vain')
    const timer = setTimeout(() => {
      late.message = `waited ${WAIT_MS_MAX} ms for ${what()}`
      end(reject, late)
    }, WAIT_MS_MAX)
    const unsubscribe = subscribe(again)
    again()
  })
}

/** The last few of many entries, short enough for a message. */
function shown(entries) {
  const last = entries.slice(-8).map((entry) => JSON.stringify(entry)?.slice(0, 160))
  return `${entries.length} entries: ... ${last.join(' ')}`
}
