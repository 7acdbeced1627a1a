/** Random choices that can be repeated: each run prints its seed, and `TEST_SEED` sets it. */

/**
 * A generator of numbers from 0 up to, but without, 1 (mulberry32).
 *
 * @param t the test, which prints the seed
 */
export function seeded(t) {
  const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 32)) >>> 0
  t.diagnostic(`TEST_SEED=${seed}`)
  let state = seed
  const random = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    seed,
    /** A whole number below `end`. */
    below: (end) => Math.floor(random() * end),
    /** One of several. */
    pick: (list) => list[Math.floor(random() * list.length)],
  }
}
