/** The room's state in a process of its own, without sockets: see `__test__/rust/pure_room.rs`. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'

import { buildExample } from './cargo.mjs'

export const JOIN = 0
export const LEAVE = 1
export const FRAMES = 2
export const RESTART = 3
export const FORGET = 4

/** The type of the frames by which the room tells that it refused one. */
export const REFUSED = 99

/** The room's program. */
export const buildRoom = () => buildExample('pure_room')

/** Random numbers that a seed repeats: <https://gist.github.com/tommyettinger/46a874533244883189143505d203312c>. */
export function random(seed) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit) => Math.floor(next() * limit)
  return { below, chance: (share) => next() < share, pick: (list) => list[below(list.length)] }
}

export const number = (value) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

/** The room's process: one message at a time, answered with frames to be sent. */
export class Room {
  constructor(program) {
    this.process = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.ended = once(this.process, 'exit')
    this.process.stdin.on('error', () => {})
    this.chunks = this.process.stdout[Symbol.asyncIterator]()
    this.rest = Buffer.alloc(0)
  }

  async ask(operation, client, data = []) {
    const body = Buffer.concat([Buffer.from([operation]), number(client), ...data])
    this.process.stdin.write(Buffer.concat([number(body.length), body]))
    const frames = []
    for (let left = await this.readNumber(); left > 0; left -= 1) {
      const to = await this.readNumber()
      frames.push({ to, frame: await this.read(await this.readNumber()) })
    }
    return frames
  }

  async readNumber() {
    return (await this.read(4)).readUInt32LE()
  }

  async read(length) {
    while (this.rest.length < length) {
      const { value, done } = await this.chunks.next()
      if (done) throw new Error('the room ended; what it said is above')
      this.rest = Buffer.concat([this.rest, value])
    }
    const bytes = this.rest.subarray(0, length)
    this.rest = this.rest.subarray(length)
    return bytes
  }

  async close() {
    this.process.stdin.end()
    await this.ended
  }
}
