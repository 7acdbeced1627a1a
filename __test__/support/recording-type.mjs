/** A room type that writes down what it is told. */

import { connect } from './json-client.mjs'
import { Happenings, startEngine } from './live-engine.mjs'

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

/** An engine with such a type, `desk`; `enter` joins one of its rooms and resolves once the client is acknowledged. */
export async function withType(t, overrides, options) {
  const live = await startEngine(t, options)
  const type = recordingType(overrides)
  live.engine.registerRoomType('desk', type)
  const enter = async (options = {}) => {
    const client = connect(t, live, { room: 'desk/1', ...options })
    const { clientId } = await client.control('connection.ack')
    return { client, clientId }
  }
  return { live, type, enter }
}
