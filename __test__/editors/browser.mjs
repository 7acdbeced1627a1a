/** A page with editors in a real browser, and hands for them. */

import path from 'node:path'
import { fileURLToPath } from 'node:url'

import { build } from 'esbuild'

const entry = fileURLToPath(new URL('page/main.js', import.meta.url))

/** The page's script. */
export async function bundlePage() {
  const { outputFiles } = await build({
    entryPoints: [entry],
    outfile: path.basename(entry),
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    target: 'es2022',
    logLevel: 'warning',
  })
  return outputFiles[0].text
}

/**
 * A desk at which up to a few people write in one document. People are numbers: 0, 1.
 *
 * @param {import('playwright-core').Browser} browser
 */
export async function openDesk(browser, script) {
  const context = await browser.newContext()
  const page = await context.newPage()
  const complaints = []
  page.on('pageerror', (error) => complaints.push(error.stack))
  await page.setContent('<!doctype html><meta charset="utf-8"><style>.ProseMirror { white-space: pre-wrap }</style>')
  await page.addScriptTag({ content: script, type: 'module' })
  await page.waitForFunction(() => 'desk' in window)

  const call = (name, ...args) => page.evaluate(([name, args]) => window.desk[name](...args), [name, args])
  const steps = []
  let hands = null

  /** Keys go to whoever has the focus. */
  async function handTo(who) {
    if (hands !== who) await call('focus', who)
    hands = who
  }

  return {
    complaints,
    steps,
    begin: (update) => call('begin', Buffer.from(update).toString('base64')),
    open: (kind) => call('open', kind),
    async type(who, text) {
      await handTo(who)
      await page.keyboard.type(text)
    },
    async press(who, ...keys) {
      await handTo(who)
      for (const key of keys) await page.keyboard.press(key)
    },
    run: (who, name, ...args) => call('run', who, name, args),
    paste: (who, html) => call('paste', who, html),
    pasteText: (who, text) => call('pasteText', who, text),
    select: (who, words) => call('select', who, words),
    selectShares: (who, from, to) => call('selectShares', who, from, to),
    caret: (who, words, side = 'after') => call('caret', who, words, side),
    text: (who) => call('text', who),
    documents: () => call('documents'),
    /** What both do until `together` ends, they do without hearing of each other. */
    async apart(together) {
      await call('hold', true)
      try {
        await together()
      } finally {
        await call('hold', false)
      }
    },
    /** Takes down what has changed since the last step. */
    async step(what) {
      steps.push({ what, update: await call('take') })
    },
    close: () => context.close(),
  }
}
