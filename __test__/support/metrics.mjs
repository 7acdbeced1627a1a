/** What the engine counts, as `/metrics` has it. */

/** The value of a counter or gauge, by its name without the prefix that all have. */
export async function metric({ port }, name) {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`)
  const found = new RegExp(`^civicpress_realtime_${name} (\\d+)$`, 'm').exec(await answer.text())
  if (!found) throw new Error(`there is no ${name}`)
  return Number(found[1])
}
