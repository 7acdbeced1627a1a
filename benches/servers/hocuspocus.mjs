/** Hocuspocus as its documentation starts it: `node hocuspocus.mjs FOLDER PORT`; FOLDER has it installed. */

import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const [folder, port] = process.argv.slice(2)
const require = createRequire(path.join(folder, 'package.json'))
const { Server } = await import(pathToFileURL(require.resolve('@hocuspocus/server')))
await new Server({ port: Number(port), address: '127.0.0.1', quiet: true }).listen()
console.log('listening')
