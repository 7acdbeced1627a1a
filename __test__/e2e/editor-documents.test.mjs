// Editors in a browser, at this moment: what they make is read by the server as they read it themselves.
// `EDITORS_SEED` plays the same random sessions again, `EDITORS_ROUNDS` longer ones.

import { after, before, test } from 'node:test'

import { bundlePage } from '../editors/browser.mjs'
import { record } from '../editors/play.mjs'
import { randomSession } from '../editors/random.mjs'
import { checkRecording } from '../editors/reading.mjs'
import { sessions } from '../editors/sessions.mjs'
import { launchBrowser } from './window.mjs'

const SEED = Number(process.env.EDITORS_SEED ?? Date.now() % 1_000_000)
const ROUNDS = Number(process.env.EDITORS_ROUNDS ?? 12)

/** More pages at once are not done sooner. */
const PAGES = 4

let browser
let script

before(async () => {
  ;[browser, script] = await Promise.all([launchBrowser(), bundlePage()])
})

after(() => browser?.close())

const random = ['tiptap-civic', 'prosemirror'].map((kind) => randomSession(kind, SEED, ROUNDS))
const all = [...random, ...Object.entries(sessions).map(([name, session]) => ({ name, ...session }))]

test('editors and the server read the same documents', { concurrency: PAGES }, async (t) => {
  const tests = all.map((session) =>
    t.test(session.name, async () => checkRecording(await record(browser, script, session))),
  )
  await Promise.all(tests)
})
