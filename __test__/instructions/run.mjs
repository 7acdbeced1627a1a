/**
 * Counts the instructions of a room's work under valgrind and compares them with those committed: unlike time, they are
 * the same on a busy machine. `npm run instructions [-- --accept]`.
 */

import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { root, run, StepFailed } from '../../scripts/steps.mjs'

/** By how much a count may grow, for other compilers and processors. */
const GROWTH_PERCENT_MAX = 15

/** A count that fell by as much is to be accepted too, or what was gained could be lost again unseen. */
const FALL_PERCENT_SHOWN = 15

const WORK = ['typing', 'editing', 'joining-large', 'typing-in-large']
const countsFile = path.join(root, '__test__', 'instructions', 'counts.json')
const program = path.join(root, 'target', 'release', 'examples', 'instructions')

function count(work) {
  // Only what is done within `counted`: making the work costs more than the work.
  const options = ['--tool=callgrind', '--callgrind-out-file=/dev/null', '--collect-atstart=no', '--toggle-collect=*instructions::counted*']
  const { status, stderr, error } = spawnSync('valgrind', [...options, program, work], { encoding: 'utf8' })
  const found = /Collected : (\d+)/.exec(stderr ?? '')
  if (status !== 0 || !found) throw new StepFailed(`valgrind ${work}: ${error?.message ?? stderr}`)
  const instructions = Number(found[1])
  if (instructions === 0) throw new StepFailed(`valgrind ${work}: nothing was counted; is \`counted\` inlined?`)
  return instructions
}

/** Compares all of them; with `accept`, the new ones are those to compare with from now on. */
export async function instructionCounts({ accept = false } = {}) {
  if (spawnSync('valgrind', ['--version']).status !== 0) {
    console.error('\n!!! SKIPPED: instructions are not counted, because valgrind is not installed.\n')
    return
  }
  await run('cargo', ['build', '--release', '--locked', '--no-default-features', '--example', 'instructions'])
  const counts = Object.fromEntries(WORK.map((work) => [work, count(work)]))
  const accepted = accept ? counts : JSON.parse(readFileSync(countsFile, 'utf8'))
  if (accept) writeFileSync(countsFile, `${JSON.stringify(counts, null, 2)}\n`)
  const grown = WORK.filter((work) => {
    const percent = (counts[work] / accepted[work] - 1) * 100
    const fell = percent < -FALL_PERCENT_SHOWN ? '; accept it, or it may grow back unseen' : ''
    const sign = percent < 0 ? '' : '+'
    console.log(`  ${work.padEnd(16)} ${counts[work].toLocaleString('en')} instructions (${sign}${percent.toFixed(1)} %)${fell}`)
    // A work without a count fails as well.
    return !(percent <= GROWTH_PERCENT_MAX)
  })
  if (grown.length > 0) {
    throw new StepFailed(
      `${grown.join(', ')}: more than ${GROWTH_PERCENT_MAX} % more instructions than in ${path.relative(root, countsFile)}. ` +
        'If that is as it should be, run `npm run instructions -- --accept` and commit the file.',
    )
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { accept: { type: 'boolean', default: false } } })
  try {
    await instructionCounts(values)
  } catch (error) {
    console.error(error instanceof StepFailed ? error.message : error)
    process.exitCode = 1
  }
}
