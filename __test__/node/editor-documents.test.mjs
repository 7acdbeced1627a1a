/** Documents that real editors made, in `__test__/editors/fixtures/`: the server reads them as the editors do. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { recordings } from '../editors/fixtures.mjs'
import { checkRecording, treeOf } from '../editors/reading.mjs'

for (const recording of recordings()) {
  test(recording.name, async () => {
    await checkRecording(recording)
    // The tests in Rust compare with it.
    if (recording.tree) assert.deepEqual(treeOf(recording.steps.map(({ update }) => update)), recording.tree)
  })
}
