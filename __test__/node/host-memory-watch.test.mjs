/** A warning when the process comes near the memory that it may have; one for each time that it does. */

import assert from 'node:assert/strict'
import { mock, test } from 'node:test'

import { watchMemory } from '../../dist/memory-watch.js'
import { Logger } from '../support/core.mjs'

test('it is told once at 80 %, and again after it was better', (t) => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.after(() => mock.timers.reset())
  const logger = new Logger()
  let used = 0
  const stop = watchMemory(logger, { used: () => used, available: () => 1_000, intervalMs: 10 })
  const told = []
  for (used of [100, 799, 800, 900, 760, 810, 740, 790, 800]) {
    mock.timers.tick(10)
    told.push(logger.messages('warn').length)
  }
  assert.deepEqual(told, [0, 0, 1, 1, 1, 1, 1, 1, 2])
  assert.match(logger.messages('warn')[0], /80 %/)
  stop()
  used = 0
  mock.timers.tick(10)
  used = 1_000
  mock.timers.tick(10)
  assert.equal(logger.messages('warn').length, 2)
})

test('a process without a limit of its own is far from it', (t) => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.after(() => mock.timers.reset())
  const logger = new Logger()
  t.after(watchMemory(logger, { intervalMs: 10 }))
  mock.timers.tick(10)
  assert.deepEqual(logger.messages('warn'), [])
})
