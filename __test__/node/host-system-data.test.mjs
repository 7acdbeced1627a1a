/** Where the configuration and the database lie. */

import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'

import { systemDataDir } from '../../dist/system-data.js'

test('the system data folder is beside the data folder, unless the core says otherwise', () => {
  const at = (text) => path.resolve(text)
  assert.equal(systemDataDir({ dataDir: at('/srv/civic/data') }), at('/srv/civic/.system-data'))
  assert.equal(systemDataDir({ dataDir: at('/srv/civic/data/') }), at('/srv/civic/.system-data'))
  assert.equal(systemDataDir({ dataDir: 'data' }), at('.system-data'))
  assert.equal(systemDataDir({ dataDir: '.' }), path.join(path.dirname(process.cwd()), '.system-data'))
  assert.equal(systemDataDir({ dataDir: 'data', systemDataDir: 'state' }), at('state'))
})
