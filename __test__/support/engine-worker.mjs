/** The program of a worker thread with an engine in it: it takes `{config, folder}` and posts its port. */

import { parentPort, workerData } from 'node:worker_threads'

import { RealtimeModule, TestHost, testConfig } from './engine.mjs'

const { config, folder } = workerData
const module = new RealtimeModule(testConfig(folder, config), new TestHost().callbacks())
const { port } = await module.start()
parentPort.on('message', async () => {
  await module.shutdown()
  parentPort.close()
})
parentPort.postMessage(port)
