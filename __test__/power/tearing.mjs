/** What a disk holds of writes that were not synced when power went. */

/** The smallest part that is written whole, and the part in which systems write files. */
const SECTOR_BYTES = 512
const PAGE_BYTES = 4_096

/**
 * Ways to lose power, by name: each gives what is chosen for one file or folder with `count` operations since its sync.
 *
 * - `takes(at)`: whether an operation was done; all that a folder needs
 * - `part`: the size in which a file was written, each part of it as it was at some moment of its own
 * - `moment()`: after how many operations that was
 * - `fill`: what is where a file is longer than anything that was written to it
 */
const ways = {
  nothing: () => upTo(0),
  everything: ({ count }) => upTo(count),
  names: ({ count, isFolder }) => upTo(isFolder ? count : 0),
  bytes: ({ count, isFolder }) => upTo(isFolder ? 0 : count),
  inOrder: ({ count }, random) => upTo(random.below(count + 1)),
  someWrites: ({ count }, random) => some(Array.from({ length: count }, () => random.below(2) === 0)),
  pages: ({ count }, random) => parts(random, count, PAGE_BYTES, 0),
  sectors: ({ count }, random) => parts(random, count, SECTOR_BYTES, 0),
  remains: ({ count }, random) => parts(random, count, SECTOR_BYTES, 1 + random.below(255)),
}

/** The names of the ways, and of the one in which each file and folder has its own. */
export const wayNames = [...Object.keys(ways), 'mixed']

/** Chooses for one file or folder after the other. */
export function tearing(random, way) {
  const own = () => random.pick(Object.keys(ways))
  return (node) => ways[way === 'mixed' ? own() : way](node, random)
}

const upTo = (last) => ({ takes: (at) => at < last })

const some = (taken) => ({ takes: (at) => taken[at] })

function parts(random, count, part, fill) {
  const taken = Array.from({ length: count }, () => random.below(2) === 0)
  return { takes: (at) => taken[at], part, moment: () => random.below(count + 1), fill }
}

/** The bytes of a file: what is surely there, and what is chosen of the rest. */
export function torn({ takes, part, moment, fill }, kept, pending) {
  // They may be shown as they are, but never changed.
  if (pending.length === 0) return kept
  if (part !== undefined) return inParts({ part, moment, fill }, kept.copy(), pending)
  return pending.filter((_, at) => takes(at)).reduce((bytes, operation) => bytes.change(operation), kept.copy())
}

/**
 * A part of a file is written as it was at one moment, but each part at another one, and so is the file's size. Where
 * the size came to the disk and a part did not, there is what was there before.
 */
function inParts({ part, moment, fill }, bytes, pending) {
  const moments = new Map()
  const isDone = (at, number) => {
    if (!moments.has(number)) moments.set(number, moment())
    return at < moments.get(number)
  }
  const sizes = [bytes.length]
  for (const { does, offset, data, size } of pending) {
    sizes.push(does === 'truncate' ? size : Math.max(sizes.at(-1), offset + data.length))
  }
  bytes.resize(Math.max(...sizes), fill)
  pending.forEach(({ does, offset, data, size }, at) => {
    const [from, to] = does === 'truncate' ? [size, bytes.length] : [offset, offset + data.length]
    for (let start = from; start < to; start = nextPart(start, part)) {
      const end = Math.min(nextPart(start, part), to)
      const piece = data?.subarray(start - from, end - from) ?? Buffer.alloc(end - start)
      if (isDone(at, Math.floor(start / part))) bytes.change({ does: 'write', offset: start, data: piece })
    }
  })
  bytes.resize(sizes[moment()])
  return bytes
}

const nextPart = (at, part) => (Math.floor(at / part) + 1) * part
