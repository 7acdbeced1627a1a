// Seeded Markdown and documents of every kind that the schema knows, ordinary ones and nonsense.

import { alignments, referenceTypes, schema } from './schema.mjs'

/** A source of choices; the same seed makes the same choices. Algorithm: mulberry32. */
export function createRandom(seed) {
  let state = seed | 0
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit) => Math.floor(next() * limit)
  return {
    below,
    chance: (probability) => next() < probability,
    pick: (choices) => choices[below(choices.length)],
    list: (max, make) => Array.from({ length: below(max + 1) }, make),
  }
}

const reference = '<!--civic-ref type="record" id="r-1" label="Règlement 12"-->'

const pieces = [
  'mot', 'word', 'é', '🏛', 'a', ' ', '  ', '\t', '\n', '\n', '\n\n', '  \n', '\\\n', '\u00a0', '\u2028', '\r\n',
  '*', '**', '***', '_', '__', '`', '``', '```', '~~~', '[', ']', '(', ')', '![', '](', '](/url)', '](/url "t")',
  '[ref]', '[ref]: /u "t"\n', '[^1]', '<', '>', '<b>', '</b>', '<br>', '<!--', '-->', '<!-- c -->', '<div>', '</div>',
  '<https://é.example/ü>', '<a@b.example>', '&amp;', '&eacute;', '&#65;', '&copy', '&', '\\', '\\*', '# ', '## ', '#',
  '- ', '* ', '+ ', '1. ', '2) ', '0. ', '10. ', '> ', '---', '===', '|', '\\|', '| a | b |\n|---|:-:|\n', '|-|-|\n',
  '"', "'", '!', '.', ':', '$', '~', '{', '%20', reference,
]

const lineStarts = ['', '', '> ', '- ', '* ', '1. ', '  ', '   ', '    ', '\t', '> - ', '# ', '>', '-\t', '10. ']

/** Markdown in which anything may come after anything. */
export function randomMarkdown(random) {
  const { list, pick, chance } = random
  const piece = () => pick(pieces)
  if (chance(0.5)) return list(14, piece).join('')
  return list(7, () => list(2, () => pick(lineStarts)).join('') + list(4, piece).join('')).join('\n')
}

const words = [
  'mot', 'word', 'a ', ' b', '  ', 'l’été', '🏛', '*', '_', '__', 'a_b', '`', '``', '[x]', '(y)', '!', '1. x', '# h', '- i',
  '> q', '+ p', '\\', '|', '~', '<b>', '&amp;', 'https://a.example/b', 'mailto:x@y.example', '\u00a0', '12.', '"', "'",
]

function randomMarks({ chance, pick }) {
  const marks = []
  if (chance(0.25)) {
    const href = pick(['https://a.example/b', '/x', '/x (y)', 'a"b', 'mailto:x@y.example'])
    marks.push(schema.mark('link', { href, title: chance(0.3) ? pick(['t', 'a "q"']) : null }))
  }
  for (const [name, probability] of [['em', 0.3], ['strong', 0.3], ['code', 0.2]]) {
    if (chance(probability)) marks.push(schema.mark(name))
  }
  return marks
}

function randomInline(random) {
  const { below, chance, list, pick } = random
  let marks = []
  return list(5, () => {
    if (chance(0.6)) marks = randomMarks(random)
    const kind = below(10)
    if (kind === 0) return schema.node('hard_break')
    if (kind === 1) {
      const attrs = { src: pick(['/i.png', 'a(b)c']), alt: pick([null, 'alt', 'a*b']), title: pick([null, '"q"']) }
      return schema.node('image', attrs)
    }
    if (kind === 2) {
      const attrs = { refType: pick(referenceTypes), id: pick(['r-1', 'a"b']), label: pick(['', 'é -- "']) }
      return schema.node('civicRef', attrs)
    }
    const link = marks.find((mark) => mark.type.name === 'link')
    const text = link && chance(0.3) ? link.attrs.href : pick(words) + list(2, () => pick(words)).join('')
    return schema.text(text, marks)
  })
}

function randomTable(random) {
  const { below, pick } = random
  const columns = Array.from({ length: 1 + below(3) }, () => pick([null, ...alignments]))
  const row = (cell) =>
    schema.node('table_row', null, columns.map((align) => schema.node(cell, { align }, [randomParagraph(random)])))
  const rows = Array.from({ length: below(3) }, () => row('table_cell'))
  return schema.node('table', null, [row('table_header'), ...rows])
}

function randomList(random, depth) {
  const { below, chance, pick } = random
  const items = Array.from({ length: 1 + below(3) }, () =>
    schema.node('list_item', null, [randomParagraph(random), ...(chance(0.5) ? randomBlocks(random, depth - 1) : [])]),
  )
  return chance(0.5)
    ? schema.node('bullet_list', null, items)
    : schema.node('ordered_list', { order: pick([1, 1, 2, 9, 99]) }, items)
}

const randomParagraph = (random) => schema.node('paragraph', null, randomInline(random))

function randomBlock(random, depth) {
  const { below, pick } = random
  const kind = below(depth > 0 ? 12 : 8)
  if (kind < 4) return randomParagraph(random)
  if (kind === 4) return schema.node('heading', { level: 1 + below(6) }, randomInline(random))
  if (kind === 5) {
    const text = pick(['', 'x', 'a\nb\n', '```', '````\n~~~', '  x'])
    return schema.node('code_block', { params: pick(['', 'js', ' py x']) }, text ? schema.text(text) : null)
  }
  if (kind === 6) return schema.node('horizontal_rule')
  if (kind === 7) return randomTable(random)
  if (kind === 8) return schema.node('blockquote', null, randomBlocks(random, depth - 1))
  return randomList(random, depth)
}

function randomBlocks(random, depth) {
  return Array.from({ length: 1 + random.below(3) }, () => randomBlock(random, depth))
}

/** A document as an editor may make it. Only text has marks: y-prosemirror keeps no others. */
export const randomDocument = (random) => schema.node('doc', null, randomBlocks(random, 3))
