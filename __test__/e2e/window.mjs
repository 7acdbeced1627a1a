// A browser window on one record, as one person, and all that its console said.

import assert from 'node:assert/strict'
import fs from 'node:fs'
import { chromium } from 'playwright-core'

const CHROMIUM = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium'
const WAIT_MS_MAX = 30_000

/** What the browser itself writes when nobody answers. A page has no say in it. */
const NETWORK_MESSAGE = /net::ERR_|^WebSocket connection to '[^']*' failed/

export async function launchBrowser() {
  assert.ok(fs.existsSync(CHROMIUM), `this test needs Chromium: none at ${CHROMIUM} (CHROMIUM_PATH names another)`)
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/** @param {import('playwright-core').Browser} browser */
export async function openWindow(browser, url) {
  // A context of its own: nothing is shared with the other windows but the server.
  const context = await browser.newContext({ viewport: { width: 1280, height: 1250 } })
  const page = await context.newPage()
  page.setDefaultTimeout(WAIT_MS_MAX)
  let serverIsUp = true
  const complaints = []
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error.stack}`))
  page.on('console', (message) => {
    if (!['error', 'warning', 'assert'].includes(message.type())) return
    if (!serverIsUp && NETWORK_MESSAGE.test(message.text())) return
    complaints.push(`${message.type()}: ${message.text()} (${message.location().url})`)
  })

  await page.goto(url)
  const editor = page.locator('.ProseMirror')
  await editor.waitFor()

  return {
    page,
    editor,
    complaints,
    serverIsUp: (is) => (serverIsUp = is),
    connection: (state) => page.waitForSelector(`#connection[data-state="${state}"]`),
    saved: (state) => page.waitForSelector(`#saved[data-state="${state}"]`),

    /** The text of the document, without the carets that are drawn into it. */
    text: () => page.evaluate(textOfEditor),

    /** Until the document holds all of these. */
    holds: (tokens) => page.waitForFunction(holdsAll, tokens),

    /** Until the draft, as the server wrote it, holds all of these. */
    draftHolds: (tokens) =>
      page.waitForFunction((all) => {
        const draft = document.querySelector('.draft pre')?.textContent ?? ''
        return all.every((token) => draft.includes(token))
      }, tokens),

    /**
     * A line of one's own after a heading, to type in. The caret is put there by script: keys that follow a click
     * faster than any hand would race with the editor's own handling of the mouse.
     *
     * @param {string} heading
     */
    async startLineAfter(heading) {
      await editor.focus()
      await page.locator('.ProseMirror h2', { hasText: heading }).waitFor()
      await page.evaluate(putCaretAtEndOf, heading)
      await page.keyboard.press('Enter')
      await page.waitForFunction(isInEmptyLineAfter, heading)
    },

    async type(tokens) {
      for (const token of tokens) await page.keyboard.type(`${token} `)
    },
  }
}

function textOfEditor() {
  const copy = document.querySelector('.ProseMirror').cloneNode(true)
  copy.querySelectorAll('.caret, .ProseMirror-separator, .ProseMirror-trailingBreak').forEach((node) => node.remove())
  return [...copy.querySelectorAll('p, h1, h2, h3, pre')].map((block) => block.textContent).join('\n')
}

function holdsAll(tokens) {
  const copy = document.querySelector('.ProseMirror').cloneNode(true)
  copy.querySelectorAll('.caret').forEach((node) => node.remove())
  return tokens.every((token) => copy.textContent.includes(token))
}

/**
 * Puts the caret at the end of a heading, until the editor has taken it over: it listens to the same event, from before
 * us. Having just got the focus, it may first put its own caret back, and it may draw the heading anew; hence the loop.
 */
async function putCaretAtEndOf(heading) {
  const selection = getSelection()
  const block = () => [...document.querySelectorAll('.ProseMirror h2')].find((h2) => h2.textContent === heading)
  while (!selection.isCollapsed || !block()?.contains(selection.anchorNode)) {
    const changed = new Promise((resolve) => document.addEventListener('selectionchange', resolve, { once: true }))
    selection.selectAllChildren(block())
    selection.collapseToEnd()
    await changed
  }
}

function isInEmptyLineAfter(heading) {
  const { anchorNode } = getSelection()
  const line = (anchorNode instanceof Element ? anchorNode : anchorNode?.parentElement)?.closest('p')
  return line?.textContent === '' && line.previousElementSibling?.textContent === heading
}
