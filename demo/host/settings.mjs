// What the demo can be told by its surroundings. Nothing has to be told: every setting has a default.

import path from 'node:path'
import { fileURLToPath } from 'node:url'

const demoDir = path.dirname(path.dirname(fileURLToPath(import.meta.url)))

/** @param {NodeJS.ProcessEnv} env */
export function readSettings(env) {
  return {
    // The tokens of the demo are printed on its page, so by default nobody outside this machine can reach it.
    host: env.DEMO_HOST ?? '127.0.0.1',
    port: readPort(env, 'DEMO_PORT', 3000),
    realtimePort: readPort(env, 'DEMO_REALTIME_PORT', 3001),
    dataDir: path.resolve(env.DEMO_DATA ?? path.join(demoDir, '.data')),
    samplesDir: path.join(demoDir, 'records'),
    publicDir: path.join(demoDir, 'public'),
    verbose: Boolean(env.DEMO_VERBOSE),
  }
}

function readPort(env, name, fallback) {
  const text = env[name]
  if (text === undefined || text === '') return fallback
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw new Error(`${name} must be a whole number from 1 to 65535, found "${text}"`)
  }
  return port
}
