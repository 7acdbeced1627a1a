/** When the power goes, and in which way: `{at, way}`, `at` being how many moments of a recording were before. */

import { wayNames } from './tearing.mjs'

/** Just after something was acknowledged. */
export function afterAcknowledgements(moments, options) {
  return some(moments, ({ told }) => told, options)
}

/** Just after a file was deleted or took another name. */
export function afterDeletions(moments, options) {
  return some(moments, ({ begin }) => ['unlink', 'rename', 'truncate'].includes(begin?.does), options)
}

/** At any moment. */
export function afterAnything(moments, options) {
  return some(moments, () => true, options)
}

/**
 * @param options.from how many moments are over in any case
 * @param options.way any, unless it is given
 */
function some(moments, matches, { count, random, from = 0, way }) {
  const ends = moments.flatMap((moment, at) => (at >= from && matches(moment) ? [at + 1] : []))
  if (ends.length === 0) throw new Error('there is no such moment')
  return Array.from({ length: Math.round(count) }, () => ({ at: random.pick(ends), way: way ?? random.pick(wayNames) }))
}

/** From the first to the last acknowledgement, without a choice: only what was synced is left. */
export function evenly(moments, count) {
  const ends = moments.flatMap(({ told }, at) => (told ? [at + 1] : []))
  return Array.from({ length: count }, (_, number) => {
    const at = ends[Math.floor((number * (ends.length - 1)) / (count - 1))]
    return { at, way: 'nothing' }
  })
}
