/** The engine as people run it, loaded into Node.js: `node addon.mjs PORT`. All as by default but the limits. */

import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import native from '../../index.js'

/** What refuses ordinary abuse would refuse the load. */
export const withoutLimits = {
  rate_limiting: {
    messages_per_second: 1_000_000,
    frames_per_second_max: 10_000_000,
    bytes_per_second_max: 1_073_741_824,
    connections_per_ip: 100_000,
    connections_per_user: 100_000,
    max_connections: 100_000,
  },
  rooms: { max_rooms: 10_000 },
  document: { bytes_max: 268_435_456 },
}

/** Starts it with a host that lets everybody in. */
export async function startAddon(port) {
  const folder = mkdtempSync(path.join(tmpdir(), 'realtime-bench-'))
  const storage = { file: path.join(folder, 'realtime.db') }
  const module = new native.RealtimeModule(
    { port, host: '127.0.0.1', storage, ...withoutLimits },
    {
      authorize: ({ token }) => ({ user: { id: token, name: token }, canEdit: true }),
      load: () => ({ markdown: '' }),
      save: () => {},
      hook: () => {},
      log: () => {},
      logLevel: 'warn',
    },
  )
  await module.start()
  return module
}

if (process.argv[1] === import.meta.filename) {
  await startAddon(Number(process.argv[2]))
  // The engine keeps no process alive; a host does that by itself.
  setInterval(() => {}, 60_000)
  console.log('listening')
}
