/** Compiled, never run: mistakes that the types must catch. An expected error that is none fails the check. */

import {
  createRealtimeServer,
  RealtimeError,
  RealtimeModule,
  RealtimeServer,
  RoomNotFoundError,
} from '@civicpress/realtime'

declare const server: RealtimeServer
declare const deps: Parameters<typeof createRealtimeServer>[0]

// @ts-expect-error the data folder is needed
createRealtimeServer(deps, {})

// @ts-expect-error so are the services
createRealtimeServer({ logger: console }, { dataDir: '/srv/data' })

// @ts-expect-error a record's id is text
await server.triggerRecordSnapshot(7)

// @ts-expect-error users have an id of one kind or the other
server.revokeUserConnections({ id: 7 })

// @ts-expect-error the engine cannot do without being told who may join
new RealtimeModule({}, { load: async () => null })

// @ts-expect-error a refusal is one of two
new RealtimeModule({}, { load: async () => null, authorize: async () => ({ denied: 'NO' }) })

// @ts-expect-error facts are an object
new RealtimeError('m', 'facts')

// @ts-expect-error the room is what the error is about
new RoomNotFoundError()

// @ts-expect-error set once, by the error itself
new RealtimeError('m').correlationId = 'x'

// @ts-expect-error the port may be unknown
const port: number = server.getHealthStatus().server.port

export { port }
