/**
 * Plots as SVG, without a library: curves and bars over logarithmic scales. Colours and lines are readable on white and on
 * black, and text follows the reader's scheme.
 */

const WIDTH = 720
const HEIGHT = 360
const MARGIN = { left: 70, right: 214, top: 44, bottom: 50 }
/** Each server has its own in every plot. */
export const COLOURS = ['#888888', '#2f8f4e', '#7a5fd0', '#d9822b', '#c2497b', '#2b8fc4']

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 14px; font-weight: 600 }
  .grid { stroke: #8884; stroke-width: 1 }
  .curve { fill: none; stroke-width: 2 }
  @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }`

const escape = (text) => String(text).replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`)

/** Short enough for an axis: 1, 250, 2.5k, 10M. */
export function short(value) {
  for (const [unit, name] of [[1e6, 'M'], [1e3, 'k']]) {
    if (value >= unit) return `${Number((value / unit).toPrecision(2))}${name}`
  }
  return String(Number(value.toPrecision(2)))
}

/** From values to places, with the powers of ten around all values. */
function logScale(values, from, to) {
  const low = Math.floor(Math.log10(Math.min(...values)))
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))))
  const at = (value) => from + ((Math.log10(value) - low) / (high - low)) * (to - from)
  const ticks = Array.from({ length: high - low + 1 }, (_, n) => 10 ** (low + n))
  return { at, ticks }
}

const text = (x, y, content, more = '') => `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escape(content)}</text>`
const line = (x1, y1, x2, y2) =>
  `<line class="grid" x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}"/>`

function page(title, height, parts) {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escape(title)}">`,
    `<style>${STYLE}\n</style>`,
    text(12, 22, title, 'class="title"'),
    ...parts,
    '</svg>\n',
  ].join('\n')
}

/**
 * Curves over a size.
 *
 * @param {{ title: string, x: string, y: string, curves: Array<{ name: string, colour: string, points: Array<[number, number]> }> }} plot
 */
export function curves({ title, x, y, curves }) {
  const points = curves.flatMap((curve) => curve.points)
  if (points.length === 0) return undefined
  const [bottom, right] = [HEIGHT - MARGIN.bottom, WIDTH - MARGIN.right]
  const across = logScale(points.map((point) => point[0]), MARGIN.left, right)
  const up = logScale(points.map((point) => point[1]), bottom, MARGIN.top)
  const grid = [
    ...across.ticks.flatMap((tick) => [line(across.at(tick), MARGIN.top, across.at(tick), bottom), text(across.at(tick), bottom + 18, short(tick), 'text-anchor="middle"')]),
    ...up.ticks.flatMap((tick) => [line(MARGIN.left, up.at(tick), right, up.at(tick)), text(MARGIN.left - 8, up.at(tick) + 4, short(tick), 'text-anchor="end"')]),
    text((MARGIN.left + right) / 2, HEIGHT - 12, x, 'text-anchor="middle"'),
    text(18, (MARGIN.top + bottom) / 2, y, `text-anchor="middle" transform="rotate(-90 18 ${(MARGIN.top + bottom) / 2})"`),
  ]
  const drawn = curves.flatMap(({ name, colour, points }, n) => {
    const places = points.map(([size, value]) => [across.at(size).toFixed(1), up.at(value).toFixed(1)])
    return [
      `<polyline class="curve" stroke="${colour}" points="${places.map((place) => place.join(',')).join(' ')}"/>`,
      ...places.map(([left, top]) => `<circle cx="${left}" cy="${top}" r="3.5" fill="${colour}"/>`),
      `<rect x="${right + 16}" y="${MARGIN.top + n * 22}" width="12" height="12" fill="${colour}"/>`,
      text(right + 34, MARGIN.top + 10 + n * 22, name),
    ]
  })
  return page(title, HEIGHT, [...grid, ...drawn])
}

/**
 * Groups of bars, one below the other.
 *
 * @param {{ title: string, series: Array<{ name: string, colour: string }>, groups: Array<{ label: string, values: Array<number | undefined> }> }} plot
 * the values in the order of the series
 */
export function bars({ title, series, groups }) {
  const [bar, gap, left] = [13, 34, 24]
  const right = WIDTH - MARGIN.right - 50
  const values = groups.flatMap((group) => group.values).filter((value) => value > 0)
  if (values.length === 0) return undefined
  const scale = logScale(values, left, right)
  let top = 40
  const rows = groups.flatMap(({ label, values }) => {
    const given = values.map((value, n) => ({ value, n })).filter(({ value }) => value > 0)
    const drawn = given.flatMap(({ value, n }, row) => {
      const y = top + 20 + row * bar
      const width = Math.max(1, scale.at(value) - left)
      return [
        `<rect x="${left}" y="${y}" width="${width.toFixed(1)}" height="${bar - 2}" fill="${series[n].colour}"/>`,
        text(left + width + 5, y + bar - 4, short(value), 'style="font-size:10px"'),
      ]
    })
    const heading = text(left, top + 14, label)
    top += given.length * bar + gap
    return [heading, ...drawn]
  })
  const legend = series.flatMap(({ name, colour }, n) => [
    `<rect x="${WIDTH - MARGIN.right + 10}" y="${40 + n * 22}" width="12" height="12" fill="${colour}"/>`,
    text(WIDTH - MARGIN.right + 28, 50 + n * 22, name),
  ])
  const grid = scale.ticks.map((tick) => line(scale.at(tick), 40, scale.at(tick), top))
  const axis = scale.ticks.map((tick) => text(scale.at(tick), top + 16, short(tick), 'text-anchor="middle"'))
  return page(title, top + 30, [...grid, ...axis, ...rows, ...legend])
}
