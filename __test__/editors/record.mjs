/** Records all sessions anew into `fixtures/`: `node __test__/editors/record.mjs [WORDS OF A NAME]`. */

import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'

import { launchBrowser } from '../e2e/window.mjs'
import { bundlePage } from './browser.mjs'
import { fixturesDir } from './fixtures.mjs'
import { record } from './play.mjs'
import { treeOf } from './reading.mjs'
import { sessions } from './sessions.mjs'

const fileOf = (name) => `${name.toLowerCase().replaceAll(/[^a-z]+/g, '-')}.json`

const wanted = process.argv.slice(2).join(' ')
const browser = await launchBrowser()
try {
  const script = await bundlePage()
  await mkdir(fixturesDir, { recursive: true })
  for (const [name, session] of Object.entries(sessions).filter(([name]) => name.includes(wanted))) {
    const { steps, shown: _, ...about } = await record(browser, script, { name, ...session })
    // For the tests in Rust, which have no y-prosemirror at hand.
    const tree = about.foreign ? undefined : treeOf(steps.map(({ update }) => update))
    await writeFile(path.join(fixturesDir, fileOf(name)), `${JSON.stringify({ ...about, steps, tree })}\n`)
    console.log(name)
  }
} finally {
  await browser.close()
}
