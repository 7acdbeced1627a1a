/** Writes the tables of `docs/PERFORMANCE.md` and the plots of `docs/performance/` from `benches/results/`. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { root } from '../scripts/steps.mjs'
import { beside, losses, rounded } from './figures.mjs'
import { bars, COLOURS, curves } from './plot.mjs'
import { growth, growthFigures, scenarios } from './scenarios.mjs'
import { servers } from './servers.mjs'

const plotsDir = path.join(root, 'docs', 'performance')

function results(file) {
  const full = path.join(root, 'benches', 'results', file)
  return existsSync(full) ? JSON.parse(readFileSync(full, 'utf8')) : undefined
}

const shownAs = (name) => ({ name: servers[name].title, colour: COLOURS[Object.keys(servers).indexOf(name)] })

const markdownTable = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

const missingOf = (report) => losses(report).join(', ') || 'nothing'

/** `server_cpu_s_per_million` as people say it. */
const UNITS = [
  ['_s_per_million', 's per million'],
  ['_per_s', '/s'],
  ['_ms_per_join', 'ms per join'],
  ['kib_per_connection', 'KiB per connection'],
  ['_ms', 'ms'],
  ['_mib', 'MiB'],
]
function spoken(figure) {
  const [ending, unit] = UNITS.find(([ending]) => figure.endsWith(ending)) ?? ['', '']
  const name = (ending ? figure.slice(0, -ending.length) : figure).replaceAll('_', ' ').replace('cpu', 'CPU').replace('rss', 'RSS')
  return [name, unit].filter(Boolean).join(unit === '/s' ? '' : ', ')
}

/** A scenario: a row for each server, a column for each figure, with its ratio to the floor's. */
function table(key, reports) {
  const { title, shows } = scenarios[key]
  const rows = Object.entries(reports).map(([name, report]) => {
    if (report.failed) return [servers[name].title, `not measured: ${report.failed.split('\n')[0]}`, ...shows.map(() => '')]
    const floor = name === 'floor' ? undefined : reports.floor
    return [servers[name].title, ...shows.map((figure) => beside(report[figure], floor?.[figure])), missingOf(report)]
  })
  return `### ${title}\n\n${markdownTable(['server', ...shows.map(spoken), 'missing'], rows)}\n`
}

/** Bars of one figure in all scenarios that have it. */
function drawBars(file, title, figure, load) {
  const names = Object.keys(servers).filter((name) => Object.values(load).some((reports) => reports[name]?.[figure] > 0))
  const shown = Object.entries(load).filter(([key]) => scenarios[key].shows.includes(figure))
  const groups = shown.map(([key, reports]) => ({
    label: scenarios[key].title,
    values: names.map((name) => reports[name]?.[figure]),
  }))
  return draw(file, title, bars({ title, series: names.map(shownAs), groups }))
}

/** The Markdown that shows a plot, once that is written. */
function draw(file, title, svg) {
  if (!svg) return ''
  mkdirSync(plotsDir, { recursive: true })
  writeFileSync(path.join(plotsDir, file), svg)
  return `![${title}](performance/${file})\n`
}

/** One growth: a table, and a plot for each figure. */
function grown(key, bySize, measured) {
  const { title, axis } = growth[key]
  const names = Object.keys(servers).filter((name) => Object.values(bySize).some((reports) => reports[name]))
  const rows = Object.entries(bySize).flatMap(([size, reports]) =>
    names.filter((name) => reports[name]).map((name) => {
      const report = reports[name]
      if (report.failed) return [size, servers[name].title, `not measured: ${report.failed.split('\n')[0]}`, '', '', '']
      const floor = name === 'floor' ? undefined : reports.floor
      return [size, servers[name].title, ...Object.keys(growthFigures).map((figure) => beside(report[figure], floor?.[figure])), missingOf(report)]
    }),
  )
  const plots = Object.entries(growthFigures).map(([figure, y]) => {
    const points = (name) =>
      Object.entries(bySize)
        .map(([size, reports]) => [Number(size), reports[name]?.[figure]])
        .filter(([, value]) => value > 0)
    const drawn = { title: `${y}: ${title}`, x: axis, y, curves: names.map((name) => ({ ...shownAs(name), points: points(name) })) }
    return draw(`${key}-${figure.replaceAll('_', '-')}.svg`, drawn.title, curves(drawn))
  })
  const head = [axis, 'server', ...Object.values(growthFigures), 'missing']
  return `### Growth: ${title}\n\n${measured}\n${markdownTable(head, rows)}\n\n${plots.join('\n')}`
}

function host(felt) {
  const delay = (when) => `p50 ${rounded(felt[`event_loop_${when}_p50_ms`])} ms, p99 ${rounded(felt[`event_loop_${when}_p99_ms`])} ms`
  const share = (rate) => `${rounded(rate)} (${Math.round((rate / felt.http_idle_per_s) * 100)} %)`
  const rows = [
    ['event loop delay at 10,000 updates/s', delay('idle'), delay('busy')],
    ['an HTTP handler at 5,000 updates/s, requests/s', rounded(felt.http_idle_per_s), share(felt.http_busy_per_s)],
    ['the same while the floor bears the load in a process of its own', rounded(felt.http_idle_per_s), share(felt.http_beside_floor_per_s)],
    ['deliveries/s at 10,000 updates/s (all: 90,000)', '', rounded(felt.busy_deliveries_per_s)],
    ['missing', '', missingOf(felt)],
  ]
  const quick = felt.quick ? ' A quick run: rough.' : ''
  return `### What the host feels\n\n5 rooms of 10 people in the same process; the delay is that of timers of 1 ms.${quick}\n\n${markdownTable(['', 'idle', 'under load'], rows)}\n`
}

function about({ date, machine, runs, seconds, quick }) {
  const rough = quick ? ' (a quick run: rough)' : ''
  return (
    `${date}, ${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, Node.js ${machine.node}; ` +
    `medians of ${runs} of ${seconds} s each${rough}. In brackets: what it is of the floor's figure.\n`
  )
}

const parts = []
const load = results('load.json')
if (load) {
  parts.push(about(load.about))
  const charts = [
    ['deliveries.svg', 'Deliveries a second (more is better)', 'deliveries_per_s'],
    ['cpu.svg', 'CPU seconds of the server for a million deliveries (less is better)', 'server_cpu_s_per_million'],
    ['latency.svg', 'Latency, p50 ms (less is better)', 'p50_ms'],
  ]
  parts.push(...charts.map(([file, title, figure]) => drawBars(file, title, figure, load.scenarios)))
  parts.push(...Object.entries(load.scenarios).map(([key, reports]) => table(key, reports)))
}
const felt = results('host.json')
if (felt) parts.push(host(felt))
const grew = results('growth.json')
if (grew) parts.push(...Object.entries(grew.growth).map(([key, bySize]) => grown(key, bySize, about(grew.about))))

const file = path.join(root, 'docs', 'PERFORMANCE.md')
const old = readFileSync(file, 'utf8')
const [start, end] = ['<!-- results -->', '<!-- /results -->']
const [before, after] = [old.split(start)[0], old.split(end)[1]]
if (after === undefined) throw new Error(`${file} has no ${start} and ${end}`)
if (parts.length > 0) writeFileSync(file, `${before}${start}\n${parts.join('\n').trim()}\n${end}${after}`)
