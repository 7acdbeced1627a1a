/** A room type that writes down what it is told. */

import { Happenings } from './live-engine.mjs'

/** `told` has `[callback, ...arguments]`; `overrides` replace callbacks, and are written down as well. */
export function recordingType(overrides = {}) {
  const told = new Happenings()
  const callbacks = { connect: () => ({}), joined: () => {}, message: () => {}, left: () => {}, ...overrides }
  const recorded = { ...callbacks, told }
  for (const name of ['connect', 'joined', 'message', 'left']) {
    recorded[name] = (...args) => {
      told.push([name, ...args])
      return callbacks[name](...args)
    }
  }
  /** What one client's callbacks were, after `connect`. */
  recorded.of = (clientId) => told.all.filter(([name, id]) => name !== 'connect' && id === clientId)
  return recorded
}
