/**
 * Many cheap clients in a process of their own, so that neither their memory nor their sockets are the
 * engine's. Run as a program, it takes orders over IPC: `{open, port, room}` opens so many, and answers when
 * all are in the room; `{leave}` hangs so many up and answers when that is over.
 */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { fileURLToPath } from 'node:url'

import { atEnd } from './engine.mjs'

const program = fileURLToPath(import.meta.url)

/** On their way in at the same time. */
const ENTERING_MAX = 256

/** A process of clients that end with the test. */
export function manyClients(t) {
  const child = fork(program, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  atEnd(t, async () => {
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  })
  const order = async (message) => {
    child.send(message)
    const [answer] = await once(child, 'message')
    if (answer.error) throw new Error(answer.error)
    return answer
  }
  return {
    /** Opens so many; `stalled` ones read nothing any more once they have been let in. */
    open: ({ port }, count, { room = 'records/noise', stalled = false } = {}) =>
      order({ open: count, port, room, stalled }),
    /** So many hang up; all if none is said. */
    leave: (count = Number.MAX_SAFE_INTEGER) => order({ leave: count }),
  }
}

const sockets = new Set()

/** One client, from its upgrade to its first binary frame. */
function enter(port, room, stalled) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1' })
    sockets.add(socket)
    const lines = [
      `GET /realtime/${room} HTTP/1.1`,
      'Host: localhost',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
      'Sec-WebSocket-Protocol: auth.token-many',
    ]
    socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    let head = Buffer.alloc(0)
    socket.on('data', function look(data) {
      head = Buffer.concat([head, data])
      const end = head.indexOf('\r\n\r\n')
      if (end < 0 || head.length < end + 5) return
      socket.off('data', look)
      if (stalled) socket.pause()
      else socket.resume()
      if (head[end + 4] === 0x82) resolve()
      else reject(new Error(`not let in: ${head.subarray(end + 4, end + 300)}`))
    })
    socket.on('error', reject)
    socket.on('close', () => {
      sockets.delete(socket)
      reject(new Error('the server hung up'))
    })
  })
}

async function open({ open: count, port, room, stalled }) {
  let left = count
  const enterInTurn = async () => {
    while (left > 0) {
      left -= 1
      await enter(port, room, stalled)
    }
  }
  await Promise.all(Array.from({ length: Math.min(count, ENTERING_MAX) }, enterInTurn))
}

async function leave(count) {
  const leaving = [...sockets].slice(0, count)
  const ends = leaving.map((socket) => once(socket, 'close'))
  for (const socket of leaving) socket.destroy()
  await Promise.all(ends)
}

if (process.argv[1] === program) {
  process.on('disconnect', () => process.exit())
  process.on('message', async (order) => {
    try {
      await (order.leave ? leave(order.leave) : open(order))
      process.send({ open: sockets.size })
    } catch (error) {
      process.send({ error: error.message })
    }
  })
}
