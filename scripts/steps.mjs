/** Runs named steps one after the other, shows how long each took, and stops at the first that fails. */

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The package's root. */
export const root = fileURLToPath(new URL('..', import.meta.url))

/** A failure that has been explained already; only its message is shown. */
export class StepFailed extends Error {}

/**
 * Runs a command in the package's root, its output shown as it comes.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {Record<string, string>} [env] added to the environment
 */
export async function run(command, args, env = {}) {
  const shown = [command, ...args].join(' ')
  const child = spawn(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
    // On Windows, npx is a batch file, which only a shell can run.
    shell: process.platform === 'win32' && command === 'npx',
  })
  const { code, signal } = await new Promise((resolve, reject) => {
    child.once('error', (error) => {
      const why = error.code === 'ENOENT' ? `${command} is not installed` : error.message
      reject(new StepFailed(`${shown} cannot be started: ${why}`))
    })
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
  if (code !== 0) throw new StepFailed(`${shown} ended with ${signal ?? `exit code ${code}`}`)
}

/**
 * Runs the steps; sets the exit code.
 *
 * @param {Array<[name: string, action: () => unknown]>} steps
 */
export async function runSteps(steps) {
  const done = []
  for (const [name, action] of steps) {
    console.log(`\n==> ${name}`)
    const start = performance.now()
    try {
      await action()
      done.push(line('ok', name, start))
    } catch (error) {
      done.push(line('FAILED', name, start))
      const left = steps.slice(done.length).map(([skipped]) => `  not run  ${skipped}`)
      console.error(`\n${[...done, ...left].join('\n')}`)
      console.error(`\n${name}: ${error instanceof StepFailed ? error.message : error.stack}`)
      process.exitCode = 1
      return
    }
  }
  console.log(`\n${done.join('\n')}`)
}

function line(state, name, start) {
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  return `  ${state.padEnd(7)}  ${name} (${seconds} s)`
}
