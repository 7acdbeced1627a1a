// Markdown to ProseMirror and back with prosemirror-markdown over markdown-it: what the Rust side must give
// as well. Tables, references and breaks in cells are added here; everything else is the packages' own.

import MarkdownIt from 'markdown-it'
import Token from 'markdown-it/lib/token.mjs'
import htmlBlock from 'markdown-it/lib/rules_block/html_block.mjs'
import {
  MarkdownParser,
  MarkdownSerializer,
  defaultMarkdownParser,
  defaultMarkdownSerializer,
} from 'prosemirror-markdown'
import { referenceTypes, schema } from './schema.mjs'

const reference = /^<!--civic-ref\s+type="([^"]*)"\s+id="([^"]*)"\s+label="([^"]*)"-->$/

const escapeValue = (value) => value.replaceAll('"', '&quot;').replaceAll('--', '&#45;&#45;')
const unescapeValue = (value) => value.replaceAll('&quot;', '"').replaceAll('&#45;&#45;', '--')

function referenceAttrs(html) {
  const [, refType, id, label] = reference.exec(html)
  return {
    refType: referenceTypes.includes(refType) ? refType : 'record',
    id: unescapeValue(id),
    label: unescapeValue(label),
  }
}

/** A line that begins with a reference is text; CommonMark would take the whole line for HTML. */
function htmlBlockButReferences(state, startLine, endLine, silent) {
  const line = state.src.slice(state.bMarks[startLine] + state.tShift[startLine], state.eMarks[startLine])
  const end = line.indexOf('-->')
  if (end >= 0 && reference.test(line.slice(0, end + 3))) return false
  return htmlBlock(state, startLine, endLine, silent)
}

/** Gives references a token of their own. */
function markReferences({ tokens }) {
  for (const child of tokens.flatMap((token) => token.children ?? [])) {
    if (child.type === 'html_inline' && reference.test(child.content)) child.type = 'civic_ref'
  }
}

/** A cell holds blocks: its text gets a paragraph. And a `<br>` in it is a break, for a row is one line. */
function fillCells(state) {
  state.tokens = state.tokens.flatMap((token, index) => {
    if (token.type !== 'inline' || !/^t[hd]_open$/.test(state.tokens[index - 1]?.type)) return [token]
    for (const child of token.children) {
      if (child.type === 'html_inline' && /^<br ?\/?>$/i.test(child.content)) child.type = 'hardbreak'
    }
    return [new Token('paragraph_open', 'p', 1), token, new Token('paragraph_close', 'p', -1)]
  })
}

export const tokenizer = MarkdownIt('commonmark', { html: true }).enable('table')
tokenizer.block.ruler.at('html_block', htmlBlockButReferences, {
  alt: ['paragraph', 'reference', 'blockquote'],
})
tokenizer.core.ruler.push('civic_references', markReferences)
tokenizer.core.ruler.push('civic_cells', fillCells)

const cell = (block) => ({
  block,
  getAttrs: (token) => ({ align: token.attrGet('style')?.replace('text-align:', '') ?? null }),
})

const parser = new MarkdownParser(schema, tokenizer, {
  ...defaultMarkdownParser.tokens,
  table: { block: 'table' },
  thead: { ignore: true },
  tbody: { ignore: true },
  tr: { block: 'table_row' },
  th: cell('table_header'),
  td: cell('table_cell'),
  civic_ref: { node: 'civicRef', getAttrs: (token) => referenceAttrs(token.content) },
  html_inline: { ignore: true, noCloseToken: true },
  html_block: { ignore: true, noCloseToken: true },
})

function writeReference(state, { attrs }) {
  const [type, id, label] = [attrs.refType, attrs.id, attrs.label].map(escapeValue)
  state.write(`<!--civic-ref type="${type}" id="${id}" label="${label}"-->`)
}

const cellSerializer = new MarkdownSerializer(
  {
    ...defaultMarkdownSerializer.nodes,
    civicRef: writeReference,
    // It is one line as everything in a cell, and reads as text.
    table: (...args) => writeTable(...args),
    hard_break: (state) => state.write('<br>'),
  },
  defaultMarkdownSerializer.marks,
)

const delimiters = { left: ':--', center: ':-:', right: '--:' }
const row = (cells) => `| ${cells.join(' | ')} |`

function writeTable(state, table) {
  const rows = table.children.map(({ children }) =>
    children.map((cell) =>
      cellSerializer.serialize(cell, { tightLists: true }).replace(/\n+/g, ' ').trim().replaceAll('|', '\\|'),
    ),
  )
  const columns = Math.max(...rows.map((cells) => cells.length))
  const filled = rows.map((cells) => [...cells, ...Array(columns - cells.length).fill('')])
  const aligns = filled[0].map((_, index) => delimiters[table.firstChild.maybeChild(index)?.attrs.align] ?? '---')
  state.text([filled[0], aligns, ...filled.slice(1)].map(row).join('\n'), false)
  state.closeBlock(table)
}

const serializer = new MarkdownSerializer(
  { ...defaultMarkdownSerializer.nodes, civicRef: writeReference, table: writeTable },
  defaultMarkdownSerializer.marks,
)

/** Markdown as a document of the editor. */
export const parseMarkdown = (markdown) => parser.parse(markdown)

/** A document of the editor as Markdown. */
export const serializeMarkdown = (doc) => serializer.serialize(doc)
