#!/usr/bin/env node
/**
 * The engine in a process of its own, beside an API of CivicPress.
 *
 * `node dist/standalone.js [realtime.yml]`, with `CIVICPRESS_API_URL` and `CIVICPRESS_SERVICE_TOKEN` in the
 * environment. Log lines go to the standard error as JSON; SIGTERM and SIGINT shut it down.
 *
 * An editor with a schema of its own: `CIVICPRESS_CODEC_MODULE` is the path of a module that exports `toMarkdown` and
 * `fromMarkdown`, or has an object with both as its default.
 *
 * It hears no hooks of the core: revoked sessions and changed rights show at the next `auth.revalidate_interval`.
 */

import path from 'node:path'
import { pathToFileURL } from 'node:url'

import { createApiHost } from './api-host.js'
import { type DocumentCodec, type HostCallbacks, RealtimeModule } from './native.js'
import { factsOf, messageOf } from './thrown.js'

type Log = NonNullable<HostCallbacks['log']>

const log: Log = (level, message, data) => {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...data })}\n`)
}

/** Runs until a signal; gives the exit code. */
async function run(): Promise<number> {
  const { CIVICPRESS_API_URL: baseUrl, CIVICPRESS_SERVICE_TOKEN: serviceToken } = process.env
  if (!baseUrl || !serviceToken) {
    log('error', 'CIVICPRESS_API_URL and CIVICPRESS_SERVICE_TOKEN must be set', {})
    return 2
  }
  const file = path.resolve(process.argv[2] ?? path.join('.system-data', 'realtime.yml'))
  const { authorize, load, save } = createApiHost({ baseUrl, serviceToken })
  const codec = await importCodec(process.env['CIVICPRESS_CODEC_MODULE'])
  const module = new RealtimeModule(file, { authorize, load, save, log, codec })
  // Heard from now on: a signal during the start ends it properly, too.
  const told = signal()
  const address = await module.start()
  if (!address) {
    log('info', 'realtime is disabled by its configuration', { file })
    return 0
  }
  log('info', `signal ${await told} received`, {})
  await module.shutdown()
  return 0
}

/** The codec in a file; null, which is the built-in one, without a file. */
async function importCodec(file: string | undefined): Promise<DocumentCodec | null> {
  if (!file) return null
  const found = (await import(pathToFileURL(path.resolve(file)).href)) as DocumentCodec & { default?: DocumentCodec }
  return found.default ?? found
}

/** The first signal to end. Waiting for it keeps the process alive, which the engine does not. */
function signal(): Promise<string> {
  return new Promise((resolve) => {
    const alive = setInterval(() => {}, 2 ** 30)
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.once(name, () => {
        clearInterval(alive)
        resolve(name)
      })
    }
  })
}

run().then(
  (code) => process.exit(code),
  (error: unknown) => {
    log('error', messageOf(error), { code: factsOf(error)['code'] })
    process.exit(1)
  },
)
