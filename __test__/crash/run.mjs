/** `npm run crash -- [--kills N] [--seed S]`: kills the engine that often and says what was found. */

import { parseArgs } from 'node:util'

import { buildExample } from '../support/cargo.mjs'
import { seeded } from '../support/random.mjs'
import { crash } from './crash.mjs'

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '300' }, seed: { type: 'string' } },
})
if (values.seed) process.env.TEST_SEED = values.seed

const endings = []
const t = { diagnostic: (line) => console.log(line), after: (ending) => endings.push(ending) }
const started = Date.now()
try {
  const program = buildExample('stored_rooms')
  const outcome = await crash(t, { kills: Number(values.kills), random: seeded(t), program })
  console.log(JSON.stringify({ ...outcome, seconds: Math.round((Date.now() - started) / 1_000) }))
} catch (error) {
  console.error(error)
  process.exitCode = 1
}
for (const ending of endings) await ending()
process.exit()
