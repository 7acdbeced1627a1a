/** Servers for tests, with what is around them. */

import { createRealtimeServer } from '@civicpress/realtime'

import { createCore, createDataDir } from './core.mjs'

/**
 * A server with two records, shut down when the test is over.
 *
 * @param {import('node:test').TestContext} t
 * @param {{yaml?: string, start?: boolean, core?: object}} options `yaml` is added to the configuration
 */
export async function createServer(t, { yaml = '', start = true, core = createCore() } = {}) {
  core.recordManager.add({ id: 'noise', content: 'Quiet please.\n' })
  core.recordManager.add({ id: 'zoning', content: 'Low houses.\n' })
  const folders = await createDataDir(t, `realtime:\n  host: 127.0.0.1\n  port: 0\n${yaml}`)
  const server = createRealtimeServer(core, folders)
  t.after(() => server.shutdown())
  if (start) await server.initialize()
  return { core, server, ...folders }
}

/** A room type that lets everybody with a session in, and says what it is told. */
export class EchoHandler {
  roomType = 'echo'

  onMessage({ message, ws }) {
    ws.send(JSON.stringify({ type: 'echo', message }))
  }
}
