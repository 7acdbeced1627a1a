/**
 * Markdown to Yjs and back, beside the JavaScript packages that the editor itself uses, in one run:
 * `npm run bench:markdown [-- --quick]`. Writes `benches/results/markdown.json`, unless it is quick.
 *
 * Ours runs on libuv's threads, so besides how long it takes it is measured how late Node's own thread becomes
 * meanwhile. The packages run on Node's thread; it is held up for as long as they take.
 */

import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { prosemirrorToYXmlFragment, yXmlFragmentToProseMirrorRootNode } from 'y-prosemirror'
import * as Y from 'yjs'

import { parseMarkdown, serializeMarkdown } from '../__test__/oracle/markdown.mjs'
import { createRandom } from '../__test__/oracle/random.mjs'
import { schema } from '../__test__/oracle/schema.mjs'
import { root } from '../scripts/steps.mjs'

const { RealtimeModule } = createRequire(import.meta.url)('../index.js')

const { values: options } = parseArgs({ options: { quick: { type: 'boolean', default: false } } })

const SIZES = { '10 KB': 10_000, '100 KB': 100_000, '1 MB': 1_000_000 }
const SEED = 1

/** How often each is measured; the packages take seconds for the longest. */
const RUNS = options.quick ? { ours: 5, packages: 1 } : { ours: 21, packages: 5 }

/** How often ours runs while Node's thread is watched. */
const WATCHED_RUNS = options.quick ? 5 : 50

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]

/** A by-law of about this many bytes, with what records have in it. */
function record(bytes) {
  const { below, pick, chance } = createRandom(SEED)
  const words = `le la des règlement municipal bruit résidents conseil article séance budget parcs voirie eau propriété
    permis avis public the council shall not exceed limit night construction equipment authorized within days of notice
    penalty amount schedule meeting`.split(/\s+/)
  const plain = (count) => Array.from({ length: count }, () => pick(words)).join(' ')
  const styled = () =>
    pick([
      (text) => `**${text}**`,
      (text) => `*${text}*`,
      (text) => `\`${text}\``,
      (text) => `[${text}](https://ville.example/annexes/${below(1000)})`,
      (text) => `[${text}](https://ville.example/r/${below(1000)} "Annexe ${below(100)}")`,
      () => `<!--civic-ref type="record" id="record-${below(1000)}" label="Budget"-->`,
    ])(plain(1 + below(3)))
  const sentence = () =>
    Array.from({ length: 3 + below(4) }, () => (chance(0.3) ? styled() : plain(2 + below(6)))).join(' ')
  const paragraph = () => Array.from({ length: 1 + below(4) }, () => `${sentence()}.`).join(' ')
  const list = () => Array.from({ length: 2 + below(5) }, (_, index) => item(index + 1)).join('\n')
  const item = (number) => `- ${sentence()}${chance(0.3) ? `\n  1. ${sentence()}\n  2. ${number} ${plain(3)}` : ''}`
  const row = () => `| ${plain(2)} | ${chance(0.3) ? styled() : plain(1)} | ${below(10_000)} $ |`
  const table = () => ['| Poste | Note | Montant |\n| :-- | --- | --: |', ...Array.from({ length: 2 + below(6) }, row)].join('\n')
  const blocks = [
    paragraph, paragraph, paragraph, list, table,
    () => `> ${sentence()}\n>\n> ${sentence()}`,
    () => `\`\`\`yaml\n${Array.from({ length: 1 + below(4) }, () => `${pick(words)}: ${below(100)}`).join('\n')}\n\`\`\``,
    () => `${sentence()}\\\n${sentence()}`,
  ]
  const parts = [`# ${plain(4)}`]
  for (let length = 0, article = 1; length < bytes; ) {
    if (chance(0.2)) parts.push(`## Article ${article++} : ${plain(3)}`)
    else parts.push(pick(blocks)())
    length += Buffer.byteLength(parts.at(-1)) + 2
  }
  return parts.join('\n\n')
}

/** As the editor in the browser does it, on one thread. */
const packages = {
  parse(markdown) {
    const doc = new Y.Doc()
    prosemirrorToYXmlFragment(parseMarkdown(markdown), doc.getXmlFragment('default'))
    return Y.encodeStateAsUpdate(doc)
  },
  serialize(update) {
    const doc = new Y.Doc()
    Y.applyUpdate(doc, update)
    return serializeMarkdown(yXmlFragmentToProseMirrorRootNode(doc.getXmlFragment('default'), schema))
  },
}

const ours = {
  parse: (markdown) => RealtimeModule.markdownToUpdate(markdown),
  serialize: (update) => RealtimeModule.updateToMarkdown(update),
}

const tree = (update) => {
  const doc = new Y.Doc()
  Y.applyUpdate(doc, update)
  return yXmlFragmentToProseMirrorRootNode(doc.getXmlFragment('default'), schema).toJSON()
}

/** Figures count only for the same work: same document from the Markdown, same Markdown from the document. */
async function assertSame(markdown, update) {
  assert.deepEqual(tree(await ours.parse(markdown)), tree(update), 'they read different documents')
  assert.equal(await ours.serialize(update), packages.serialize(update), 'they write different Markdown')
}

/** The median in milliseconds. One run before does not count. */
async function time(runs, work) {
  const took = []
  for (let run = 0; run <= runs; run++) {
    const start = performance.now()
    await work()
    if (run > 0) took.push(performance.now() - start)
  }
  return median(took)
}

/** How late a timer of Node's thread is while something runs over and over. */
async function loopDelay(runs, work) {
  const histogram = monitorEventLoopDelay({ resolution: 1 })
  histogram.enable()
  for (let run = 0; run < runs; run++) await work()
  // Its first timer is due only after its resolution.
  await pause(5)
  histogram.disable()
  const ms = (value) => Math.max(0, value / 1e6 - 1)
  return { p50_ms: ms(histogram.percentile(50)), p99_ms: ms(histogram.percentile(99)), max_ms: ms(histogram.max) }
}

async function measure(size, bytes) {
  const markdown = record(bytes)
  const update = packages.parse(markdown)
  await assertSame(markdown, update)
  const inputs = { parse: markdown, serialize: update }
  const rows = []
  for (const [direction, input] of Object.entries(inputs)) {
    const theirs = await time(RUNS.packages, () => packages[direction](input))
    const mine = await time(RUNS.ours, () => ours[direction](input))
    const delay = await loopDelay(WATCHED_RUNS, () => ours[direction](input))
    rows.push({ size, bytes: Buffer.byteLength(markdown), direction, packages_ms: theirs, ours_ms: mine, ratio: theirs / mine, delay })
  }
  return rows
}

const shown = (value) => (value >= 100 ? value.toFixed(0) : value >= 1 ? value.toPrecision(3) : value.toFixed(2))

function show(rows) {
  const cells = rows.map(({ size, direction, packages_ms, ours_ms, ratio, delay }) => ({
    '': `${direction} ${size}`,
    'packages, ms': shown(packages_ms),
    'ours, ms': shown(ours_ms),
    ratio: `${shown(ratio)}x`,
    'event loop late p50, ms': shown(delay.p50_ms),
    'p99, ms': shown(delay.p99_ms),
    'max, ms': shown(delay.max_ms),
  }))
  const names = Object.keys(cells[0])
  const widths = names.map((name) => Math.max(name.length, ...cells.map((row) => row[name].length)))
  const line = (texts) => `| ${texts.map((text, index) => text[index === 0 ? 'padEnd' : 'padStart'](widths[index])).join(' | ')} |`
  console.log(line(names))
  console.log(line(widths.map((width, index) => (index === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))))
  for (const row of cells) console.log(line(Object.values(row)))
}

const rows = []
for (const [size, bytes] of Object.entries(SIZES)) rows.push(...(await measure(size, bytes)))
show(rows)

if (!options.quick) {
  const machine = { cpu: os.cpus()[0].model, cores: os.cpus().length, kernel: os.release(), node: process.version }
  const about = { date: new Date().toISOString().slice(0, 10), runs: RUNS, machine }
  const folder = path.join(root, 'benches', 'results')
  mkdirSync(folder, { recursive: true })
  writeFileSync(path.join(folder, 'markdown.json'), `${JSON.stringify({ about, markdown: rows }, null, 2)}\n`)
}
