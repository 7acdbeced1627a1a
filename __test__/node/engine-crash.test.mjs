/** The engine is killed at random moments; `npm run crash -- --kills 500` does it more often. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { crash } from '../crash/crash.mjs'
import { buildExample } from '../support/cargo.mjs'
import { seeded } from '../support/random.mjs'

const KILLS = 20

test('nothing that was saved is lost, nothing doubles, and log and snapshots agree', async (t) => {
  const outcome = await crash(t, { kills: KILLS, random: seeded(t), program: buildExample('stored_rooms') })
  t.diagnostic(JSON.stringify(outcome))
  assert.equal(outcome.kills, KILLS)
  assert.ok(outcome.saved > 0)
})
