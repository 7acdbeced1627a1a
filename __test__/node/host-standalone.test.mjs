/** The engine in a process of its own, beside an API. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { edit } from '../support/clients.mjs'
import { Api, SERVICE_TOKEN } from '../support/api.mjs'
import { createDataDir } from '../support/core.mjs'

const program = fileURLToPath(new URL('../../dist/standalone.js', import.meta.url))

function start(t, file, env) {
  const child = spawn(process.execPath, [program, file], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  const lines = []
  const listening = new Promise((resolve, reject) => {
    createInterface(child.stderr).on('line', (line) => {
      lines.push(line)
      const { message, address } = JSON.parse(line)
      if (message === 'listening') resolve(Number(address.split(':').at(-1)))
    })
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${lines.join('\n')}`)))
  })
  listening.catch(() => {})
  return { child, lines, listening }
}

test('edits become drafts of the API, and a signal ends it without losing any', async (t) => {
  const api = await Api.start(t)
  const { configFile } = await createDataDir(t)
  const { child, lines, listening } = start(t, configFile, {
    CIVICPRESS_API_URL: api.url,
    CIVICPRESS_SERVICE_TOKEN: SERVICE_TOKEN,
  })
  const port = await listening
  const server = { getHealthStatus: () => ({ server: { host: '127.0.0.1', port } }) }
  const [writer, reader] = [await edit(t, server), await edit(t, server, { token: 'token-vic' })]
  const passedOn = new Promise((resolve) => reader.doc.once('update', resolve))
  writer.doc.getXmlFragment('default').get(0).get(0).insert(0, 'Very ')
  await passedOn
  child.kill('SIGTERM')
  const [code] = await once(child, 'exit')
  assert.equal(code, 0, lines.join('\n'))
  assert.equal(api.drafts.get('noise').markdownBody, 'Very Quiet.')
  assert.doesNotMatch(lines.join('\n'), new RegExp(`${SERVICE_TOKEN}|token-ann`))
})

test('without an API it says what is missing', async (t) => {
  const { configFile } = await createDataDir(t)
  const { child, lines } = start(t, configFile, { CIVICPRESS_API_URL: '', CIVICPRESS_SERVICE_TOKEN: '' })
  const [code] = await once(child, 'exit')
  assert.equal(code, 2)
  assert.match(lines.join('\n'), /CIVICPRESS_API_URL and CIVICPRESS_SERVICE_TOKEN must be set/)
})
