/** Compiled, never run: mistakes that the types must catch. An expected error that is none fails the check. */

import {
  createApiHost,
  createRealtimeServer,
  RealtimeError,
  RealtimeModule,
  RealtimeServer,
  RoomNotFoundError,
  SnapshotHookBus,
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

// @ts-expect-error a room type has a name
server.registerRoomTypeHandler({ onConnect: async () => ({ success: true }) })

// @ts-expect-error an answer says yes or no
server.registerRoomTypeHandler({ roomType: 'x', onConnect: async () => ({ deviceAuth: undefined }) })

// @ts-expect-error a device has an id
server.registerRoomTypeHandler({ roomType: 'x', onConnect: () => ({ success: true, deviceAuth: { deviceUuid: 'u' } }) })

// @ts-expect-error a factory makes rooms
server.getRoomManager().registerRoomType('x', { createRoom: () => ({}), supportsRoomType: () => true })

// @ts-expect-error there may be no such room
server.getRoomManager().getRoom('x:1').broadcast({})

// @ts-expect-error there may be no such connection
server.getConnection('client_1').send('x')

// @ts-expect-error a message is text or bytes
server.getConnection('client_1')?.send({ type: 'x' })

// @ts-expect-error levels are three
await server.sendNotice('x', 'loud')

// @ts-expect-error rights are yes or no
await server.setPermissions('client_1', { canEdit: 'no' })

// @ts-expect-error the counts are for looking at
server.getConnectionCounts().set('127.0.0.1', 0)

// @ts-expect-error events are known by name
new SnapshotHookBus().on('realtime:snapshot:lost', () => {})

// @ts-expect-error an API is reached at an address
createApiHost({ serviceToken: 's' })

export { port }
