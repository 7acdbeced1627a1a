/** Compiled, never run: the rest of what a host written in TypeScript may do with a server. */

import {
  type ApiHost,
  createApiHost,
  createHandlerRegistry,
  DatabaseSnapshotStorage,
  FilesystemSnapshotStorage,
  type HandlerRegistry,
  type NoticeLevel,
  type RealtimeConnection,
  RealtimeModule,
  type RealtimeServer,
  type RoomSummary,
  SnapshotHookBus,
  type SnapshotHookEvents,
  SnapshotManager,
  type SnapshotRow,
  type SnapshotStorage,
} from '@civicpress/realtime'

export async function use(server: RealtimeServer): Promise<unknown[]> {
  const connection: RealtimeConnection | undefined = server.getConnection('client_1')
  const sent: boolean | undefined = connection?.send(Uint8Array.of(1))
  connection?.close(4000, 'enough')
  const counts: ReadonlyMap<string, number> = server.getConnectionCounts()
  const users: ReadonlyMap<string, ReadonlySet<string>> = server.getUserConnections()
  const registry: HandlerRegistry = server.getHandlerRegistry()
  const names: string[] = registry.getRegisteredRoomTypes()
  const rooms: RoomSummary[] = server.liveRooms()
  const ids: ReadonlySet<string> = server.getRoomManager().getActiveRoomIds()
  const changed: boolean = await server.setPermissions('client_1', { canEdit: false })
  const level: NoticeLevel = 'warning'
  const told: number = await server.sendNotice('Soon over', level, 'records:x')
  const kicked: number = server.kickUser(7, 'cool down', 'records:x')
  await server.lockRoom('records:x', 'council meets')
  await server.unlockRoom('records:x')
  const live: boolean = await server.recordChanged('x')
  server.emitHook('town:event', {})
  await server.getRoomManager().removeRoom('device:1')
  return [sent, counts, users, names, rooms, ids, changed, told, kicked, live]
}

export async function snapshots(server: RealtimeServer): Promise<SnapshotRow | null> {
  const bus: SnapshotHookBus = server.getSnapshotManager().getHookBus()
  bus.on('realtime:snapshot:oversize', ({ byteSize, cap }) => byteSize > cap)
  const payload: SnapshotHookEvents['realtime:snapshot:expired'] = { roomId: 'records:x', version: 1, ageMs: 1 }
  bus.emit('realtime:snapshot:expired', payload)
  const storages: SnapshotStorage[] = [new FilesystemSnapshotStorage('.system-data'), new DatabaseSnapshotStorage()]
  return new SnapshotManager(console, storages[0]!, bus).loadLatestVerified('records:x')
}

const host: ApiHost = createApiHost({
  baseUrl: 'http://localhost:3000',
  serviceToken: 's',
  timeoutMs: 1_000,
  retries: 1,
  fetch,
})
export const module = new RealtimeModule({ port: 0 }, host, '.system-data')
export const kept: boolean = await host.writeSnapshot('x', { snapshot: Uint8Array.of(0), version: 1 })
export const registry = createHandlerRegistry({ logger: console })
