/** Plays a session in a browser, and gives its recording. */

import assert from 'node:assert/strict'

import { RealtimeModule } from '../support/engine.mjs'
import { openDesk } from './browser.mjs'
import { plain } from './reading.mjs'

/**
 * @param {{name: string, editors: string[], seed?: string, foreign?: boolean, mayFallOut?: boolean, play: (desk: object) => Promise<void>}} session
 */
export async function record(browser, script, { name, editors, seed, foreign = false, mayFallOut = false, play }) {
  const desk = await openDesk(browser, script)
  try {
    if (seed !== undefined) await desk.begin(await RealtimeModule.markdownToUpdate(seed))
    for (const kind of editors) {
      const updates = await desk.open(kind)
      // An editor that finds the server's document wrong mends it at once.
      if (seed !== undefined) assert.equal(updates, 0, `${name}: opening it changed the document`)
    }
    await desk.step('opened')
    await play(desk)
    await desk.step('end')
    const recording = { name, editors, foreign, steps: desk.steps }
    // Where two mend a table, or anything may happen, editors over Yjs fall out with their own documents now and
    // then; what is in Yjs is what counts.
    if (mayFallOut) return recording
    const documents = (await desk.documents()).map(plain)
    for (const document of documents) assert.deepEqual(document, documents[0], `${name}: the editors differ`)
    assert.deepEqual(desk.complaints, [], name)
    return { ...recording, shown: documents[0] }
  } finally {
    await desk.close()
  }
}
