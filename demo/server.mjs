// The demo: the realtime module inside a small host of its own. `npm start`, then open the address it prints.

import fs from 'node:fs'
import path from 'node:path'
import { bundleFile, buildPage } from './build.mjs'
import { createEvents } from './host/events.mjs'
import { createHttpServer, listen } from './host/http.mjs'
import { createRealtime } from './host/realtime.mjs'
import { openRecords } from './host/records.mjs'
import { readSettings } from './host/settings.mjs'
import { users } from './host/users.mjs'

async function main() {
  const settings = readSettings(process.env)
  if (!fs.existsSync(bundleFile)) await buildPage()

  const records = await openRecords(settings.dataDir, settings.samplesDir)
  const events = createEvents()
  const realtime = await createRealtime({ settings, records, events })
  const server = createHttpServer({ settings, users, records, events, realtime })

  // The page's port first: when it is busy, nothing else has been started that would need stopping.
  await listen(server, settings.port, settings.host).catch(explainBusyPort('DEMO_PORT', settings.port))
  await realtime.start().catch(explainBusyPort('DEMO_REALTIME_PORT', settings.realtimePort))

  stopOnSignals(async () => {
    server.close()
    events.close()
    // The last drafts are written here, through the callbacks, while the host still stands.
    await realtime.shutdown()
    server.closeAllConnections()
  })
  greet(settings, records)
}

function explainBusyPort(variable, port) {
  return (error) => {
    if (!/ in use/.test(error.message)) throw error
    throw new Error(
      `Port ${port} is in use by another program. Stop it, or choose another port: ${variable}=${port + 100} npm start`,
    )
  }
}

function stopOnSignals(stop) {
  let stopping = false
  const onSignal = () => {
    // A terminal's Ctrl+C reaches npm's child twice, so only a much later signal could mean impatience: ignore repeats.
    if (stopping) return
    stopping = true
    stop().then(
      () => process.exit(0),
      (error) => fail(error),
    )
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
}

function greet(settings, records) {
  const address = `http://localhost:${settings.port}`
  const people = users.map((user) => `    ${address}/?user=${user.id}`.padEnd(42) + `${user.name}, ${user.role}`)
  console.log(
    [
      '',
      `  CivicPress realtime demo: ${address}`,
      '',
      '  Open it in two windows, as two people:',
      ...people,
      '',
      `  ${records.list().length} records and their drafts: ${path.relative(process.cwd(), settings.dataDir) || '.'}`,
      `  Realtime server: ws://localhost:${settings.realtimePort}/realtime`,
      '  Ctrl+C stops it; drafts are written first.',
      '',
    ].join('\n'),
  )
}

function fail(error) {
  console.error(process.env.DEMO_VERBOSE ? error : `\n  ${error.message}\n`)
  process.exit(1)
}

main().catch(fail)
