/**
 * A kind of room of your own in JavaScript: dashboards that count. `examples/dashboard_room.rs` is the same in
 * Rust.
 *
 * Whoever is in `dashboard/lobby` sees one number. `{"type":"add","by":2}` adds to it, and everybody is told
 * `{"type":"count","count":2,"watching":1}`; so is whoever comes in.
 *
 *     node examples/room-type.mjs
 *
 * serves it on port 3001 to everybody; connect with `wscat -c ws://127.0.0.1:3001/realtime/dashboard/lobby`.
 */

import { pathToFileURL } from 'node:url'

/**
 * Rooms that count. Their clients authenticate themselves to nobody: who knows the room may look and add.
 *
 * @param {import('@civicpress/realtime').RealtimeModule} engine
 */
export function dashboardRooms(engine) {
  /** Room id to its number and to how many watch it. */
  const rooms = new Map()
  /** Client id to its room id. */
  const roomOf = new Map()

  const tellAll = (roomId) => {
    const { count, watching } = rooms.get(roomId)
    engine.broadcast(roomId, JSON.stringify({ type: 'count', count, watching }))
  }

  return {
    authenticates: true,
    connect: ({ localId }) => (localId === 'closed' ? { denied: 'ROOM_NOT_FOUND', message: 'no such dashboard' } : {}),
    joined(clientId, roomId) {
      const room = rooms.get(roomId) ?? { count: 0, watching: 0 }
      rooms.set(roomId, { ...room, watching: room.watching + 1 })
      roomOf.set(clientId, roomId)
      tellAll(roomId)
    },
    message(clientId, data) {
      const { type, by } = JSON.parse(String(data))
      // What is thrown here is told to the client as an error frame.
      if (type !== 'add' || !Number.isSafeInteger(by)) throw new Error('expected {"type":"add","by":number}')
      const roomId = roomOf.get(clientId)
      const room = rooms.get(roomId)
      rooms.set(roomId, { ...room, count: room.count + by })
      tellAll(roomId)
    },
    left(clientId) {
      const roomId = roomOf.get(clientId)
      const room = rooms.get(roomId)
      if (!room) return
      roomOf.delete(clientId)
      if (room.watching === 1) {
        rooms.delete(roomId)
      } else {
        rooms.set(roomId, { ...room, watching: room.watching - 1 })
        tellAll(roomId)
      }
    },
  }
}

async function main() {
  const { RealtimeModule } = await import('@civicpress/realtime')
  const engine = new RealtimeModule(
    { host: '127.0.0.1', port: Number(process.env.PORT ?? 3001) },
    {
      // There are no records here.
      authorize: () => ({ denied: 'PERMISSION_DENIED', reason: 'record_not_found' }),
      load: () => null,
      log: (level, message, data) => console.error(level, message, data),
    },
  )
  engine.registerRoomType('dashboard', dashboardRooms(engine))
  const { host, port } = await engine.start()
  console.log(`ws://${host}:${port}/realtime/dashboard/lobby`)
  // A running engine does not keep the process alive.
  const alive = setInterval(() => {}, 60_000)
  process.once('SIGINT', async () => {
    clearInterval(alive)
    await engine.shutdown()
  })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main()
