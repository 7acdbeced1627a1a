/** The errors in a host that has `@civicpress/core`: they are instances of core's own classes. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

import { createDataDir } from '../support/core.mjs'

const run = promisify(execFile)
const here = (relative) => fileURLToPath(new URL(relative, import.meta.url))

/** Runs a program in a folder where core is installed; returns what it printed as JSON. */
async function inHost(t, { file = 'host.mjs', source, flags = [] }) {
  const { home } = await createDataDir(t, null)
  const core = path.join(home, 'node_modules', '@civicpress', 'core')
  await mkdir(path.dirname(core), { recursive: true })
  await cp(here('../support/civicpress-core'), core, { recursive: true })
  await writeFile(path.join(home, file), source)
  const { stdout } = await run(process.execPath, ['--no-warnings', ...flags, path.join(home, file)])
  return JSON.parse(stdout)
}

const errorsUrl = pathToFileURL(here('../../dist/errors.js')).href
const coreErrorsUrl = pathToFileURL(here('../../dist/core-errors.js')).href

const inspect = `
const made = [
  [new errors.RealtimeError('m'), core.CivicPressError],
  [new errors.RoomNotFoundError('records:x'), core.NotFoundError],
  [new errors.ConnectionLimitExceededError(3), core.ValidationError],
  [new errors.InvalidYjsUpdateError('short'), core.ValidationError],
  [new errors.AuthenticationFailedError({ a: 1 }), core.UnauthorizedError],
  [new errors.PermissionDeniedError('records:x'), core.UnauthorizedError],
];
console.log(JSON.stringify(made.map(([error, base]) => ({
  is: error instanceof base && error instanceof core.CivicPressError,
  by: error.toJSON().madeBy, name: error.name, code: error.code, status: error.statusCode,
  context: error.context ?? null,
}))));
`

const expected = [
  ['RealtimeError', 'REALTIME_ERROR', 500, null],
  ['RoomNotFoundError', 'ROOM_NOT_FOUND', 404, { roomId: 'records:x' }],
  ['ConnectionLimitExceededError', 'CONNECTION_LIMIT_EXCEEDED', 429, { limit: 3 }],
  ['InvalidYjsUpdateError', 'INVALID_YJS_UPDATE', 400, null],
  ['AuthenticationFailedError', 'AUTH_FAILED', 401, { a: 1 }],
  ['PermissionDeniedError', 'PERMISSION_DENIED', 401, { resource: 'records:x' }],
].map(([name, code, status, context]) => ({ is: true, by: 'core', name, code, status, context }))

// Not every Node.js that we support can.
const canRequireModules = process.features.require_module === true

const skip = !canRequireModules && 'needs require(esm)'

test('core is found from the program, at the first error', { skip }, async (t) => {
  const source = `
import * as errors from ${JSON.stringify(errorsUrl)};
import * as core from '@civicpress/core';
${inspect}`
  assert.deepEqual(await inHost(t, { source }), expected)
})

test('a Node.js that cannot require an ES module imports core at the start', async (t) => {
  const source = `
import * as errors from ${JSON.stringify(errorsUrl)};
import { importCoreErrors } from ${JSON.stringify(coreErrorsUrl)};
import * as core from '@civicpress/core';
await importCoreErrors();
${inspect}`
  const flags = canRequireModules ? ['--no-experimental-require-module'] : []
  assert.deepEqual(await inHost(t, { source, flags }), expected)
})
