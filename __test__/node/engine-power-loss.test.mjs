/**
 * The power goes: what was acknowledged with `storage.durability: full` must be on the disk, of which nothing else is
 * known than what was synced. `POWER_CUTS` sets how often, for each storage, and `POWER_EDITS` after how much.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { afterAcknowledgements, afterAnything, afterDeletions, evenly } from '../power/cuts.mjs'
import { cutPower } from '../power/loss.mjs'
import { Recording } from '../power/recording.mjs'
import { whyNotTraced } from '../power/strace.mjs'
import { buildExample } from '../support/cargo.mjs'
import { seeded } from '../support/random.mjs'

const CUTS = Number(process.env.POWER_CUTS ?? 45)

/** Edits that are acknowledged in each life of an engine. */
const EDITS = Number(process.env.POWER_EDITS ?? 50)

/** How many engines are started on what is left, for each storage. */
const STARTS = 3

/** How often the power goes to see whether a sync that is left out is missed. */
const TRIES = 16

/** What is synced, by the path in the recorded folder; each kind is needed for what is acknowledged. */
const SYNCS = {
  'the write-ahead log': /\/realtime\.db-wal$/,
  'the folder of the database': /\/new\/data$/,
  'the folder above it': /\/new$/,
  'the folder above that': /\/disk$/,
}

const SYNCS_OF_FILES = {
  'the bytes of a snapshot': /\.snapshot\.tmp$/,
  'the description of a snapshot': /\.meta\.json\.tmp$/,
  'the folder of a room': /\/snapshots\/[^/]+$/,
  'the folder of all snapshots': /\/snapshots$/,
  'the folder that it is in': /\/realtime$/,
}

const skip = whyNotTraced()

const program = skip ? undefined : buildExample('stored_rooms')

function configOf(storage, durability, random) {
  return {
    rooms: { grace_period_ms: random.pick([0, 30]) },
    snapshots: { storage, max_updates: random.pick([5, 20, 60]) },
    storage: { group_window_ms: random.pick([0, 2, 5]), durability },
  }
}

for (const storage of ['database', 'filesystem']) {
  test(`what was acknowledged survives the loss of power: ${storage}`, { skip }, async (t) => {
    const random = seeded(t)
    const config = configOf(storage, 'full', random)
    const recording = new Recording(t, random)
    await recording.begin()
    await recording.lifeThatFails(config)
    for (const ending of ['kill', 'shutdown', 'kill']) await recording.life(config, { edits: EDITS, ending })
    t.diagnostic(recording.summary)

    await t.test('nothing is lost, nothing is there twice, and an engine goes on from it', async (t) => {
      const cuts = [
        ...afterAcknowledgements(recording.moments, { count: CUTS / 3, random }),
        ...afterAnything(recording.moments, { count: CUTS / 3, random }),
        ...afterDeletions(recording.moments, { count: CUTS / 3, random }),
      ]
      for (let start = 0; start < STARTS; start++) random.pick(cuts).starts = config
      await cutPower(t, { recording, cuts, random, program })
    })

    await t.test('it would be found if nothing synced the database once it is there', async (t) => {
      const from = recording.moments.findIndex(({ told }) => told)
      const moments = without(recording.moments, /\/realtime\.db$/, from)
      await loses(t, { recording, moments, cuts: evenly(moments, TRIES), random, program })
    })
    for (const [what, pattern] of Object.entries({ ...SYNCS, ...(storage === 'filesystem' && SYNCS_OF_FILES) })) {
      await t.test(`it would be found if nothing synced ${what}`, async (t) => {
        const moments = without(recording.moments, pattern)
        await loses(t, { recording, moments, cuts: evenly(moments, TRIES), random, program })
      })
    }
  })
}

test('with durability normal it may be lost, and the rest is as whole as ever', { skip }, async (t) => {
  const random = seeded(t)
  const recording = new Recording(t, random)
  await recording.begin()
  const storage = random.pick(['database', 'filesystem'])
  await recording.life(configOf(storage, 'normal', random), { edits: EDITS, ending: 'kill' })
  t.diagnostic(recording.summary)
  await loses(t, { recording, cuts: evenly(recording.moments, TRIES), random, program })
  const moments = recording.moments.filter(({ told }) => !told)
  await cutPower(t, { recording, moments, cuts: afterAnything(moments, { count: CUTS / 3, random }), random, program })
})

test('what was on the disk stays there when snapshots move into the database, with durability normal', { skip }, async (t) => {
  const random = seeded(t)
  const recording = new Recording(t, random)
  await recording.begin()
  await recording.life(configOf('filesystem', 'full', random), { edits: EDITS, ending: 'shutdown' })
  const moved = recording.moments.length
  await recording.life(configOf('database', 'normal', random), { edits: 1, ending: 'kill' })
  t.diagnostic(recording.summary)
  // What the second life acknowledges may be lost.
  const moments = recording.moments.filter(({ told }, at) => !told || at < moved)
  const cuts = [
    ...afterDeletions(moments, { count: CUTS / 3, random, from: moved }),
    ...afterDeletions(moments, { count: TRIES, random, from: moved, way: 'names' }),
  ]
  await cutPower(t, { recording, moments, cuts, random, program })

  const unsynced = without(moments, /\/realtime\.db(-wal)?$/, moved)
  const whenTheyAreGone = afterDeletions(unsynced, { count: TRIES, random, from: moved, way: 'names' })
  await loses(t, { recording, moments: unsynced, cuts: whenTheyAreGone, random, program })
})

/** A recording in which something is not synced any more, from one of its moments on. */
function without(moments, pattern, from = 0) {
  const rest = moments.filter(({ synced }, at) => at < from || !synced || !pattern.test(synced.file))
  assert.ok(rest.length < moments.length, 'there is such a sync')
  return rest
}

/** Demands that something acknowledged is missing after one of the cuts. */
async function loses(t, options) {
  let loss
  await cutPower(t, { ...options, found: (error) => (loss = error) })
  assert.ok(loss, 'a loss is found')
  t.diagnostic(loss.message.slice(0, 200))
}
