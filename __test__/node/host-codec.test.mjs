/** A codec for another editor's schema, handed in with CivicPress's services, and in a process of its own. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { createRealtimeServer, registerRealtimeServices } from '@civicpress/realtime'

import { codec } from '../../examples/tiptap-codec.mjs'
import { Api, SERVICE_TOKEN } from '../support/api.mjs'
import { edit } from '../support/clients.mjs'
import { createContainer, createCore, createDataDir } from '../support/core.mjs'

const CODEC = fileURLToPath(new URL('../../examples/tiptap-codec.mjs', import.meta.url))
const STANDALONE = fileURLToPath(new URL('../../dist/standalone.js', import.meta.url))

/** The names of the blocks that somebody gets. */
async function blocks(t, server) {
  const { doc } = await edit(t, server)
  return doc.getXmlFragment('default').toArray().map(({ nodeName }) => nodeName)
}

/** A process of its own, with the codec of this module. */
async function spawnStandalone(t, api, module) {
  const { configFile } = await createDataDir(t)
  const env = {
    ...process.env,
    CIVICPRESS_API_URL: api.url,
    CIVICPRESS_SERVICE_TOKEN: SERVICE_TOKEN,
    CIVICPRESS_CODEC_MODULE: module,
  }
  const child = spawn(process.execPath, [STANDALONE, configFile], { env, stdio: ['ignore', 'inherit', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  return child
}

for (const [name, make] of [
  ['createRealtimeServer', (core, config) => createRealtimeServer({ ...core, codec }, config)],
  [
    'registerRealtimeServices',
    (core, config) => {
      const container = createContainer(core)
      registerRealtimeServices(container, config, { codec })
      return container.resolve('realtimeServer')
    },
  ],
]) {
  test(`${name} takes a codec`, async (t) => {
    const core = createCore()
    core.recordManager.add({ id: 'noise', content: '* quiet\n\nplease' })
    const server = make(core, await createDataDir(t))
    t.after(() => server.shutdown())
    await server.initialize()
    assert.deepEqual(await blocks(t, server), ['bulletList', 'paragraph'])
  })
}

test('a process of its own reads the codec from a module', async (t) => {
  const api = await Api.start(t)
  api.records.get('noise').content = '* quiet\n\nplease'
  const child = await spawnStandalone(t, api, CODEC)
  const port = await new Promise((resolve, reject) => {
    createInterface(child.stderr).on('line', (line) => {
      const { message, address } = JSON.parse(line)
      if (message === 'listening') resolve(Number(address.split(':').at(-1)))
    })
    child.once('exit', (code) => reject(new Error(`ended with ${code}`)))
  })
  const server = { getHealthStatus: () => ({ server: { host: '127.0.0.1', port } }) }
  assert.deepEqual(await blocks(t, server), ['bulletList', 'paragraph'])
})

test('a process of its own does not start with a codec that is none', async (t) => {
  const api = await Api.start(t)
  const noCodec = fileURLToPath(new URL('../../examples/room-type.mjs', import.meta.url))
  const child = await spawnStandalone(t, api, noCodec)
  const lines = []
  createInterface(child.stderr).on('line', (line) => lines.push(line))
  const [code] = await once(child, 'exit')
  assert.equal(code, 1)
  assert.match(lines.join('\n'), /host\.codec\.toMarkdown is missing; expected a function/)
})
