/** Writes the tables of `docs/PERFORMANCE.md` from `benches/results/`. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { root } from '../scripts/steps.mjs'
import { scenarios } from './scenarios.mjs'
import { servers } from './servers.mjs'

const LOSSES = ['lost', 'missing_for_late_joiner', 'incomplete']

function results(file) {
  const full = path.join(root, 'benches', 'results', file)
  return existsSync(full) ? JSON.parse(readFileSync(full, 'utf8')) : undefined
}

const rounded = (value) => (value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3))))

/** A scenario: a row for each server, a column for each figure, with its ratio to the floor's. */
function table(key, reports) {
  const { title, shows } = scenarios[key]
  const rows = Object.entries(reports).map(([name, report]) => {
    if (report.failed) return `| ${servers[name].title} | not measured |${' |'.repeat(shows.length)}`
    const cells = shows.map((figure) => {
      const floor = name === 'floor' ? undefined : reports.floor?.[figure]
      return floor ? `${rounded(report[figure])} (${rounded(report[figure] / floor)}×)` : rounded(report[figure])
    })
    const missing = LOSSES.filter((loss) => report[loss] > 0).map((loss) => `${loss} ${rounded(report[loss])}`)
    return `| ${servers[name].title} | ${cells.join(' | ')} | ${missing.join(', ') || 'nothing'} |`
  })
  const head = ['server', ...shows, 'missing']
  return [`### ${title}`, '', `| ${head.join(' | ')} |`, `|${' --- |'.repeat(head.length)}`, ...rows, ''].join('\n')
}

function host({ event_loop_idle: calm, event_loop_10000_updates_per_s: busy, http_idle, http_5000_updates_per_s }) {
  const share = Math.round((http_5000_updates_per_s.requests_per_s / http_idle.requests_per_s) * 100)
  const delay = ({ p50_ms, p99_ms }) => `p50 ${rounded(p50_ms)} ms, p99 ${rounded(p99_ms)} ms`
  return [
    '### What the host feels',
    '',
    '5 rooms of 10 people in the same process; the delay is that of timers of 1 ms.',
    '',
    '| | idle | under load |',
    '| --- | --- | --- |',
    `| event loop delay at 10,000 updates/s | ${delay(calm)} | ${delay(busy)} |`,
    `| an HTTP handler at 5,000 updates/s, requests/s | ${rounded(http_idle.requests_per_s)} | ${rounded(http_5000_updates_per_s.requests_per_s)} (${share} %) |`,
    '',
  ].join('\n')
}

const load = results('load.json')
const parts = []
if (load) {
  const { about } = load
  const { machine } = about
  const quick = about.quick ? ' (a quick run: rough)' : ''
  parts.push(
    `${about.date}, ${machine.cores} × ${machine.cpu}, Linux ${machine.kernel}, Node.js ${machine.node}; ` +
      `medians of ${about.runs} of ${about.seconds} s each${quick}.\n`,
  )
  parts.push(...Object.entries(load.scenarios).map(([key, reports]) => table(key, reports)))
}
const felt = results('host.json')
if (felt) parts.push(host(felt))
const file = path.join(root, 'docs', 'PERFORMANCE.md')
const text = readFileSync(file, 'utf8')
const [before, after] = [text.split('<!-- results -->')[0], text.split('<!-- /results -->')[1]]
writeFileSync(file, `${before}<!-- results -->\n${parts.join('\n').trim()}\n<!-- /results -->${after}`)
