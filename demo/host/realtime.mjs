// The realtime module inside this host: what it is configured with, and what it asks of us.

import path from 'node:path'
import { canEdit, userOfToken } from './users.mjs'

const RECORDS = 'records'

/** Drafts land quickly here, because somebody is watching. */
const SNAPSHOT_INTERVAL_S = 2

/** A room lives on for a moment, so that reloading a page does not close it. */
const GRACE_PERIOD_MS = 10_000

export async function createRealtime({ settings, records, events }) {
  const { RealtimeModule } = await loadModule()

  const config = {
    host: settings.host,
    port: settings.realtimePort,
    rooms: { grace_period_ms: GRACE_PERIOD_MS },
    snapshots: { interval: SNAPSHOT_INTERVAL_S },
    storage: { file: path.join(settings.dataDir, 'realtime.db') },
  }

  const module = new RealtimeModule(config, {
    async authorize({ roomType, localId, token }) {
      const user = userOfToken(token)
      if (!user) return { denied: 'AUTH_FAILED', reason: 'unknown_token' }
      if (roomType !== RECORDS || !records.get(localId)) {
        return { denied: 'PERMISSION_DENIED', reason: 'record_not_found' }
      }
      return { user: { id: user.id, name: user.name }, canEdit: canEdit(user) }
    },

    /** The draft where there is one: it is newer than the record it was made from. */
    async load({ localId }) {
      const record = records.get(localId)
      if (!record) return null
      const draft = await records.draft(localId)
      return { markdown: draft ? draft.markdown : record.markdown }
    },

    async save({ localId }, markdown) {
      await records.writeDraft(localId, markdown)
      events.emit('draft', { id: localId })
    },

    hook(name, data) {
      if (name === 'realtime:client:connected' || name === 'realtime:client:disconnected') events.emit('people', {})
      if (settings.verbose) console.log('hook', name, data ?? '')
    },

    logLevel: settings.verbose ? 'debug' : 'warn',
    log(level, message, data) {
      if (level === 'error') console.error(message, data ?? '')
      else if (level === 'warn') console.warn(message, data ?? '')
      else console.log(level, message, data ?? '')
    },
  })

  // The page may ask before the module runs and while it stops; then there is nobody in any record.
  let running = false

  return {
    async start() {
      await module.start()
      running = true
    },
    async shutdown() {
      running = false
      await module.shutdown()
    },
    health: () => module.health(),

    /** @returns {Map<string, number>} */
    peopleByRecord() {
      const people = new Map()
      for (const { roomId, roomType, clients } of running ? module.rooms() : []) {
        if (roomType === RECORDS) people.set(roomId.slice(RECORDS.length + 1), clients)
      }
      return people
    },
  }
}

async function loadModule() {
  try {
    const module = await import('@civicpress/realtime')
    return module.RealtimeModule ? module : module.default
  } catch (cause) {
    const [why] = cause.message.split('\n')
    throw new Error(`The realtime module cannot be loaded. Is it built (npm run build)? ${why}`, { cause })
  }
}
