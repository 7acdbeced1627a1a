/** Figures of several runs, and how they are shown. */

import { LOSSES } from './scenarios.mjs'

export const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]

/** The median of each figure of several runs; of losses the most. */
export function summary(reports) {
  const of = (name) => reports.map((report) => report[name])
  const figure = (name) => (LOSSES.includes(name) ? Math.max(...of(name)) : median(of(name)))
  return Object.fromEntries(Object.keys(reports[0]).map((name) => [name, figure(name)]))
}

/** With three digits, or all of those before the point. */
export const rounded = (value) =>
  value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)))

/** A figure, with what it is of the floor's. */
export function beside(value, floor) {
  return floor ? `${rounded(value)} (${rounded(value / floor)}×)` : rounded(value)
}

/** What a report says is missing. */
export const losses = (report) =>
  LOSSES.filter((loss) => report[loss] > 0).map((loss) => `${loss} ${rounded(report[loss])}`)
